"""Working time computed the slow way: look at every minute's wall clock. Shares no code with core/calendar.

It knows holidays, weekends, exceptions and segments by itself, so that a mistake would have to be made twice.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import chinese_calendar

MINUTE = dt.timedelta(minutes=1)
ONE_DAY = dt.timedelta(days=1)


@dataclass
class SlowCalendar:
    """`segments` are ("09:00", "12:00") pairs; `exceptions` maps a date to its segments, empty for a day off."""

    segments: list[tuple[str, str]] = field(default_factory=lambda: [("09:00", "12:00"), ("13:00", "17:00")])
    exceptions: dict[dt.date, list[tuple[str, str]]] = field(default_factory=dict)
    seen: dict[dt.date, list[tuple[str, str]]] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    def hours_of(self, date: dt.date) -> list[tuple[str, str]]:
        if date in self.exceptions:
            return self.exceptions[date]
        try:
            working = chinese_calendar.is_workday(date)
        except NotImplementedError:  # a year the library lacks
            working = date.isoweekday() not in {6, 7}
        return self.segments if working else []

    def is_worked(self, instant: dt.datetime) -> bool:
        local = instant.astimezone(self.zone)
        date = local.date()
        if date not in self.seen:
            self.seen[date] = self.hours_of(date)
        reading = local.isoformat()[11:16]
        return any(start <= reading < end for start, end in self.seen[date])

    def elapsed(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        total = dt.timedelta()
        minute = start.replace(second=0, microsecond=0)
        while minute < end:
            if self.is_worked(minute):
                total += min(end, minute + MINUTE) - max(start, minute)
            minute += MINUTE
        return total

    def due(self, start: dt.datetime, work: dt.timedelta) -> dt.datetime:
        """The first instant at which `work` is done."""
        if not work:
            return start
        minute = start.replace(second=0, microsecond=0)
        while True:
            if self.is_worked(minute):
                begin = max(start, minute)
                available = minute + MINUTE - begin
                if work <= available:
                    return begin + work
                work -= available
            minute += MINUTE
