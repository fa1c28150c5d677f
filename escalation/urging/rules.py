"""Pure rules of urging: cool-down, quota, and whom it tells (E-05; policies.md, Tickets)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from servicedesk.tickets.states import FINISHED, State

COOL_DOWN_WORKING_MINUTES = 30
A_DAY = 3
TELL_HEAD_FROM = 2


@dataclass(frozen=True)
class Verdict:
    """Whether one may urge now; if not, from when, and why (`cool-down`, `quota`, `suspended`, `finished`)."""

    allowed: bool
    reason: str | None = None
    again_at: dt.datetime | None = None
    tells_head: bool = False
    count: int = 0  # this urging counted

    def retry_after(self, now: dt.datetime) -> int:
        """Whole seconds until it is allowed again, at least one."""
        return max(1, -int((now - self.again_at).total_seconds() // 1)) if self.again_at else 1


def verdict(
    state: State,
    earlier: Sequence[dt.datetime],
    now: dt.datetime,
    *,
    zone: dt.tzinfo,
    due: Callable[[dt.datetime, int], dt.datetime],
) -> Verdict:
    """Judge an urging at `now` after those at `earlier` (oldest first); `due(from, minutes)` counts working minutes."""
    if state is State.SUSPENDED:
        return Verdict(False, "suspended")
    if state in FINISHED:
        return Verdict(False, "finished")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = (midnight + dt.timedelta(days=1)).astimezone(dt.UTC)
    if sum(at >= midnight for at in earlier) >= A_DAY:
        return Verdict(False, "quota", tomorrow)
    if earlier and (cool := due(earlier[-1], COOL_DOWN_WORKING_MINUTES)) > now:
        return Verdict(False, "cool-down", cool)
    count = len(earlier) + 1
    return Verdict(True, tells_head=count >= TELL_HEAD_FROM, count=count)
