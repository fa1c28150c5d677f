"""What each check means for its item's health: only believed states count, and silence is no data (M-09)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.orm import Session

from cmdb.models import Health
from cmdb.service import clear_health, set_health_many
from cmdb.service.health import Report
from monitor.models import CheckState
from monitor.states import State

if TYPE_CHECKING:
    from monitor.results.stand import Stand


class Heard(Protocol):
    """Where a check stands: the row, or what intake knows of it."""

    @property
    def hard(self) -> State | None: ...
    @property
    def nodata_since(self) -> dt.datetime | None: ...


def believed(state: Heard) -> Health:
    """The health a check vouches for: its last HARD state, while somebody still hears of it."""
    if state.nodata_since is not None or state.hard is None:
        return Health.NODATA
    return Health(state.hard.value)


def source_of(check_id: int) -> str:
    """The name under which a check speaks for its item."""
    return f"check:{check_id}"


def say(session: Session, states: Iterable[CheckState | Stand], *, now: dt.datetime) -> None:
    """Tell cmdb what these checks say of their items, and since when."""
    reports = [
        Report(s.check.item_id, source_of(s.check_id), believed(s), s.nodata_since or s.hard_since or now)
        for s in states
    ]
    set_health_many(session, reports, now=now)


def forget(session: Session, *, item_id: int, check_id: int, now: dt.datetime) -> None:
    """A check is gone: it says nothing of its item any more."""
    clear_health(session, item_id, source_of(check_id), now=now)
