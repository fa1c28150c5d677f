"""What the clocks of tickets tell, each at most once for a clock."""

from __future__ import annotations

import datetime as dt

from core.events.base import Event


class ClockWarned(Event, frozen=True, kw_only=True):
    """Three quarters of a target are used up.

    `clock` respond|resolve|line-<line>|line-<line>-respond; `round` counts from 1. `on_duty_only`: it is outside
    working hours, so only people on duty may be reached. `overtaken`: the breach is told at the same time, since
    nobody was there to tell the warning; there is no need to send both.
    """

    ticket_id: int
    number: str
    clock: str
    round: int
    purpose: str
    line: str
    due_at: dt.datetime
    at: dt.datetime
    priority: int
    on_duty_only: bool = False
    overtaken: bool = False


class ClockBreached(Event, frozen=True, kw_only=True):
    """A target was missed at `due_at`; `ended`: what it waited for has happened meanwhile."""

    ticket_id: int
    number: str
    clock: str
    round: int
    purpose: str
    line: str
    due_at: dt.datetime
    at: dt.datetime
    priority: int
    on_duty_only: bool = False
    ended: bool = False
