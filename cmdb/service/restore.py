"""Bringing an item back to how it was on a date (C-01)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team, Unit
from cmdb.models import Item, ItemVersion, Lifecycle, Relation
from cmdb.queries.history import relations_at, version_at
from cmdb.service import items, services, versions
from cmdb.service.membership import relations_changed
from cmdb.service.relations import begin, stop
from core.errors import Invalid
from core.i18n import gettext as _


def restore_item(session: Session, item: Item, at: dt.datetime, *, now: dt.datetime) -> ItemVersion:
    """Bring back the item's fields, and what it itself was related to (its outgoing relations), as they were at `at`.

    Relations to things retired since stay ended. Raises Invalid where the item did not exist then, or no longer fits
    (its name was taken meanwhile, its unit dissolved). The history keeps what was in between.
    """
    old = version_at(session, item.id, at)
    if old is None:
        raise Invalid.of("at", _("当时还没有这个配置项。"))
    items.lock(session, item)
    before = versions.snapshot(item)
    state = old.snapshot
    gone = {name: None for name in item.attributes if name not in state["attributes"]}
    items.apply(
        session,
        item,
        {
            "name": state["name"],
            "type_code": state["type"],
            "unit": _unit(session, state["unit"]),
            "lifecycle": Lifecycle(state["lifecycle"]),
            "attributes": {**state["attributes"], **gone},
            "address": state["address"],
        },
        now=now,
    )
    if item.service is not None and "service" in state:
        services._set(session, item.service, _details(session, state["service"]))  # noqa: SLF001  one concept
    session.flush()
    touched = _restore_relations(session, item, at, now)
    versions.keep(session, item, "restore", before, now)
    if touched:
        relations_changed(session, {item.id, *touched}, now=now)
    return old


def _restore_relations(session: Session, item: Item, at: dt.datetime, now: dt.datetime) -> set[int]:
    """Make the outgoing relations those of `at`; returns the other ends that changed."""

    def key(relation: Relation) -> tuple[str, int, str | None]:
        return str(relation.kind), relation.target_id, relation.redundancy_group

    then = {key(r): r for r in relations_at(session, item.id, at) if r.source_id == item.id}
    current = session.scalars(
        sa.select(Relation).where(Relation.source_id == item.id, Relation.valid_until.is_(None))
    ).all()
    touched: set[int] = set()
    if item.lifecycle is Lifecycle.RETIRED:
        then = {}
    for relation in current:
        if key(relation) not in then and stop(session, relation, now=now):
            touched.add(relation.target_id)
    standing = {key(relation) for relation in current}
    for name, relation in then.items():
        if name not in standing and relation.target.lifecycle is not Lifecycle.RETIRED:
            begin(
                session,
                source=item,
                kind=relation.kind,
                target=relation.target,
                now=now,
                redundancy_group=relation.redundancy_group,
                origin=relation.origin,
            )
            touched.add(relation.target_id)
    return touched


def _unit(session: Session, code: str) -> Unit:
    return session.scalars(sa.select(Unit).where(Unit.code == code)).one()


def _details(session: Session, state: dict[str, Any]) -> dict[str, Any]:
    team = session.scalar(sa.select(Team).where(Team.code == state["team"])) if state["team"] else None
    vendor = _unit(session, state["vendor"]) if state["vendor"] else None
    return {**state, "team": team, "vendor": vendor}
