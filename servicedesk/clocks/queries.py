"""Reading clocks. Whoever asks has found the tickets through their own scope; clocks have no scope of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from servicedesk.calendar import service as calendars
from servicedesk.clocks.models import ClockRow
from servicedesk.clocks.rules import ClockState
from servicedesk.clocks.script import Outcome
from servicedesk.clocks.targets import Basis, Purpose


@dataclass(frozen=True)
class ClockView:
    """A clock at `now`, in the contract's words and a few more. `warnings`: years without known holidays, in words."""

    name: str
    round: int
    purpose: Purpose
    line: str
    started_at: dt.datetime
    due_at: dt.datetime
    warn_at: dt.datetime
    stopped_at: dt.datetime | None
    paused: bool
    elapsed_minutes: int
    state: ClockState
    basis: Basis
    target_minutes: float
    warnings: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Nothing runs or waits any more."""
        return self.stopped_at is not None


def stands(state: ClockState, now: dt.datetime) -> sa.ColumnElement[bool]:
    """The condition on ClockRow under which it stands so at `now` (as ClockRow.state says of one row)."""
    late = sa.or_(ClockRow.crossed, sa.and_(ClockRow.running_since.is_not(None), ClockRow.due_at <= now))
    if state is ClockState.BREACHED:
        return late
    ended = {ClockState.MET: ClockRow.outcome == Outcome.DONE, ClockState.STOPPED: ClockRow.outcome == Outcome.STOPPED}
    return sa.and_(~late, ended.get(state, ClockRow.outcome.is_(None)))


def clocks_of(session: Session, ticket_ids: Iterable[int], *, now: dt.datetime) -> dict[int, list[ClockView]]:
    """The clocks of each ticket, in the order they were started; one query for all of them."""
    found: dict[int, list[ClockView]] = {ticket_id: [] for ticket_id in ticket_ids}
    if not found:
        return found
    calendar = calendars.current(session)
    rows = session.scalars(
        sa.select(ClockRow).where(ClockRow.ticket_id.in_(found)).order_by(ClockRow.ticket_id, ClockRow.position)
    )
    for row in rows:
        working = row.basis is Basis.WORKING
        reach = max(row.started_at, row.stopped_at or row.due_at)
        warnings = calendar.warnings_for(row.started_at, reach) if working else []
        found[row.ticket_id].append(
            ClockView(
                name=row.name,
                round=row.round,
                purpose=row.purpose,
                line=row.line,
                started_at=row.started_at,
                due_at=row.due_at,
                warn_at=row.warn_at,
                stopped_at=row.stopped_at,
                paused=row.paused,
                elapsed_minutes=row.elapsed_minutes(now, calendar),
                state=row.state(now),
                basis=row.basis,
                target_minutes=row.limit_s / 60,
                warnings=tuple(warning.text for warning in warnings),
            )
        )
    return found
