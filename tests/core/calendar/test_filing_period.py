"""The filing period (征期) against the deadlines the tax administration published, and against its own rule."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import DEFAULT_CALENDAR, CalendarSettings, DayException, FilingPeriod, WorkCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
PUBLISHED = {  # 国家税务总局办公厅关于明确年度申报纳税期限的通知, last days of January to December
    2022: (19, 23, 15, 20, 19, 20, 15, 15, 20, 25, 15, 15),  # 税总办征科函〔2021〕201号
    2023: (16, 15, 15, 17, 18, 15, 17, 15, 15, 23, 15, 15),  # 税总办征科函〔2022〕245号
    2024: (15, 23, 15, 18, 22, 19, 15, 15, 18, 24, 15, 16),
}
MONTHS = [(year, month, last) for year, days in PUBLISHED.items() for month, last in enumerate(days, start=1)]


@pytest.mark.parametrize(("year", "month", "last"), MONTHS)
def test_filing_period_as_published(year: int, month: int, last: int) -> None:
    assert DEFAULT_CALENDAR.filing_period(year, month) == FilingPeriod(
        dt.date(year, month, 1), dt.date(year, month, last)
    )


def test_filing_period_of_2026() -> None:
    """By the rule; February ends on the 15th, in Spring Festival until the 23rd: the next working day is the 24th."""
    last = [DEFAULT_CALENDAR.filing_period(2026, month).last.day for month in range(1, 13)]
    assert last == [20, 24, 16, 20, 22, 15, 15, 17, 15, 26, 16, 15]


@given(st.integers(2004, 2040), st.integers(1, 12))
def test_filing_period_always_ends_on_a_working_day_not_before_the_15th(year: int, month: int) -> None:
    period = DEFAULT_CALENDAR.filing_period(year, month)
    assert period.first == dt.date(year, month, 1)
    assert period.last >= dt.date(year, month, 15)
    assert DEFAULT_CALENDAR.is_working_day(period.last)


def test_filing_period_ends_at_local_midnight() -> None:
    inside = dt.datetime(2026, 11, 16, 23, 59, 59, tzinfo=SHANGHAI)
    assert DEFAULT_CALENDAR.in_filing_period(inside)
    assert not DEFAULT_CALENDAR.in_filing_period(inside + dt.timedelta(seconds=1))
    assert DEFAULT_CALENDAR.in_filing_period(dt.datetime(2026, 10, 31, 16, 0, tzinfo=dt.UTC))  # 1 November, 00:00 there
    assert not DEFAULT_CALENDAR.in_filing_period(dt.datetime(2026, 10, 31, 15, 59, tzinfo=dt.UTC))
    assert DEFAULT_CALENDAR.day(dt.date(2026, 11, 16)).filing_period
    assert not DEFAULT_CALENDAR.day(dt.date(2026, 11, 17)).filing_period


def test_filing_period_set_by_hand_wins_and_may_reach_into_the_next_month() -> None:
    """As in February 2020, when an epidemic moved it to the 28th."""
    by_hand = {
        (2020, 2): FilingPeriod(dt.date(2020, 2, 1), dt.date(2020, 2, 28)),
        (2026, 11): FilingPeriod(dt.date(2026, 11, 2), dt.date(2026, 12, 3)),
        (2026, 12): FilingPeriod(dt.date(2026, 12, 10), dt.date(2026, 12, 20)),
    }
    calendar = WorkCalendar(CalendarSettings(filing_overrides=by_hand))
    assert calendar.filing_period(2020, 2).last.day == 28
    running = [day.date for day in calendar.days(dt.date(2026, 11, 1), dt.date(2026, 12, 31)) if day.filing_period]
    assert running[0] == dt.date(2026, 11, 2)
    assert dt.date(2026, 12, 3) in running
    assert dt.date(2026, 12, 4) not in running
    assert running[-1] == dt.date(2026, 12, 20)


def test_filing_period_knows_holidays_entered_by_hand() -> None:
    """The schedule of a year the library lacks: 1 to 5 May 2028 off, as entered."""
    assert DEFAULT_CALENDAR.filing_period(2028, 5).last == dt.date(2028, 5, 15)
    off = {dt.date(2028, 5, day): DayException(False, why="劳动节") for day in range(1, 6)}
    calendar = WorkCalendar(CalendarSettings(exceptions=off))
    # The weekend of 6 and 7 May joins them: seven days, so the seventh working day after the 15th.
    assert calendar.filing_period(2028, 5).last == dt.date(2028, 5, 24)


def test_filing_period_without_any_working_day_is_refused() -> None:
    off = {dt.date(2028, 5, 1) + dt.timedelta(days=n): DayException(False) for n in range(500)}
    with pytest.raises(ValueError, match="no working day"):
        WorkCalendar(CalendarSettings(exceptions=off)).filing_period(2028, 5)
