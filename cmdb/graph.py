"""From stored relations to needs: what fails with what.

The source of a relation needs its target, with two exceptions: `backed-up-by` is a copy of data and makes nobody fail,
and what is `part-of` a service is needed by that service (a service is made of its parts). Everything that walks
relations (impact, health, localisation) uses these needs, so that no two answers differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.impact import Need
from cmdb.models import SERVICE_TYPE, Item, Relation, RelationKind

CHUNK = 500


def ends(kind: RelationKind, source: Item, target: Item) -> tuple[int | None, int | None]:
    """(needer, needed) of a relation; (None, None) where nobody fails by it."""
    if kind is RelationKind.BACKED_UP_BY:
        return None, None
    if kind is RelationKind.PART_OF and target.type_code == SERVICE_TYPE and source.type_code != SERVICE_TYPE:
        return target.id, source.id
    return source.id, target.id


def needs_below(session: Session, root: int) -> list[Need]:
    """All current needs of `root` and of everything it needs."""
    return _walk(session, {root}, Relation.needer_id, lambda need: need.needed, most=None)


def needs_above(session: Session, roots: Iterable[int], depth: int) -> list[Need]:
    """Current needs on the way from the roots up to what needs them, at most `depth` steps, with all members of the groups met."""
    found = set(_walk(session, set(roots), Relation.needed_id, lambda need: need.needer, most=depth))
    grouped = {need.needer for need in found if need.group is not None}
    for ids in chunks(grouped):
        found |= set(_needs(session, Relation.needer_id.in_(ids)))
    return sorted(found, key=lambda need: (need.needer, need.needed, need.group or ""))


def all_needs(session: Session) -> list[Need]:
    """Every current need, for whoever walks the whole graph (localisation)."""
    return _needs(session, sa.true())


def _walk(
    session: Session,
    front: set[int],
    column: sa.orm.InstrumentedAttribute[int | None],
    onward: Callable[[Need], int],
    most: int | None,
) -> list[Need]:
    seen = set(front)
    found: list[Need] = []
    steps = 0
    while front and (most is None or steps < most):
        fresh: set[int] = set()
        for ids in chunks(front):
            for need in _needs(session, column.in_(ids)):
                found.append(need)
                fresh.add(onward(need))
        front = fresh - seen
        seen |= front
        steps += 1
    return found


def _needs(session: Session, where: sa.ColumnElement[bool]) -> list[Need]:
    rows = session.execute(
        sa.select(Relation.needer_id, Relation.needed_id, Relation.redundancy_group).where(
            where, Relation.valid_until.is_(None), Relation.needer_id.is_not(None)
        )
    )
    return [Need(needer, needed, group) for needer, needed, group in rows if needer is not None and needed is not None]


def chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    """Ids in ascending lists short enough for one statement's parameters."""
    ordered = sorted(ids)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
