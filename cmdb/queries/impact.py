"""Whom and what an item's failure hits: services, units and people (C-02), from the stored relations.

People are counted where the failure reaches them (ItemType.reach): those whom a failed service serves, those of a failed
site, those at a terminal. Where a site is cut off, the services it can't reach any more are counted too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Person, Unit, UnitClosure
from cmdb.graph import chunks, needs_above
from cmdb.impact import Graph, Hit, Need, Why, impact
from cmdb.models import SERVICE_TYPE, Health, ImpactMark, Item, Lifecycle, Mark, Reach, Service
from core.i18n import gettext as _
from web.filters import number

DEPTH = 10
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Affected:
    """One item on the list: how many steps away, through which item, and who says so (`reason` of a mark)."""

    item: Item
    depth: int
    through: int
    mark: Mark
    reason: str = ""


@dataclass
class Impact:
    """What fails when `item` fails, within `depth` steps. Excluded entries are listed but not counted."""

    item: Item
    depth: int
    affected: list[Affected] = field(default_factory=list)
    cut_off: list[Item] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    people: int = 0
    covered: bool = False  # something needs it, and a stand-in takes over

    @property
    def services(self) -> list[Affected]:
        """Services that fail."""
        return [a for a in self.affected if a.item.type_code == SERVICE_TYPE and a.mark is not Mark.EXCLUDED]

    @property
    def systems(self) -> int:
        """How many services fail or can't be reached from a site that is cut off; a failing service counts itself."""
        own = {self.item.id} if self.item.type_code == SERVICE_TYPE else set()
        return len(own | {a.item.id for a in self.services} | {s.id for s in self.cut_off})

    @property
    def sentence(self) -> str:
        """In plain words: “影响 12 个系统、46 人”."""
        if self.systems and self.people:
            return _("影响 %(systems)d 个系统、%(people)s 人", systems=self.systems, people=number(self.people))
        if self.systems:
            return _("影响 %(systems)d 个系统", systems=self.systems)
        if self.people:
            return _("影响 %(people)s 人", people=number(self.people))
        others = sum(a.mark is not Mark.EXCLUDED for a in self.affected)
        if others:
            return _("影响 %(items)d 个配置项，没有系统停用", items=others)
        return _("有备用顶替，单独停了不影响系统和人员") if self.covered else _("没有登记受它影响的系统和人员")


def impact_of(session: Session, item: Item, *, depth: int = DEPTH) -> Impact:
    """The impact of an item's failure. Stand-ins that are critical now can't stand in; depth is capped at 20."""
    depth = max(0, min(depth, DEEPEST))
    marks = session.scalars(
        sa.select(ImpactMark).where(ImpactMark.item_id == item.id, ImpactMark.ended_at.is_(None))
    ).all()
    reasons = {mark.affected_id: mark.reason for mark in marks}
    declared = {m.affected_id: m.reason for m in marks if m.mark is Mark.DECLARED}
    excluded = {m.affected_id: m.reason for m in marks if m.mark is Mark.EXCLUDED}
    needs = needs_above(session, {item.id, *declared}, depth)
    hits = impact(
        item.id, Graph.of(needs), depth=depth, declared=declared, excluded=excluded, down=_down(session, needs)
    )
    found = Impact(item, depth, covered=not hits and any(need.needed == item.id for need in needs))
    loaded = _load(session, hits)
    found.affected = sorted(
        (_affected(loaded[i], hit, reasons) for i, hit in hits.items() if i in loaded),
        key=lambda a: (a.depth, a.item.type_code != SERVICE_TYPE, a.item.name, a.item.id),
    )
    _reach(session, found)
    return found


def _affected(item: Item, hit: Hit, reasons: dict[int, str]) -> Affected:
    reason = "" if hit.why is Why.COMPUTED else reasons.get(item.id, "")
    return Affected(item, hit.depth, hit.through, Mark(hit.why), reason)


def _down(session: Session, needs: Iterable[Need]) -> set[int]:
    """Members of groups that are critical now."""
    found: set[int] = set()
    for ids in chunks({need.needed for need in needs if need.group is not None}):
        found |= set(session.scalars(sa.select(Item.id).where(Item.id.in_(ids), Item.health == Health.CRITICAL)))
    return found


def _load(session: Session, ids: Iterable[int]) -> dict[int, Item]:
    found: dict[int, Item] = {}
    for some in chunks(ids):
        rows = session.scalars(
            sa.select(Item)
            .options(joinedload(Item.unit), joinedload(Item.type), joinedload(Item.service))
            .where(Item.id.in_(some), Item.lifecycle != Lifecycle.RETIRED)
        ).unique()
        found.update({item.id: item for item in rows})
    return found


def _reach(session: Session, found: Impact) -> None:
    """Fill units, people and the services that sites can't reach any more."""
    trees: set[int] = set()
    single: set[int] = set()
    sites: set[int] = set()
    for item, away in [(found.item, 0), *((a.item, a.depth) for a in found.affected if a.mark is not Mark.EXCLUDED)]:
        if item.service is not None:
            (trees if item.service.user_facing else set()).add(item.unit_id)
        elif item.type.reach is Reach.SUBTREE:
            trees.add(item.unit_id)
            sites.add(item.unit_id)
        elif item.type.reach is Reach.UNIT or (item.type.reach is Reach.BEHIND and away):
            single.add(item.unit_id)
    hit_units = single | trees | {a.item.unit_id for a in found.affected if a.mark is not Mark.EXCLUDED}
    found.units = list(session.scalars(sa.select(Unit).where(Unit.id.in_(sorted(hit_units))).order_by(Unit.code)))
    found.people = _people(session, trees, single)
    found.cut_off = _unreachable(session, sites)


def _people(session: Session, trees: set[int], single: set[int]) -> int:
    if not trees and not single:
        return 0
    below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(sorted(trees)))
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(Person)
            .where(
                Person.active,
                Person.is_service.is_(False),
                sa.or_(Person.unit_id.in_(sorted(single)), Person.unit_id.in_(below)),
            )
        )
        or 0
    )


def _unreachable(session: Session, sites: set[int]) -> list[Item]:
    """Services that people of these units use: those of the units above them."""
    if not sites:
        return []
    above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id.in_(sorted(sites)))
    return list(
        session.scalars(
            sa.select(Item)
            .join(Service, Service.item_id == Item.id)
            .where(Service.user_facing, Item.lifecycle == Lifecycle.LIVE, Item.unit_id.in_(above))
            .order_by(Service.position, Item.name)
        )
    )
