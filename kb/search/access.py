"""Who may find a document, as strings that documents carry and viewers hold; one in common is enough.

    person:7                     this person (reporter, watcher, author)
    reader:12                    everybody whose own unit is 12 or below it (articles, notices)
    ticket.read@unit:12          whoever was granted the permission at unit 12; a document carries its unit and all above
    ticket.read@team:3           whoever was granted it for team 3
    item.read@service:9          whoever was granted it for service 9
    vendor:4                     people of vendor 4, while its contract lasts

The index only narrows: each source checks again in the database (`DocumentSource.readable`), so that a right that was
taken away, or a unit that was moved, is believed at once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import UnitClosure
from accounts.scope import PrincipalKind, PrincipalRow, Viewer

READER_PERMISSIONS = ("knowledge.read", "notice.read")


def held(session: Session, viewer: Viewer) -> frozenset[str]:
    """Everything this viewer holds."""
    found = {f"person:{viewer.person_id}"}
    if viewer.can(*READER_PERMISSIONS):
        found |= {f"reader:{unit}" for unit in Ancestry(session).of(viewer.unit_id)}
    for places, name, roots in (
        (viewer.units, "unit", viewer.units_for), (viewer.teams, "team", viewer.teams_for), (viewer.services, "service", viewer.services_for),
    ):  # fmt: skip
        found |= {f"{permission}@{name}:{i}" for permission in places for i in roots(permission)}
    if viewer.vendor_unit_id is not None and viewer.can("vendor.work"):
        found.add(f"vendor:{viewer.vendor_unit_id}")
    return frozenset(found)


class Admitted(NamedTuple):
    """What counts of a principal row."""

    kind: PrincipalKind
    principal_id: int
    until_at: dt.datetime | None


class Ancestry:
    """Units and all above them; read once for a batch of documents."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, frozenset[int]] = {}

    def of(self, unit_id: int) -> frozenset[int]:
        """The unit and all above it."""
        if unit_id not in self._known:
            rows = self._session.scalars(sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == unit_id))
            self._known[unit_id] = frozenset(rows)
        return self._known[unit_id]

    def granted(self, permission: str, *, units: Iterable[int] = (), teams: Iterable[int] = ()) -> frozenset[str]:
        """Strings of a record that belongs to these units and teams."""
        above = {a for unit in units for a in self.of(unit)}
        return frozenset({f"{permission}@unit:{a}" for a in above} | {f"{permission}@team:{t}" for t in teams})

    def of_rows(self, permission: str, rows: Iterable[PrincipalRow | Admitted]) -> frozenset[str]:
        """Strings of a record that has principal rows; those that ended are left out."""
        now_on = [row for row in rows if row.until_at is None]
        by_kind = {kind: [row.principal_id for row in now_on if row.kind is kind] for kind in PrincipalKind}
        found = {f"person:{i}" for i in by_kind[PrincipalKind.PERSON]} | {
            f"vendor:{i}" for i in by_kind[PrincipalKind.VENDOR]
        }
        return self.granted(permission, units=by_kind[PrincipalKind.UNIT], teams=by_kind[PrincipalKind.TEAM]) | found


def readers(unit_ids: Iterable[int]) -> frozenset[str]:
    """Strings of what is written for the people of these subtrees."""
    return frozenset(f"reader:{unit}" for unit in unit_ids)
