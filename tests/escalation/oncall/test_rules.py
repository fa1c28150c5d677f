"""Whose turn it is, against a day-by-day oracle; and where a chain goes next."""

from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import given
from hypothesis import strategies as st

from escalation.oncall.rules import ZONE, Position, Rotation, StandIn, after, on_call, shifts

START = dt.date(2026, 11, 2)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def test_week_by_week_handing_over_at_nine() -> None:
    rotation = Rotation((1, 2, 3), 7, START, dt.time(9))
    assert on_call(rotation, [], at("2026-11-02T08:59")) == (None, False)
    assert on_call(rotation, [], at("2026-11-02T09:00")) == (1, False)
    assert on_call(rotation, [], at("2026-11-09T08:59")) == (1, False)
    assert on_call(rotation, [], at("2026-11-09T09:00")) == (2, False)
    assert on_call(rotation, [], at("2026-11-23T09:00")) == (1, False)


def test_newest_override_wins() -> None:
    rotation = Rotation((1, 2), 7, START, dt.time(9))
    stand_ins = [
        StandIn(8, at("2026-11-03T00:00"), at("2026-11-04T00:00"), 1),
        StandIn(9, at("2026-11-03T12:00"), at("2026-11-03T18:00"), 2),
    ]
    assert on_call(rotation, stand_ins, at("2026-11-03T13:00")) == (9, True)
    assert on_call(rotation, stand_ins, at("2026-11-03T18:00")) == (8, True)
    assert on_call(rotation, stand_ins, at("2026-11-04T00:00")) == (1, False)


@given(
    people=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    days=st.integers(1, 10),
    hour=st.integers(0, 23),
    begin=st.integers(0, 40),
    length=st.integers(1, 60),
    overrides=st.lists(st.tuples(st.integers(10, 19), st.integers(0, 900), st.integers(1, 200)), max_size=4),
)
def test_roster_agrees_with_asking_hour_by_hour(people, days, hour, begin, length, overrides) -> None:
    rotation = Rotation(tuple(people), days, START, dt.time(hour))
    origin = dt.datetime.combine(START, dt.time(0), ZONE)
    stand_ins = [
        StandIn(p, origin + dt.timedelta(hours=h), origin + dt.timedelta(hours=h + n), i)
        for i, (p, h, n) in enumerate(overrides)
    ]
    from_at = origin + dt.timedelta(days=begin)
    until_at = from_at + dt.timedelta(days=length)
    roster = shifts(rotation, stand_ins, from_at, until_at)
    assert roster[0].from_at == from_at
    assert roster[-1].until_at == until_at
    assert all(a.until_at == b.from_at for a, b in itertools.pairwise(roster)), "no gap, no overlap"
    for hours in range(0, length * 24, 7):
        moment = from_at + dt.timedelta(hours=hours)
        shift = next(s for s in roster if s.from_at <= moment < s.until_at)
        assert (shift.person_id, shift.by_override) == on_call(rotation, stand_ins, moment)


def test_E_07_chain_goes_through_all_steps_and_repeats() -> None:
    seen, position = [], Position(0, 0)
    while position is not None:
        seen.append((position.loop, position.step))
        position = after(position, steps=3, loops=1)
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
