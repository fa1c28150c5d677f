"""Clocks over random histories: nothing goes backwards, pauses are credited exactly, reading order does not matter."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import DEFAULT_CALENDAR
from servicedesk.clocks.facts import Fact, FactKind
from servicedesk.clocks.rules import Clock, ClockState, clocks
from servicedesk.clocks.targets import DEFAULT_TARGETS, Basis, Purpose

UTC = dt.UTC
MINUTE = dt.timedelta(minutes=1)
LINES = st.sampled_from(["county", "city", "province", "vendor"])
STARTS = st.datetimes(dt.datetime(2026, 9, 25), dt.datetime(2026, 12, 28), timezones=st.just(UTC))  # noqa: DTZ001
GAPS = st.one_of(st.integers(0, 90), st.integers(0, 6000)).map(lambda minutes: minutes * MINUTE)
KINDS = st.sampled_from([kind for kind in FactKind if kind is not FactKind.OPENED])


@st.composite
def facts_after(draw: st.DrawFn, at: dt.datetime, most: int = 14) -> list[Fact]:
    """Any facts in any order, sensible or not: no history, however odd, may break a clock."""
    found = []
    for kind in draw(st.lists(KINDS, max_size=most)):
        at += draw(GAPS)
        data = {"line": draw(LINES), "priority": draw(st.integers(1, 5)), "tax": draw(st.booleans())}
        wanted = {FactKind.PRIORITY: ("priority",), FactKind.SERVICE: ("tax",)}.get(kind, ("line",))
        found.append(Fact(at, kind, {name: data[name] for name in wanted}))
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    start = draw(STARTS)
    data = {"priority": draw(st.integers(1, 5)), "tax": draw(st.booleans()), "line": draw(LINES)}
    return [Fact(start, FactKind.OPENED, data), *draw(facts_after(start))]


def read(facts: list[Fact], now: dt.datetime) -> dict[tuple[str, int], Clock]:
    found = clocks(facts, now=now, calendar=DEFAULT_CALENDAR, targets=DEFAULT_TARGETS)
    assert len({(clock.name, clock.round) for clock in found}) == len(found)
    return {(clock.name, clock.round): clock for clock in found}


@settings(max_examples=200, deadline=None)
@given(histories(), GAPS, st.randoms())
def test_T_02_computing_twice_and_in_any_order_is_equal(facts: list[Fact], later: dt.timedelta, rng: object) -> None:
    now = facts[-1].at + later
    once = read(facts, now)
    assert read(facts, now) == once
    if len({fact.at for fact in facts}) == len(facts):
        shuffled = list(facts)
        rng.shuffle(shuffled)  # type: ignore[attr-defined]
        assert read(shuffled, now) == once


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_no_clock_goes_backwards(facts: list[Fact], data: st.DataObject) -> None:
    """Look twice, more facts being known later: what had elapsed, begun, broken or been warned of remains so."""
    known = data.draw(st.integers(1, len(facts)))
    early = facts[known - 1].at + data.draw(GAPS)
    if known < len(facts):
        early = min(early, facts[known].at)
    late = max(early, facts[-1].at) + data.draw(GAPS)
    before, after = read(facts[:known], early), read(facts, late)
    for key, clock in before.items():
        now = after[key]
        assert now.started_at == clock.started_at
        assert now.worked >= clock.worked
        assert now.spent >= clock.spent
        if clock.breached:
            assert now.breached
            assert now.due_at == clock.due_at
        if clock.warn_at <= early and not clock.paused and clock.outcome is None:
            assert now.warn_at == clock.warn_at


@settings(max_examples=200, deadline=None)
@given(histories(), GAPS)
def test_every_clock_is_consistent_in_itself(facts: list[Fact], later: dt.timedelta) -> None:
    now = facts[-1].at + later
    for clock in read(facts, now).values():
        end = clock.stopped_at or now
        assert clock.started_at <= end
        assert clock.warn_at <= clock.due_at
        assert dt.timedelta() <= clock.worked <= DEFAULT_CALENDAR.elapsed(clock.started_at, end)
        assert clock.breached == (clock.state is ClockState.BREACHED)
        if clock.running_since:
            assert not clock.paused
            assert clock.breached == (clock.due_at <= now)
        if clock.outcome is not None:
            assert clock.stopped_at is not None


@settings(max_examples=200, deadline=None)
@given(histories(), GAPS)
def test_T_03_one_line_answers_and_the_end_to_end_clock_never_restarts(facts: list[Fact], later: dt.timedelta) -> None:
    found = read(facts, facts[-1].at + later)
    ends = [clock for (name, _round), clock in found.items() if name == "resolve"]
    assert [clock.started_at for clock in ends] == [facts[0].at]
    lines = [c for c in found.values() if c.purpose is Purpose.RESOLVE and c.line and c.outcome is None]
    assert len(lines) <= 1
    for clock in found.values():
        if clock.purpose is Purpose.RESOLVE and clock.line:
            assert clock.worked <= found[("resolve", 1)].worked


@settings(max_examples=300, deadline=None)
@given(histories(), GAPS, GAPS, GAPS)
def test_T_02_paused_time_is_credited_exactly(
    facts: list[Fact], until_pause: dt.timedelta, pause: dt.timedelta, later: dt.timedelta
) -> None:
    """Add one more suspension to any history: what ran and had not been broken is due exactly the time paused later."""
    suspended = facts[-1].at + until_pause
    resumed = suspended + pause
    before = read(facts, suspended)
    story = [*facts, Fact(suspended, FactKind.SUSPENDED), Fact(resumed, FactKind.RESUMED)]
    after = read(story, resumed + later)
    for key, clock in before.items():
        now = after[key]
        if clock.running_since is None or clock.breached:
            continue
        if clock.target.basis is Basis.WORKING:
            paused = DEFAULT_CALENDAR.elapsed(suspended, resumed)
            assert now.due_at == DEFAULT_CALENDAR.advance(clock.due_at, paused)
            assert DEFAULT_CALENDAR.elapsed(clock.due_at, now.due_at) == paused
        else:
            assert now.due_at == clock.due_at + pause


@settings(max_examples=200, deadline=None)
@given(histories(), GAPS, GAPS, st.integers(1, 5))
def test_T_02_a_change_of_priority_while_paused_keeps_the_credit(
    facts: list[Fact], until_pause: dt.timedelta, pause: dt.timedelta, priority: int
) -> None:
    suspended = facts[-1].at + until_pause
    resumed = suspended + pause
    before = read(facts, suspended)
    changed = Fact(suspended + pause / 2, FactKind.PRIORITY, {"priority": priority})
    story = [*facts, Fact(suspended, FactKind.SUSPENDED), changed, Fact(resumed, FactKind.RESUMED)]
    for key, now in read(story, resumed).items():
        clock = before.get(key)
        if clock is None or clock.outcome is not None:
            continue
        assert now.spent == clock.spent
        assert now.worked == clock.worked
        if not clock.breached and now.spent < now.target.limit:
            left = now.target.limit - now.spent
            working = now.target.basis is Basis.WORKING
            assert now.due_at == (DEFAULT_CALENDAR.advance(resumed, left) if working else resumed + left)


# --- against a slow reading of the end-to-end clock, minute by minute --------------------------------------------

SIMPLE = st.sampled_from([FactKind.SUSPENDED, FactKind.RESUMED, FactKind.PRIORITY])


@st.composite
def simple_histories(draw: st.DrawFn) -> list[Fact]:
    at = draw(STARTS).replace(second=0, microsecond=0)
    facts = [Fact(at, FactKind.OPENED, {"priority": draw(st.integers(1, 5)), "line": "county"})]
    for kind in draw(st.lists(SIMPLE, max_size=6)):
        at += draw(st.integers(0, 900)) * MINUTE
        facts.append(Fact(at, kind, {"priority": draw(st.integers(1, 5))} if kind is FactKind.PRIORITY else {}))
    return facts


def slow_resolve(facts: list[Fact], now: dt.datetime) -> tuple[int, dt.datetime | None]:
    """Minutes spent, and the first whole minute by which the promise was used up, looking at every minute."""
    limits = {1: 240, 2: 480, 3: 960, 4: 1440, 5: 2400}
    spent, broken, paused, priority = 0, None, False, 0
    minute = facts[0].at
    while True:
        for fact in facts:
            if fact.at == minute:
                paused = {FactKind.SUSPENDED: True, FactKind.RESUMED: False}.get(fact.kind, paused)
                priority = fact.data.get("priority", priority)
        if broken is None and not paused and spent >= limits[priority]:
            broken = minute
        if minute >= now:
            return spent, broken
        if not paused and (priority == 1 or DEFAULT_CALENDAR.is_working(minute)):
            spent += 1
            if broken is None and spent >= limits[priority]:
                broken = minute + MINUTE
        minute += MINUTE


@settings(max_examples=120, deadline=None)
@given(simple_histories(), st.integers(0, 4000))
def test_T_02_agrees_with_a_slow_reading_minute_by_minute(facts: list[Fact], later: int) -> None:
    now = facts[-1].at + later * MINUTE
    clock = read(facts, now)[("resolve", 1)]
    spent, broken = slow_resolve(facts, now)
    assert clock.spent == spent * MINUTE
    assert clock.breached == (broken is not None and broken <= now)
    if clock.breached:
        assert clock.due_at == broken
