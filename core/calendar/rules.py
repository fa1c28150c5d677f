"""The working calendar's answers: what a day is, what lies between two instants, when something is due."""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

from core.calendar import filing
from core.calendar.axis import FIRST_YEAR, LAST_YEAR, MICROSECOND, Axis
from core.calendar.holidays import ChineseHolidays, HolidaySource
from core.calendar.model import CalendarSettings, CalendarWarning, FilingPeriod, Segments, Why, Workday
from core.clock import require_aware

SATURDAY = 5
_ONE_DAY = dt.timedelta(days=1)


class WorkCalendar:
    """Immutable answers to one set of settings; build a new one when they change. Safe to share between threads.

    Years from 1900 to 2199; outside them ValueError. Years whose holidays nobody knows are counted by weekends only,
    and `warnings_for` says so.
    """

    def __init__(self, settings: CalendarSettings | None = None, holidays: HolidaySource | None = None) -> None:
        self.settings = settings or CalendarSettings()
        self.holidays = holidays or _library()
        self.zone = ZoneInfo(self.settings.timezone)
        self._axis = Axis(self.zone, lambda day: self._judge(day)[1])
        self._filing = cache(self._filing_period)

    # --- days -------------------------------------------------------------------------------------------------

    def day(self, date: dt.date) -> Workday:
        """Whether and when `date` is worked, why it is unusual, and whether the filing period runs."""
        why, segments, note = self._judge(date)
        return Workday(date, bool(segments), segments, why, self._is_filing_day(date), note)

    def days(self, first: dt.date, last: dt.date) -> list[Workday]:
        """Every day from `first` to `last`, both included."""
        return [self.day(first + i * _ONE_DAY) for i in range((last - first).days + 1)]

    def is_working_day(self, date: dt.date) -> bool:
        """Whether any time of `date` is worked."""
        return bool(self._judge(date)[1])

    def local_date(self, instant: dt.datetime) -> dt.date:
        """The date people here write at `instant`."""
        return require_aware(instant).astimezone(self.zone).date()

    # --- working time ------------------------------------------------------------------------------------------

    def elapsed(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Working time from `start` to `end`, exact. Raises ValueError for naive times, or an `end` before `start`."""
        if require_aware(end) < require_aware(start):
            raise ValueError(f"{end.isoformat()} lies before {start.isoformat()}")
        return (self._axis.position(end) - self._axis.position(start)) * MICROSECOND

    def advance(self, start: dt.datetime, work: dt.timedelta | int) -> dt.datetime:
        """The earliest instant, in UTC, at which `work` (minutes, or a timedelta) has been worked since `start`.

        So `elapsed(start, advance(start, work)) == work` always; nothing to work is done at `start`, whatever the hour.
        Raises ValueError for naive times, negative work, or when it takes beyond the year 2199.
        """
        start = require_aware(start)
        amount = (work if isinstance(work, dt.timedelta) else dt.timedelta(minutes=work)) // MICROSECOND
        if amount < 0:
            raise ValueError(f"{work} is negative: working time only goes forward")
        return self._axis.instant_at(self._axis.position(start) + amount) if amount else start

    def is_working(self, instant: dt.datetime) -> bool:
        """Whether `instant` lies within working hours; the end of a segment no longer does."""
        return self._axis.segment_at(require_aware(instant)) is not None

    def next_working(self, instant: dt.datetime) -> dt.datetime:
        """`instant` itself within working hours, else when work next begins, in UTC."""
        if self.is_working(instant):
            return require_aware(instant)
        return self.advance(instant, MICROSECOND) - MICROSECOND

    # --- filing period -----------------------------------------------------------------------------------------

    def filing_period(self, year: int, month: int) -> FilingPeriod:
        """The filing period that begins in this month: set by hand, else by the rule of core/calendar/filing.py."""
        return self._filing(year, month)

    def in_filing_period(self, instant: dt.datetime) -> bool:
        """Whether a filing period runs at `instant`, by the local date."""
        return self._is_filing_day(self.local_date(instant))

    # --- what is not known -------------------------------------------------------------------------------------

    def knows(self, year: int) -> bool:
        """Whether the holidays of `year` are known: by the library, or declared complete by hand."""
        return year in self.holidays.years() or year in self.settings.complete_years

    def warnings_for(self, start: dt.datetime | dt.date, end: dt.datetime | dt.date) -> list[CalendarWarning]:
        """One warning for each year between the two, both included, whose holidays are not known."""
        years = range(self._year_of(start), self._year_of(end) + 1)
        earliest = min(self.holidays.years(), default=LAST_YEAR)
        return [CalendarWarning(year, too_early=year < earliest) for year in years if not self.knows(year)]

    # --- how ---------------------------------------------------------------------------------------------------

    def _judge(self, date: dt.date) -> tuple[Why | None, Segments, str]:
        if not FIRST_YEAR <= date.year <= LAST_YEAR:
            raise ValueError(f"the working calendar goes from {FIRST_YEAR} to {LAST_YEAR}, not to {date.year}")
        usual = self.settings.segments
        exception = self.settings.exceptions.get(date)
        if exception is not None:
            own = usual if exception.segments is None else exception.segments
            return Why.EXCEPTION, own if exception.working else (), exception.why
        if (name := self.holidays.day_off(date)) is not None:
            return Why.HOLIDAY, (), name
        if (name := self.holidays.make_up(date)) is not None:
            return Why.MAKE_UP, usual, name
        return (Why.WEEKEND, (), "") if date.weekday() >= SATURDAY else (None, usual, "")

    def _is_off(self, date: dt.date) -> bool:
        return not self._judge(date)[1]

    def _is_statutory(self, date: dt.date) -> bool:
        return self._is_off(date) and self._judge(date)[0] is not Why.WEEKEND

    def _filing_period(self, year: int, month: int) -> FilingPeriod:
        by_hand = self.settings.filing_overrides.get((year, month))
        if by_hand is not None:
            return by_hand
        return filing.filing_period(year, month, is_off=self._is_off, is_statutory=self._is_statutory)

    def _is_filing_day(self, date: dt.date) -> bool:
        if date in self.filing_period(date.year, date.month):
            return True
        before = date.replace(day=1) - _ONE_DAY  # a period set by hand, or much extended, may reach into the next month
        return before.year >= FIRST_YEAR and date in self.filing_period(before.year, before.month)

    def _year_of(self, when: dt.datetime | dt.date) -> int:
        return (self.local_date(when) if isinstance(when, dt.datetime) else when).year


@cache
def _library() -> ChineseHolidays:
    return ChineseHolidays()


DEFAULT_CALENDAR = WorkCalendar()
