"""Settings as an administrator edits them: out and in again, and every mistake named with its place."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import (
    CalendarSettings,
    DayException,
    FilingPeriod,
    Segment,
    settings_from_dict,
    settings_to_dict,
)
from core.errors import Invalid

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2199, 10, 1))
WORDS = st.sampled_from(["", "春节", "停电检修", "x" * 200])
SEGMENTS = (
    st.lists(st.integers(0, 1440), min_size=2, max_size=8, unique=True)
    .map(sorted)
    .map(lambda marks: tuple(Segment(*pair) for pair in zip(marks[::2], marks[1::2], strict=False)))
)
EXCEPTIONS = st.one_of(
    st.builds(DayException, st.just(True), st.none() | SEGMENTS, WORDS),
    st.builds(DayException, st.just(False), st.none(), WORDS),
)
OVERRIDES = st.dictionaries(DAYS, st.integers(0, 61), max_size=4).map(
    lambda found: {(day.year, day.month): FilingPeriod(day, day + dt.timedelta(days=n)) for day, n in found.items()}
)
SETTINGS = st.builds(
    CalendarSettings,
    segments=SEGMENTS,
    timezone=st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "UTC"]),
    exceptions=st.dictionaries(DAYS, EXCEPTIONS, max_size=5),
    filing_overrides=OVERRIDES,
    complete_years=st.frozensets(st.integers(1900, 2199), max_size=3),
)


@given(SETTINGS)
def test_settings_survive_a_round_trip(settings: CalendarSettings) -> None:
    assert settings_from_dict(settings_to_dict(settings)) == settings


def test_nothing_given_is_the_default() -> None:
    assert settings_from_dict({}) == CalendarSettings()


MISTAKES = [
    ([], [""]),
    ({"colour": 1}, ["colour"]),
    ({"segments": []}, ["segments"]),
    ({"segments": "09:00-12:00"}, ["segments"]),
    ({"segments": [["09:00"]]}, ["segments[0]"]),
    ({"segments": [["9am", "12:00"]]}, ["segments[0][0]"]),
    ({"segments": [["09:00", "24:01"]]}, ["segments[0][1]"]),
    ({"segments": [["09:60", "12:00"]]}, ["segments[0][0]"]),
    ({"segments": [["12:00", "09:00"]]}, ["segments[0]"]),
    ({"segments": [["09:00", "09:00"]]}, ["segments[0]"]),
    ({"segments": [["09:00", "12:00"], ["11:00", "13:00"]]}, ["segments[1]"]),
    ({"timezone": "Asia/Xian"}, ["timezone"]),
    ({"timezone": ""}, ["timezone"]),
    ({"timezone": "../etc"}, ["timezone"]),
    ({"timezone": 8}, ["timezone"]),
    ({"exceptions": {"2027-02-30": {"working": False}}}, ["exceptions.2027-02-30"]),
    ({"exceptions": {"20270208": {"working": False}}}, ["exceptions.20270208"]),
    ({"exceptions": {"0999-01-01": {"working": False}}}, ["exceptions.0999-01-01"]),
    ({"exceptions": {"2027-02-08": {}}}, ["exceptions.2027-02-08.working"]),
    ({"exceptions": {"2027-02-08": {"working": "no"}}}, ["exceptions.2027-02-08.working"]),
    ({"exceptions": {"2027-02-08": {"working": False, "colour": 1}}}, ["exceptions.2027-02-08.colour"]),
    ({"exceptions": {"2027-02-08": {"working": False, "why": "x" * 201}}}, ["exceptions.2027-02-08.why"]),
    (
        {"exceptions": {"2027-02-08": {"working": False, "segments": [["09:00", "12:00"]]}}},
        ["exceptions.2027-02-08.segments"],
    ),
    ({"exceptions": {"2027-02-08": {"working": True, "segments": []}}}, ["exceptions.2027-02-08.segments"]),
    ({"filing_overrides": {"2027-13": ["2027-02-01", "2027-02-20"]}}, ["filing_overrides.2027-13"]),
    ({"filing_overrides": {"2027-02": ["2027-02-01"]}}, ["filing_overrides.2027-02"]),
    ({"filing_overrides": {"2027-02": ["2027-03-01", "2027-03-20"]}}, ["filing_overrides.2027-02[0]"]),
    ({"filing_overrides": {"2027-02": ["2027-02-10", "2027-02-09"]}}, ["filing_overrides.2027-02[1]"]),
    ({"filing_overrides": {"2027-02": ["2027-02-10", "2027-12-09"]}}, ["filing_overrides.2027-02[1]"]),
    ({"complete_years": 2027}, ["complete_years"]),
    ({"complete_years": [2027, "2028", 99999, True]}, ["complete_years[1]", "complete_years[2]", "complete_years[3]"]),
]


@pytest.mark.parametrize(("data", "places"), MISTAKES, ids=[str(row[0])[:60] for row in MISTAKES])
def test_each_mistake_is_named_with_its_place(data: object, places: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        settings_from_dict(data)
    assert [error.field for error in refused.value.errors] == places
    assert all(error.message for error in refused.value.errors)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        settings_from_dict({"segments": [], "timezone": "Mars", "exceptions": {"x": {"working": 1}}})
    assert {error.field for error in refused.value.errors} == {
        "segments",
        "timezone",
        "exceptions.x",
        "exceptions.x.working",
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    )
)
def test_nonsense_is_refused_never_a_crash(rubbish: object) -> None:
    for name in ("segments", "timezone", "exceptions", "filing_overrides", "complete_years"):
        try:
            settings_from_dict({name: rubbish})
        except Invalid as refused:
            assert refused.errors  # noqa: PT017  either accepted or refused with reasons
