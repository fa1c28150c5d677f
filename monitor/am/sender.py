"""Who sends an alert decides where it belongs, and which alerts are theirs to move: two offices may name theirs alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit
from accounts.scope import Viewer, covers
from cmdb.models import Item
from monitor import places
from monitor.alerts.book import Place
from monitor.alerts.service import Where
from monitor.am.wire import Incoming

WRITE = "alert.write"
UNIT = "unit"
#: Where a label of the sender's own contradicts what is known, its value is kept under this name, as Prometheus does.
EXPORTED_UNIT = "exported_unit"
Names = tuple[str, str, str]
"""item_id, item and unit as the labels say them."""
NOWHERE: Names = ("", "", "")


class Sender:
    """One sender for the length of one batch; what it may do somewhere is asked once."""

    def __init__(self, session: Session, viewer: Viewer) -> None:
        self._session, self._viewer = session, viewer
        self._whole_province = viewer.at_province(WRITE)
        self._places: dict[Names, Where] = {NOWHERE: Where(viewer.unit_id)}
        self._codes: dict[int, str] = {viewer.unit_id: viewer.unit_code}
        self._allowed: dict[int, bool] = {}

    def labelled(self, alert: Incoming) -> Incoming:
        """The alert under labels that are this sender's own.

        Whoever writes for the whole province sends what it likes. Anybody else's alert carries the unit it belongs to,
        so that equal labels of two offices stay two alerts: one sender never moves or ends another's (T-05, A-01).
        """
        if self._whole_province:
            return alert
        return _belonging(alert, self._code(self.where(alert).unit_id))

    def names_alike(self, alert: Incoming) -> bool:
        """Whether these labels will always be known by the same labels here, wherever items move."""
        return self._whole_province or _names(alert) == NOWHERE

    def apart(self, alert: Incoming) -> Incoming:
        """The alert under this sender's unit, where its own labels are taken by an alert it may not move."""
        return _belonging(alert, self._viewer.unit_code)

    def may_move(self, place: Place) -> bool:
        """Whether this sender may change or end the alert that stands there. What names no place stands in its sender's
        unit."""
        unit_id, item_id, service_id, team_id = place
        if unit_id == self._viewer.unit_id and item_id is None:
            return True
        return self._may(unit_id, team_id, service_id)

    def where(self, alert: Incoming) -> Where:
        """The item or unit the labels name, as far as the sender may write there; else the sender's own unit."""
        return self._places[_names(alert)]

    def look_up(self, incoming: Sequence[Incoming]) -> None:
        """Find the places of a batch, in as many statements as one alert's takes; before `labelled` and `where`."""
        named = {_names(alert) for alert in incoming} - self._places.keys()
        if not named:
            return
        ids = {int(number) for number, _name, _code in named if _is_id(number)}
        items = self._items(ids, {name for number, name, _code in named if name and not _is_id(number)})
        codes = {code for _number, _name, code in named if code}
        units = dict(self._session.execute(sa.select(Unit.code, Unit.id).where(Unit.code.in_(codes))).all())
        known = places.of_items(self._session, [item.id for item in items.values()])
        by_name: dict[str, list[Item]] = {}
        for item in items.values():
            by_name.setdefault(item.name, []).append(item)
        for number, name, code in named:
            found = items.get(int(number)) if _is_id(number) else _only(by_name.get(name, []), units.get(code), code)
            self._places[number, name, code] = self._place(found, known, units.get(code))

    def _items(self, ids: set[int], names: set[str]) -> dict[int, Item]:
        """By id whatever its state, by name what is in use."""
        wanted = sa.or_(Item.id.in_(ids), sa.and_(Item.name.in_(names), Item.retired_at.is_(None)))
        return {item.id: item for item in self._session.scalars(sa.select(Item).where(wanted))}

    def _place(self, item: Item | None, known: Mapping[int, places.Place], unit_id: int | None) -> Where:
        if item is not None and self._may(item.unit_id, None, item.id):
            place = known[item.id]
            return Where(place.unit_id, place.item_id, place.service_id, place.team_id)
        if unit_id is not None and self._may(unit_id, None, None):
            return Where(unit_id)
        return Where(self._viewer.unit_id)

    def _may(self, unit_id: int, team_id: int | None, service_id: int | None) -> bool:
        if team_id in self._viewer.teams_for(WRITE) or service_id in self._viewer.services_for(WRITE):
            return True
        if unit_id not in self._allowed:
            self._allowed[unit_id] = covers(self._session, self._viewer, WRITE, unit_id=unit_id)
        return self._allowed[unit_id]

    def _code(self, unit_id: int) -> str:
        if unit_id not in self._codes:
            self._codes[unit_id] = self._session.get_one(Unit, unit_id).code
        return self._codes[unit_id]


def _belonging(alert: Incoming, code: str) -> Incoming:
    said = alert.labels.get(UNIT)
    if said == code:
        return alert
    labels = {**alert.labels, **({EXPORTED_UNIT: said} if said else {}), UNIT: code}
    return msgspec.structs.replace(alert, labels=labels)


def _names(alert: Incoming) -> Names:
    labels = alert.labels
    return labels.get("item_id", ""), labels.get("item", ""), labels.get(UNIT, "")


def _is_id(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) < 18  # noqa: PLR2004  the width of a 64-bit key


def _only(found: Sequence[Item], unit_id: int | None, code: str) -> Item | None:
    """The one item of a name, in the unit that is named with it; of two better none than the wrong one."""
    fitting = [item for item in found if not code or item.unit_id == unit_id]
    return fitting[0] if len(fitting) == 1 and fitting[0].retired_at is None else None
