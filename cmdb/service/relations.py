"""Relations: begun, changed and ended, never deleted (any date can be shown)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.graph import ends
from cmdb.models import RELATION_LABELS, Item, Lifecycle, Origin, Relation, RelationKind
from cmdb.service.events import log_event
from cmdb.service.membership import relations_changed
from core.errors import Conflict, Invalid
from core.i18n import gettext as _


def relate(
    session: Session,
    *,
    source: Item,
    kind: RelationKind,
    target: Item,
    now: dt.datetime,
    redundancy_group: str | None = None,
    origin: Origin = Origin.DECLARED,
) -> Relation:
    """Say that `source` needs `target` in this way, from now on.

    Raises Invalid for an item related to itself or a retired one, Conflict where the same relation already stands.
    """
    relation = begin(
        session, source=source, kind=kind, target=target, now=now, redundancy_group=redundancy_group, origin=origin
    )
    relations_changed(session, {source.id, target.id}, now=now)
    return relation


def begin(
    session: Session,
    *,
    source: Item,
    kind: RelationKind,
    target: Item,
    now: dt.datetime,
    redundancy_group: str | None = None,
    origin: Origin = Origin.DECLARED,
) -> Relation:
    """As relate, leaving what follows from it (services, their health) to the caller, who does it once for many."""
    if source.id == target.id:
        raise Invalid.of("target", _("配置项不能依赖自己。"))
    for field, item in (("source", source), ("target", target)):
        if item.lifecycle is Lifecycle.RETIRED:
            raise Invalid.of(field, _("“%(name)s”已停用，不能再建立关系。", name=item.name))
    standing = session.scalar(
        sa.select(Relation.id).where(
            Relation.source_id == source.id,
            Relation.kind == kind,
            Relation.target_id == target.id,
            Relation.valid_until.is_(None),
        )
    )
    if standing is not None:
        raise Conflict(_("这条关系已经存在（编号 %(id)d）。", id=standing))
    needer, needed = ends(kind, source, target)
    relation = Relation(
        source=source,
        kind=kind,
        target=target,
        redundancy_group=(redundancy_group or "").strip() or None,
        origin=origin,
        needer_id=needer,
        needed_id=needed,
        valid_from=now,
    )
    session.add(relation)
    try:
        with session.begin_nested():
            session.flush()
    except sa.exc.IntegrityError as error:
        raise Conflict(_("这条关系刚刚有人建立。")) from error
    _log(session, relation, "+", now)
    return relation


def end_relation(session: Session, relation: Relation, *, now: dt.datetime) -> None:
    """The relation holds no longer. Ending it twice changes nothing."""
    if stop(session, relation, now=now):
        relations_changed(session, {relation.source_id, relation.target_id}, now=now)


def stop(session: Session, relation: Relation, *, now: dt.datetime) -> bool:
    """As end_relation, leaving what follows to the caller; returns whether it still stood."""
    if relation.valid_until is not None:
        return False
    relation.valid_until = now
    session.flush()
    _log(session, relation, "-", now)
    return True


def change_relation(
    session: Session, relation: Relation, *, redundancy_group: str | None, now: dt.datetime
) -> Relation:
    """Move the target into another group of stand-ins, or out of it: the old relation ends and a new one begins."""
    group = (redundancy_group or "").strip() or None
    if relation.valid_until is not None:
        raise Conflict(_("这条关系已经结束，请重新建立。"))
    if group == relation.redundancy_group:
        return relation
    stop(session, relation, now=now)
    return relate(
        session,
        source=relation.source,
        kind=relation.kind,
        target=relation.target,
        now=now,
        redundancy_group=group,
        origin=relation.origin,
    )


def _log(session: Session, relation: Relation, sign: str, now: dt.datetime) -> None:
    """One line at each end, such as “+ 依赖 核心库” and “+ 被依赖 核心征管”."""
    label = str(RELATION_LABELS[relation.kind])
    group = f"（{relation.redundancy_group}）" if relation.redundancy_group else ""
    ref = f"relation:{relation.id}"
    log_event(session, relation.source_id, "relation", f"{sign} {label} → {relation.target.name}{group}", now, ref)
    log_event(session, relation.target_id, "relation", f"{sign} {relation.source.name} {label}{group}", now, ref)
