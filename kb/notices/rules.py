"""When a notice is in force. Pure."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from core.i18n import lazy
from kb.notices.states import State


class Phase(StrEnum):
    """What people see of a notice's state and times."""

    DRAFT = "draft"
    AHEAD = "ahead"
    ACTIVE = "active"
    ENDED = "ended"


PHASE_LABELS = {
    Phase.DRAFT: lazy("草稿"),
    Phase.AHEAD: lazy("未到时间"),
    Phase.ACTIVE: lazy("生效中"),
    Phase.ENDED: lazy("已结束"),
}


def phase(state: State, *, starts_at: dt.datetime, ends_at: dt.datetime | None, now: dt.datetime) -> Phase:
    """Computed from times, never stored: a clock that jumps leaves nothing wrong behind."""
    if state is State.DRAFT:
        return Phase.DRAFT
    if state is State.ENDED or (ends_at is not None and ends_at <= now):
        return Phase.ENDED
    return Phase.AHEAD if starts_at > now else Phase.ACTIVE


def number(year: int, serial: int) -> str:
    """`N-2026-0012`."""
    return f"N-{year}-{serial:04}"
