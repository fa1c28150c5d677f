"""Clocks out of facts: what has elapsed, until when each promise runs, whether it was kept. Pure; `now` comes in.

Time is added up stretch by stretch, each by the promise that held in it, so what has elapsed never shrinks and paused
time never counts. A promise that was broken stays broken, whatever the priority becomes afterwards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.calendar import CalendarWarning, WorkCalendar
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.script import Outcome, Script, Stretches
from servicedesk.clocks.targets import Basis, Purpose, Target, TargetSet

WARN_NUMERATOR, WARN_DENOMINATOR = 3, 4  # the warning comes at 75 %
NOTHING = dt.timedelta()


class ClockState(StrEnum):
    """How a promise stands."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"  # also while it still runs, and for ever after
    STOPPED = "stopped"  # became pointless before it was due


@dataclass(frozen=True)
class Clock:
    """One clock as it stands at `now`.

    `due_at` and `warn_at` are instants of crossing 100 % and 75 %: past ones happened, later ones will if nothing
    pauses it. While paused they are those it was paused with, and move on resuming by exactly the time paused. `worked`
    is working time, `banked` the part of it before `running_since`; `spent` is what counts against `target`, which in
    calendar time is more.
    """

    name: str
    round: int
    purpose: Purpose
    line: str
    started_at: dt.datetime
    due_at: dt.datetime
    warn_at: dt.datetime
    stopped_at: dt.datetime | None
    running_since: dt.datetime | None
    worked: dt.timedelta
    banked: dt.timedelta
    spent: dt.timedelta
    target: Target
    breached: bool
    outcome: Outcome | None

    @property
    def paused(self) -> bool:
        """Neither running nor ended."""
        return self.outcome is None and self.running_since is None

    @property
    def state(self) -> ClockState:
        """The state at the `now` it was computed for."""
        return state_of(self.outcome, breached=self.breached)

    @property
    def elapsed_minutes(self) -> int:
        """Whole minutes of working time."""
        return self.worked // dt.timedelta(minutes=1)

    def warnings(self, calendar: WorkCalendar) -> list[CalendarWarning]:
        """Years it reaches into whose holidays nobody knows; none for calendar time, which needs no holidays."""
        if self.target.basis is Basis.CALENDAR:
            return []
        return calendar.warnings_for(self.started_at, max(self.started_at, self.stopped_at or self.due_at))


def state_of(outcome: Outcome | None, *, breached: bool) -> ClockState:
    """A broken promise is broken; else how it ended, or that it runs."""
    if breached:
        return ClockState.BREACHED
    if outcome is None:
        return ClockState.RUNNING
    return ClockState.MET if outcome is Outcome.DONE else ClockState.STOPPED


def clocks(facts: Iterable[Fact], *, now: dt.datetime, calendar: WorkCalendar, targets: TargetSet) -> list[Clock]:
    """Every clock of a ticket, in the order they were started.

    Facts may come in any order; those later than `now` (another machine's clock) are taken as of now's future, so the
    answer is computed for the latest of them. Raises ValueError for naive times.
    """
    facts = list(facts)
    now = max([now, *(fact.at for fact in facts)])

    def promise(priority: int, tax: bool, purpose: Purpose, at: dt.datetime) -> Target:
        return targets.target(priority, purpose, tax_filing=tax and calendar.in_filing_period(at))

    return [measure(stretches, now=now, calendar=calendar) for stretches in Script(promise).read(facts)]


def measure(stretches: Stretches, *, now: dt.datetime, calendar: WorkCalendar) -> Clock:
    """Add up the stretches and find where 75 % and 100 % are, or will be, crossed."""
    worked = spent = NOTHING
    warn, due = _Mark(WARN_NUMERATOR, WARN_DENOMINATOR), _Mark(1, 1)
    last = stretches.started_at
    for start, end, target in _pieces(stretches, now):
        work = calendar.elapsed(start, end)
        used = end - start if target.basis is Basis.CALENDAR else work
        for mark in (warn, due):
            mark.look(start, used, spent, target, calendar)
        spent += used
        worked += work
        last = end
    target, running_since = stretches.promises[-1][1], stretches.runs[-1][0] if stretches.running else None
    for mark in (warn, due):
        if not mark.crossed:  # seen from where it stands: a promise changed while it was paused counts here too
            mark.at = mark.crossing(last, spent, target, calendar)
    return Clock(
        name=stretches.name,
        round=stretches.round,
        purpose=stretches.purpose,
        line=stretches.line,
        started_at=stretches.started_at,
        due_at=due.at or last,
        warn_at=warn.at or last,
        stopped_at=stretches.stopped_at,
        running_since=running_since,
        worked=worked,
        banked=worked - calendar.elapsed(running_since, now) if running_since else worked,
        spent=spent,
        target=target,
        breached=due.crossed,
        outcome=stretches.outcome,
    )


class _Mark:
    """A share of the target, and when it is reached. Once reached it stays."""

    def __init__(self, numerator: int, denominator: int) -> None:
        self.numerator, self.denominator = numerator, denominator
        self.at: dt.datetime | None = None
        self.crossed = False

    def look(
        self, start: dt.datetime, used: dt.timedelta, spent: dt.timedelta, target: Target, calendar: WorkCalendar
    ) -> None:
        """Whether the mark is reached in a piece that begins at `start` and takes `used` of the target, its end included.

        When that is, is asked of the calendar only then: its instants and its spans come from one axis.
        """
        if not self.crossed and self._left(spent, target) <= used:
            self.at, self.crossed = self.crossing(start, spent, target, calendar), True

    def crossing(self, start: dt.datetime, spent: dt.timedelta, target: Target, calendar: WorkCalendar) -> dt.datetime:
        """When it is reached, running on from `start` with so much spent; at once if it has been passed."""
        left = self._left(spent, target)
        return start + left if target.basis is Basis.CALENDAR else calendar.advance(start, left)

    def _left(self, spent: dt.timedelta, target: Target) -> dt.timedelta:
        return max(NOTHING, target.limit * self.numerator / self.denominator - spent)


def _pieces(stretches: Stretches, now: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime, Target]]:
    """The stretches, cut where the promise changes."""
    for start, until in stretches.runs:
        end = now if until is None else until
        cuts = [at for at, _promise in stretches.promises if start < at < end]
        for a, b in zip([start, *cuts], [*cuts, end], strict=True):
            yield a, b, _promised(stretches, a)


def _promised(stretches: Stretches, at: dt.datetime) -> Target:
    return next((target for since, target in reversed(stretches.promises) if since <= at), stretches.promises[0][1])
