"""T-01: one walk gives elapsed and due, exact, against a slow calendar that looks at every minute."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import DEFAULT_CALENDAR, CalendarSettings, DayException, Segment, Why, WorkCalendar
from tests.core.calendar.slow_calendar import SlowCalendar

UTC = dt.UTC
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: dt.tzinfo = SHANGHAI) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


def seconds(**parts: float) -> dt.timedelta:
    return dt.timedelta(**parts)


# --- against the slow calendar ---------------------------------------------------------------------------------

CLOCKS = st.lists(st.integers(0, 96).map(lambda quarter: quarter * 15), min_size=2, max_size=8, unique=True).map(sorted)


def pairs(marks: list[int]) -> list[tuple[int, int]]:
    return list(zip(marks[::2], marks[1::2], strict=False))


SEGMENTS = CLOCKS.map(pairs).filter(bool)
INSTANTS = st.datetimes(dt.datetime(2003, 11, 1), dt.datetime(2028, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001
SPANS = st.one_of(
    st.timedeltas(dt.timedelta(), dt.timedelta(hours=40)), st.timedeltas(dt.timedelta(), dt.timedelta(days=12))
)


def text(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def calendars(draw: st.DrawFn, around: dt.date) -> tuple[WorkCalendar, SlowCalendar]:
    usual = draw(SEGMENTS)
    days = draw(st.lists(st.integers(-2, 20).map(lambda n: around + dt.timedelta(days=n)), max_size=6, unique=True))
    exceptions = {day: draw(st.one_of(st.just([]), SEGMENTS)) for day in days}
    fast = WorkCalendar(
        CalendarSettings(
            segments=tuple(Segment(*pair) for pair in usual),
            exceptions={
                day: DayException(bool(own), tuple(Segment(*pair) for pair in own)) for day, own in exceptions.items()
            },
        )
    )

    def words(segments: list[tuple[int, int]]) -> list[tuple[str, str]]:
        return [(text(start), text(end)) for start, end in segments]

    return fast, SlowCalendar(words(usual), {day: words(own) for day, own in exceptions.items()})


@settings(max_examples=120, deadline=None)
@given(st.data(), INSTANTS, SPANS)
def test_T_01_elapsed_agrees_with_the_slow_calendar(
    data: st.DataObject, start: dt.datetime, span: dt.timedelta
) -> None:
    fast, slow = data.draw(calendars(start.date()))
    assert fast.elapsed(start, start + span) == slow.elapsed(start, start + span)


@settings(max_examples=120, deadline=None)
@given(st.data(), INSTANTS, st.timedeltas(dt.timedelta(), dt.timedelta(hours=45)))
def test_T_01_due_agrees_with_the_slow_calendar(data: st.DataObject, start: dt.datetime, work: dt.timedelta) -> None:
    fast, slow = data.draw(calendars(start.date()))
    due = fast.advance(start, work)
    if due - start < dt.timedelta(days=15):  # a random calendar of 15 minutes a day would take the slow one too long
        assert due == slow.due(start, work)


@settings(max_examples=60, deadline=None)
@given(st.datetimes(dt.datetime(1986, 1, 1), dt.datetime(1992, 1, 1), timezones=st.just(UTC)), SPANS)  # noqa: DTZ001
def test_T_01_summer_time_of_1986_to_1991_is_counted_right(start: dt.datetime, span: dt.timedelta) -> None:
    assert DEFAULT_CALENDAR.elapsed(start, start + span) == SlowCalendar().elapsed(start, start + span)


@settings(max_examples=300, deadline=None)
@given(INSTANTS, st.timedeltas(dt.timedelta(), dt.timedelta(days=90)))
def test_T_01_due_is_the_inverse_of_elapsed(start: dt.datetime, work: dt.timedelta) -> None:
    due = DEFAULT_CALENDAR.advance(start, work)
    assert due >= start
    assert DEFAULT_CALENDAR.elapsed(start, due) == work
    if work:
        earlier = due - dt.timedelta(microseconds=1)
        assert DEFAULT_CALENDAR.elapsed(start, earlier) < work  # the earliest such instant


@settings(max_examples=300, deadline=None)
@given(st.lists(INSTANTS, min_size=3, max_size=3))
def test_T_01_elapsed_adds_up(instants: list[dt.datetime]) -> None:
    a, b, c = sorted(instants)
    calendar = DEFAULT_CALENDAR
    assert calendar.elapsed(a, b) + calendar.elapsed(b, c) == calendar.elapsed(a, c)


@settings(max_examples=60, deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=6))
def test_T_01_the_order_of_questions_changes_no_answer(instants: list[dt.datetime]) -> None:
    start = dt.datetime(2015, 6, 1, tzinfo=UTC)
    asked_in_turn = WorkCalendar()
    for instant in instants:  # the index grows forwards and backwards as it is asked
        a, b = sorted((start, instant))
        assert asked_in_turn.elapsed(a, b) == DEFAULT_CALENDAR.elapsed(a, b)


# --- by example ------------------------------------------------------------------------------------------------

EXAMPLES = [
    ("a plain morning", "2026-11-23 09:00", 60, "2026-11-23 10:00"),
    ("over lunch", "2026-11-23 11:30", 60, "2026-11-23 13:30"),
    ("to the very end of the morning", "2026-11-23 09:00", 180, "2026-11-23 12:00"),
    ("one minute more", "2026-11-23 09:00", 181, "2026-11-23 13:01"),
    ("from the end of a segment", "2026-11-23 12:00", 1, "2026-11-23 13:01"),
    ("from within lunch", "2026-11-23 12:30", 30, "2026-11-23 13:30"),
    ("over night", "2026-11-23 16:30", 60, "2026-11-24 09:30"),
    ("to closing time", "2026-11-23 16:00", 60, "2026-11-23 17:00"),
    ("before opening", "2026-11-23 07:00", 60, "2026-11-23 10:00"),
    ("over a weekend", "2026-11-20 16:30", 60, "2026-11-23 09:30"),
    ("from Saturday night", "2026-11-21 23:00", 60, "2026-11-23 10:00"),
    ("over the National Day week of 2026", "2026-09-30 16:00", 120, "2026-10-08 10:00"),
    ("into the make-up Saturday of 10 October 2026", "2026-10-09 16:00", 120, "2026-10-10 10:00"),
    ("from it to the Monday after", "2026-10-10 16:00", 120, "2026-10-12 10:00"),
    ("over Spring Festival 2024 into the make-up Sunday", "2024-02-09 16:00", 120, "2024-02-18 10:00"),
    ("nothing to do is done at once, at night too", "2026-11-21 23:00", 0, "2026-11-21 23:00"),
    ("into a year nobody knows: weekends only", "2026-12-31 16:00", 120, "2027-01-01 10:00"),
    ("before the records: weekends only", "2003-12-31 16:00", 60, "2003-12-31 17:00"),
    ("40 hours are five days and five hours more", "2026-11-16 09:00", 40 * 60, "2026-11-23 15:00"),
]


@pytest.mark.parametrize(("start", "minutes", "due"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_T_01_due_by_example(start: str, minutes: int, due: str) -> None:
    found = DEFAULT_CALENDAR.advance(at(start), minutes)
    assert found == at(due)
    assert found.tzinfo is UTC
    assert DEFAULT_CALENDAR.elapsed(at(start), at(due)) == dt.timedelta(minutes=minutes)


def test_T_01_is_exact_to_the_second_and_below() -> None:
    start = at("2026-11-23 11:59:58.500000")
    assert DEFAULT_CALENDAR.elapsed(start, at("2026-11-23 13:00:01.250000")) == dt.timedelta(seconds=2.75)
    assert DEFAULT_CALENDAR.advance(start, dt.timedelta(seconds=2.75)) == at("2026-11-23 13:00:01.250000")


def test_T_01_the_zone_of_the_question_does_not_matter() -> None:
    shanghai, new_york = at("2026-11-23 09:00"), at("2026-11-22 20:00", ZoneInfo("America/New_York"))
    assert shanghai == new_york
    assert DEFAULT_CALENDAR.advance(shanghai, 90) == DEFAULT_CALENDAR.advance(new_york, 90)


def test_T_01_naive_times_are_refused() -> None:
    naive = dt.datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001
    for ask in (
        lambda: DEFAULT_CALENDAR.advance(naive, 1),
        lambda: DEFAULT_CALENDAR.elapsed(naive, at("2026-11-23 10:00")),
        lambda: DEFAULT_CALENDAR.elapsed(at("2026-11-23 08:00"), naive),
        lambda: DEFAULT_CALENDAR.is_working(naive),
        lambda: DEFAULT_CALENDAR.in_filing_period(naive),
        lambda: DEFAULT_CALENDAR.warnings_for(naive, naive),
    ):
        with pytest.raises(ValueError, match="no time zone"):
            ask()


def test_T_01_backwards_and_negative_are_refused() -> None:
    with pytest.raises(ValueError, match="lies before"):
        DEFAULT_CALENDAR.elapsed(at("2026-11-23 10:00"), at("2026-11-23 09:00"))
    with pytest.raises(ValueError, match="negative"):
        DEFAULT_CALENDAR.advance(at("2026-11-23 10:00"), -1)


def test_T_01_years_out_of_reach_are_refused_not_guessed() -> None:
    for ask in (
        lambda: DEFAULT_CALENDAR.day(dt.date(1899, 12, 31)),
        lambda: DEFAULT_CALENDAR.elapsed(dt.datetime(1800, 1, 1, tzinfo=UTC), at("1990-01-01 09:00")),
        lambda: WorkCalendar().advance(at("2199-12-01 09:00"), 60 * 24 * 365),
    ):
        with pytest.raises(ValueError, match="1900 to 2199"):
            ask()


def test_T_01_night_shifts_over_a_change_of_summer_time() -> None:
    """Round the clock in Berlin: a night of 23 or 25 hours; a segment in the skipped hour is none."""
    berlin = ZoneInfo("Europe/Berlin")
    days = {dt.date(2026, 3, 29), dt.date(2026, 10, 25)}
    exceptions = {day: DayException(True, (Segment(0, 24 * 60),)) for day in days}
    calendar = WorkCalendar(CalendarSettings(timezone="Europe/Berlin", exceptions=exceptions))
    for day, hours in ((dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25)):
        midnight = dt.datetime.combine(day, dt.time(), berlin)
        after = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), berlin)
        assert calendar.elapsed(midnight, after) == dt.timedelta(hours=hours)
    skipped = {
        dt.date(2026, 3, 29): DayException(True, (Segment(135, 165), Segment(195, 225)))
    }  # 02:15–02:45, 03:15–03:45
    calendar = WorkCalendar(CalendarSettings(timezone="Europe/Berlin", exceptions=skipped))
    start = dt.datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert calendar.elapsed(start, start + dt.timedelta(hours=20)) == dt.timedelta(minutes=30)


def test_T_01_ten_thousand_clocks_of_a_year_take_microseconds_each() -> None:
    start = at("2026-01-05 09:00")
    DEFAULT_CALENDAR.elapsed(start, at("2027-12-31 09:00"))  # both years are built
    began = time.perf_counter()
    for n in range(10_000):
        due = DEFAULT_CALENDAR.advance(start, n)
        DEFAULT_CALENDAR.elapsed(start, due)
    assert time.perf_counter() - began < 2.0  # about 0.1 s when nothing else runs


# --- what a day is ---------------------------------------------------------------------------------------------

DAYS = [
    ("2026-11-23", True, None, ""),
    ("2026-11-21", False, Why.WEEKEND, ""),
    ("2026-10-01", False, Why.HOLIDAY, "国庆节"),
    ("2026-10-03", False, Why.HOLIDAY, "国庆节"),  # a Saturday of the schedule is a holiday first
    ("2026-10-10", True, Why.MAKE_UP, "国庆节"),
    ("2027-10-01", True, None, ""),  # nobody knows yet
    ("2000-10-02", True, None, ""),
]


@pytest.mark.parametrize(("date", "working", "why", "note"), DAYS)
def test_T_01_days_and_why(date: str, working: bool, why: Why | None, note: str) -> None:
    day = DEFAULT_CALENDAR.day(dt.date.fromisoformat(date))
    assert (day.working, day.why, day.note) == (working, why, note)
    assert [segment.texts() for segment in day.segments] == (
        [("09:00", "12:00"), ("13:00", "17:00")] if working else []
    )


def test_T_01_exceptions_entered_by_hand_win() -> None:
    holiday, saturday, monday = dt.date(2026, 10, 1), dt.date(2026, 11, 21), dt.date(2026, 11, 23)
    calendar = WorkCalendar(
        CalendarSettings(
            exceptions={
                holiday: DayException(True, (Segment(600, 660),), "值班演练"),
                saturday: DayException(True),
                monday: DayException(False, why="停电检修"),
            }
        )
    )
    assert calendar.day(holiday).why is Why.EXCEPTION
    assert calendar.day(holiday).note == "值班演练"
    assert calendar.elapsed(at("2026-10-01 00:00"), at("2026-10-02 00:00")) == dt.timedelta(hours=1)
    assert calendar.advance(at("2026-11-20 16:30"), 60) == at("2026-11-21 09:30")
    assert calendar.advance(at("2026-11-21 16:30"), 60) == at("2026-11-24 09:30")


def test_T_01_unknown_years_are_warned_of_and_known_ones_are_not() -> None:
    warnings = DEFAULT_CALENDAR.warnings_for(at("2026-12-31 16:00"), at("2028-01-03 09:00"))
    assert [warning.year for warning in warnings] == [2027, 2028]
    assert warnings[0].text == "2027 年的节假日安排尚未发布，暂按周末计算；发布后请管理员录入工作日历。"
    assert DEFAULT_CALENDAR.warnings_for(dt.date(2004, 1, 1), dt.date(2026, 12, 31)) == []
    early = DEFAULT_CALENDAR.warnings_for(dt.date(2003, 1, 1), dt.date(2004, 1, 1))
    assert [(warning.year, warning.text) for warning in early] == [
        (2003, "2003 年的节假日安排没有收录，只按周末计算。")
    ]
    # The year counts where people live: 2026-12-31 20:00 UTC is already New Year's Day in Shanghai.
    assert DEFAULT_CALENDAR.warnings_for(
        dt.datetime(2026, 12, 31, 20, tzinfo=UTC), dt.datetime(2026, 12, 31, 20, tzinfo=UTC)
    )


def test_T_01_a_year_entered_by_hand_can_be_declared_complete() -> None:
    calendar = WorkCalendar(CalendarSettings(complete_years=frozenset({2027})))
    assert [warning.year for warning in calendar.warnings_for(dt.date(2026, 1, 1), dt.date(2028, 1, 1))] == [2028]


def test_working_now_and_next() -> None:
    assert DEFAULT_CALENDAR.is_working(at("2026-11-23 09:00"))
    assert not DEFAULT_CALENDAR.is_working(at("2026-11-23 12:00"))
    assert not DEFAULT_CALENDAR.is_working(at("2026-11-23 08:59:59"))
    assert DEFAULT_CALENDAR.next_working(at("2026-11-23 12:00")) == at("2026-11-23 13:00")
    assert DEFAULT_CALENDAR.next_working(at("2026-11-20 17:00")) == at("2026-11-23 09:00")
    assert DEFAULT_CALENDAR.next_working(at("2026-11-23 10:10")) == at("2026-11-23 10:10")
