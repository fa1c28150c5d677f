"""The small drawing on an item's page: what it needs, and what needs it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from cmdb import queries
from cmdb.models import RELATION_LABELS, Item, Relation, RelationKind
from core.i18n import gettext as _

MOST = 40


def picture(session: Session, viewer: Viewer, item: Item) -> dict[str, Any]:
    """Nodes and edges for graph.js: one step up, two steps down, at most 40 items; a needer points to what it needs.

    What lies outside the viewer's scope is drawn by its type alone.
    """
    relations = _nearby(session, item.id)
    ids = [item.id, *dict.fromkeys(i for r in relations for i in (r.source_id, r.target_id) if i != item.id)]
    shown = ids[:MOST]
    known = queries.find_items(session, viewer, shown)
    ends = {i.id: i for r in relations for i in (r.source, r.target)}
    nodes = [
        _node(known.get(i) or item if i == item.id else known.get(i), ends.get(i), root=i == item.id) for i in shown
    ]
    return {"nodes": nodes, "edges": [_edge(r) for r in relations if r.source_id in shown and r.target_id in shown]}


def _nearby(session: Session, root: int) -> list[Relation]:
    """Relations one step up and two steps down, the nearest first."""
    first = list(queries.current_relations(session, [root]))
    below = {r.needed_id for r in first if r.needer_id == root and r.needed_id}
    second = (
        session.scalars(
            sa.select(Relation)
            .options(sa.orm.joinedload(Relation.source), sa.orm.joinedload(Relation.target))
            .where(Relation.needer_id.in_(sorted(below)), Relation.valid_until.is_(None))
            .order_by(Relation.id)
            .limit(MOST * 2)
        )
        .unique()
        .all()
    )
    order = {
        r.needed_id: n for n, r in enumerate(first)
    }  # what hangs on the same thing stands together: fewer crossings
    return list(dict.fromkeys([*first[: MOST * 2], *sorted(second, key=lambda r: (order.get(r.needer_id, 0), r.id))]))


def _node(item: Item | None, end: Item | None, *, root: bool) -> dict[str, Any]:
    if item is None:
        label = end.type.word if end is not None else ""
        return {
            "id": end.id if end else 0,
            "label": _("%(type)s（辖区外）", type=label),
            "state": "nodata",
            "root": False,
        }
    url = None if root else url_for("cmdb.item", item_id=item.id)
    return {"id": item.id, "label": item.name, "state": str(item.health), "url": url, "root": root}


def _edge(relation: Relation) -> dict[str, Any]:
    label = relation.redundancy_group or (
        "" if relation.kind is RelationKind.DEPENDS_ON else str(RELATION_LABELS[relation.kind])
    )
    source, target = relation.needer_id or relation.source_id, relation.needed_id or relation.target_id
    return {"source": source, "target": target, "label": label}
