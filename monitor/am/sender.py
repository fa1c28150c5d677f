"""Who sends an alert decides where it belongs, and which alerts are theirs to move: two offices may name theirs alike."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit, UnitLevel
from accounts.scope import Viewer, covers
from cmdb.models import Item
from monitor import places
from monitor.alerts.models import Alert
from monitor.alerts.service import Where
from monitor.am.wire import Incoming

WRITE = "alert.write"
UNIT = "unit"
#: Where a label of the sender's own contradicts what is known, its value is kept under this name, as Prometheus does.
EXPORTED_UNIT = "exported_unit"


class Sender:
    """One sender for the length of one batch; what it may do somewhere is asked once."""

    def __init__(self, session: Session, viewer: Viewer) -> None:
        self._session, self._viewer = session, viewer
        self._whole_province = self._writes_everywhere()
        self._places: dict[tuple[str, str, str], Where] = {}
        self._codes: dict[int, str] = {}
        self._allowed: dict[tuple[int | None, int | None, int | None], bool] = {}

    def _writes_everywhere(self) -> bool:
        levels = sa.select(Unit.id).where(Unit.id.in_(self._viewer.units_for(WRITE)), Unit.level == UnitLevel.PROVINCE)
        return self._session.scalar(levels.limit(1)) is not None

    def labelled(self, alert: Incoming) -> Incoming:
        """The alert under labels that are this sender's own.

        Whoever writes for the whole province sends what it likes. Anybody else's alert carries the unit it belongs to,
        so that equal labels of two offices stay two alerts: one sender never moves or ends another's (T-05, A-01).
        """
        if self._whole_province:
            return alert
        return _belonging(alert, self._code(self.where(alert).unit_id))

    def apart(self, alert: Incoming) -> Incoming:
        """The alert under this sender's unit, where its own labels are taken by an alert it may not move."""
        return _belonging(alert, self._viewer.unit_code)

    def may_move(self, alert: Alert) -> bool:
        """Whether this sender may change or end this alert. What names no place stands in its sender's unit."""
        if alert.unit_id == self._viewer.unit_id and alert.item_id is None:
            return True
        return self._may(alert.unit_id, alert.team_id, alert.service_id)

    def where(self, alert: Incoming) -> Where:
        """The item or unit the labels name, as far as the sender may write there; else the sender's own unit."""
        names = alert.labels.get("item_id", ""), alert.labels.get("item", ""), alert.labels.get(UNIT, "")
        if names not in self._places:
            self._places[names] = self._find(*names)
        return self._places[names]

    def _find(self, item_id: str, item_name: str, unit_code: str) -> Where:
        item = self._item(item_id, item_name, unit_code)
        if item is not None and self._may(item.unit_id, None, item.id):
            place = places.of_items(self._session, {item.id})[item.id]
            return Where(place.unit_id, place.item_id, place.service_id, place.team_id)
        unit = self._session.scalar(sa.select(Unit.id).where(Unit.code == unit_code)) if unit_code else None
        if unit is not None and self._may(unit, None, None):
            return Where(unit)
        return Where(self._viewer.unit_id)

    def _item(self, number: str, name: str, unit_code: str) -> Item | None:
        if number.isascii() and number.isdigit() and len(number) < 18:  # noqa: PLR2004  the width of a 64-bit key
            return self._session.get(Item, int(number))
        if not name:
            return None
        statement = sa.select(Item).where(Item.name == name, Item.retired_at.is_(None))
        if unit_code:
            statement = statement.join(Unit, Unit.id == Item.unit_id).where(Unit.code == unit_code)
        found = self._session.scalars(statement.limit(2)).all()
        return found[0] if len(found) == 1 else None  # two of one name: better none than the wrong one

    def _may(self, unit_id: int | None, team_id: int | None, service_id: int | None) -> bool:
        place = (unit_id, team_id, service_id)
        if place not in self._allowed:
            self._allowed[place] = covers(
                self._session, self._viewer, WRITE, unit_id=unit_id, team_id=team_id, service_id=service_id
            )
        return self._allowed[place]

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
