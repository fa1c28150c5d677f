"""Relations between items a viewer may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, joinedload

from accounts.scope import Viewer
from cmdb.models import Item, Relation, RelationKind
from cmdb.queries.items import BIGGEST_ID, visible
from core.errors import NotFound
from core.i18n import gettext as _
from web.paging import Key, Page, page


def _visible_ends(viewer: Viewer) -> sa.ColumnElement[bool]:
    """A relation may be known to whoever may see its source or its target."""
    mine = sa.select(Item.id).where(visible(viewer))
    return sa.or_(Relation.source_id.in_(mine), Relation.target_id.in_(mine))


def get_relation(session: Session, viewer: Viewer, relation_id: int) -> Relation:
    """One relation; raises NotFound where there is none, or the viewer may not know of it."""
    found = session.scalar(
        sa.select(Relation)
        .options(joinedload(Relation.source), joinedload(Relation.target))
        .where(Relation.id == min(relation_id, BIGGEST_ID), _visible_ends(viewer))
    )
    if found is None:
        raise NotFound(_("没有这条关系，或您无权查看。"))
    return found


def relations_page(
    session: Session,
    viewer: Viewer,
    *,
    cursor: str | None,
    limit: int,
    source: int | None = None,
    target: int | None = None,
    kind: RelationKind | None = None,
    ended: bool = False,
    q: str | None = None,
) -> Page[Relation]:
    """A page of relations by id; those that ended are left out unless asked for."""
    statement = sa.select(Relation).where(_visible_ends(viewer))
    if not ended:
        statement = statement.where(Relation.valid_until.is_(None))
    for column, value in ((Relation.source_id, source), (Relation.target_id, target), (Relation.kind, kind)):
        if value is not None:
            statement = statement.where(column == value)
    if q:
        one, other = aliased(Item), aliased(Item)
        statement = (
            statement.join(one, one.id == Relation.source_id)
            .join(other, other.id == Relation.target_id)
            .where(sa.or_(one.name.icontains(q, autoescape=True), other.name.icontains(q, autoescape=True)))
        )
    return page(session, statement, [Key(Relation.id)], cursor=cursor, limit=limit)


def current_relations(session: Session, item_ids: Collection[int]) -> Sequence[Relation]:
    """Relations that stand now from and to these items, with both ends loaded."""
    wanted = sorted(item_ids)
    return (
        session.scalars(
            sa.select(Relation)
            .options(joinedload(Relation.source), joinedload(Relation.target))
            .where(
                sa.or_(Relation.source_id.in_(wanted), Relation.target_id.in_(wanted)), Relation.valid_until.is_(None)
            )
            .order_by(Relation.kind, Relation.id)
        )
        .unique()
        .all()
    )
