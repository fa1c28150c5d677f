"""Where holidays and make-up days (调休) come from. Both are dates, never instants."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

import chinese_calendar


class HolidaySource(Protocol):
    """Holidays of the years it knows; of other years it says nothing."""

    def years(self) -> range:
        """The years whose schedule is complete."""

    def day_off(self, day: dt.date) -> str | None:
        """The holiday's name in Chinese when `day` is off by the schedule, be it a weekend day or not; else None."""

    def make_up(self, day: dt.date) -> str | None:
        """The name of the holiday that `day`, a weekend day, is worked for; else None."""


class ChineseHolidays:
    """The State Council's yearly schedules, from 2004 on, as the `chinesecalendar` library carries them.

    The schedule of a year is published in the November before, so the library is always missing the years to come.
    """

    def __init__(self) -> None:
        names = {holiday.value: str(holiday.chinese) for holiday in chinese_calendar.Holiday}
        self._off = {day: names[value] for day, value in chinese_calendar.holidays.items()}
        self._worked = {day: names[value] for day, value in chinese_calendar.workdays.items()}
        self._years = range(min(self._off).year, max(self._off).year + 1)

    def years(self) -> range:
        """2004 up to the newest year the installed library has."""
        return self._years

    def day_off(self, day: dt.date) -> str | None:
        """The holiday's name, or None."""
        return self._off.get(day)

    def make_up(self, day: dt.date) -> str | None:
        """The holiday a weekend day is worked for, or None."""
        return self._worked.get(day)
