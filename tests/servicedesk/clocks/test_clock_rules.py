"""T-02 and T-03 by example: clocks computed from a ticket's facts, in Shanghai's working time of November 2026.

Monday 23 November 2026 is a plain working day; the filing period of that month ended on Monday the 16th.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from core.calendar import DEFAULT_CALENDAR
from core.errors import Invalid
from servicedesk.clocks import labels
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.rules import Clock, ClockState, clocks
from servicedesk.clocks.targets import (
    DEFAULT_TARGETS,
    Basis,
    Purpose,
    Target,
    targets_from_dict,
    targets_to_dict,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> dt.datetime:
    """A local time such as "23 09:30" in November 2026, or a whole ISO date and time."""
    full = text if text[:2] == "20" and text[4] == "-" else f"2026-11-{text}"
    return dt.datetime.fromisoformat(full).replace(tzinfo=SHANGHAI)


def fact(when: str, kind: str, **data: object) -> Fact:
    return Fact(at(when), kind, data)


def opened(when: str, priority: int = 3, *, tax: bool = False, line: str = "county") -> Fact:
    return fact(when, "opened", priority=priority, tax=tax, line=line)


def by_name(now: str, *facts: Fact) -> dict[str, Clock]:
    """The clocks at `now`; of several rounds the last."""
    return {clock.name: clock for clock in all_clocks(now, facts)}


def all_clocks(now: str, facts: Iterable[Fact]) -> list[Clock]:
    return clocks(facts, now=at(now), calendar=DEFAULT_CALENDAR, targets=DEFAULT_TARGETS)


# --- targets ---------------------------------------------------------------------------------------------------

TARGETS = [  # priority, opened, tax, respond due, resolve due
    (1, "23 16:00", False, "23 16:15", "23 20:00"),  # calendar time
    (1, "21 02:00", False, "21 02:15", "21 06:00"),  # Saturday night
    (2, "23 16:00", False, "23 16:30", "24 17:00"),  # 8 h working: 1 h today, 7 h tomorrow
    (3, "23 16:00", False, "23 17:00", "26 10:00"),
    (4, "23 16:00", False, "24 12:00", "27 11:00"),  # 4 h: 1 + 3; 24 h: 1 + 7 + 7 + 7 + 2
    (5, "23 16:00", False, "24 17:00", "2026-12-01 14:00"),
    (1, "10 16:00", True, "10 16:07:30", "10 18:00"),  # the filing period halves 1 to 3 for tax systems
    (2, "10 20:00", True, "10 20:15", "11 00:00"),  # and counts 2 in calendar time
    (3, "10 16:00", True, "10 16:30", "11 17:00"),
    (4, "10 16:00", True, "11 12:00", "16 11:00"),
    (2, "10 16:00", False, "10 16:30", "11 17:00"),  # not a tax system
    (2, "23 16:00", True, "23 16:30", "24 17:00"),  # not in the filing period
]


@pytest.mark.parametrize(("priority", "when", "tax", "respond", "resolve"), TARGETS)
def test_targets_by_priority_and_filing_period(priority: int, when: str, tax: bool, respond: str, resolve: str) -> None:
    found = by_name(when, opened(when, priority, tax=tax))
    assert found["respond"].due_at == at(respond)
    assert found["resolve"].due_at == at(resolve)


def test_a_promise_is_not_moved_by_the_filing_period_beginning_overnight() -> None:
    before = by_name("2026-11-30 17:00", opened("2026-11-30 16:00", 3, tax=True))["resolve"]
    after = by_name("2026-12-01 11:00", opened("2026-11-30 16:00", 3, tax=True))["resolve"]
    assert before.due_at == after.due_at == DEFAULT_CALENDAR.advance(at("2026-11-30 16:00"), 16 * 60)


def test_targets_survive_a_round_trip_and_mistakes_are_named() -> None:
    assert targets_from_dict(targets_to_dict(DEFAULT_TARGETS)) == DEFAULT_TARGETS
    data = targets_to_dict(DEFAULT_TARGETS)
    data["priorities"]["1"]["respond"] = 500
    data["priorities"]["2"]["counted"] = "moon"
    data["priorities"]["3"]["resolve"] = 0
    del data["priorities"]["4"]
    data["filing_halves"] = [6]
    with pytest.raises(Invalid) as refused:
        targets_from_dict(data)
    assert [error.field for error in refused.value.errors] == [
        "priorities.1.respond", "priorities.2.counted", "priorities.3.resolve", "priorities.4", "filing_halves",
    ]  # fmt: skip


# --- one clock -------------------------------------------------------------------------------------------------


def test_respond_and_resolve_run_from_the_opening() -> None:
    found = by_name("23 09:30", opened("23 09:00"))
    assert set(found) == {"respond", "resolve"}
    assert found["respond"].state is ClockState.RUNNING
    assert found["respond"].elapsed_minutes == 30
    assert (found["respond"].due_at, found["respond"].warn_at) == (at("23 10:00"), at("23 09:45"))
    assert found["resolve"].warn_at == DEFAULT_CALENDAR.advance(at("23 09:00"), 12 * 60)


def test_met_breached_and_stopped() -> None:
    story = [opened("23 09:00"), fact("23 09:20", "accepted", line="county")]
    assert by_name("24 09:00", *story)["respond"].state is ClockState.MET
    assert by_name("24 09:00", *story)["respond"].elapsed_minutes == 20
    assert by_name("23 10:00", opened("23 09:00"))["respond"].state is ClockState.BREACHED  # 100 % is reached
    assert by_name("23 09:59:59", opened("23 09:00"))["respond"].state is ClockState.RUNNING
    late = by_name("24 09:00", opened("23 09:00"), fact("23 10:30", "accepted", line="county"))["respond"]
    assert late.state is ClockState.BREACHED
    assert late.stopped_at == at("23 10:30")
    cancelled = by_name("24 09:00", opened("23 09:00"), fact("23 09:10", "cancelled"))
    assert {clock.state for clock in cancelled.values()} == {ClockState.STOPPED}
    assert {clock.elapsed_minutes for clock in cancelled.values()} == {10}


def test_working_late_does_not_save_a_promise_that_ended_at_closing_time() -> None:
    story = [opened("23 16:00"), fact("23 18:00", "accepted", line="county")]
    assert by_name("23 18:00", *story)["respond"].due_at == at("23 17:00")
    assert by_name("23 18:00", *story)["respond"].state is ClockState.BREACHED


# --- T-02 ------------------------------------------------------------------------------------------------------


def test_T_02_suspending_freezes_and_resuming_moves_due_by_exactly_the_working_time_paused() -> None:
    story = [opened("23 09:00"), fact("23 09:20", "accepted", line="county"), fact("23 10:00", "suspended")]
    before = by_name("23 10:00", *story)["resolve"]
    frozen = by_name("25 15:00", *story)["resolve"]
    assert frozen.paused
    assert frozen.state is ClockState.RUNNING
    assert frozen.elapsed_minutes == 60
    assert frozen.due_at == before.due_at
    resumed = by_name("25 15:00", *story, fact("25 15:00", "resumed"))["resolve"]
    assert not resumed.paused
    paused = DEFAULT_CALENDAR.elapsed(at("23 10:00"), at("25 15:00"))
    assert resumed.due_at == DEFAULT_CALENDAR.advance(before.due_at, paused)
    assert resumed.elapsed_minutes == 60


def test_T_02_a_pause_outside_working_hours_moves_nothing() -> None:
    story = [opened("20 16:30"), fact("20 17:30", "suspended"), fact("22 12:00", "resumed")]
    assert by_name("22 13:00", *story)["respond"].due_at == by_name("20 17:00", opened("20 16:30"))["respond"].due_at


def test_T_02_calendar_time_is_moved_by_calendar_time() -> None:
    story = [opened("21 01:00", 1), fact("21 02:00", "suspended"), fact("21 04:30", "resumed")]
    assert by_name("21 05:00", *story)["resolve"].due_at == at("21 07:30")
    assert by_name("21 05:00", *story)["resolve"].spent == dt.timedelta(minutes=90)
    assert by_name("21 05:00", *story)["resolve"].elapsed_minutes == 0  # working minutes: it is Saturday


def test_T_02_a_change_of_priority_while_suspended_keeps_the_credit() -> None:
    story = [
        opened("23 09:00", 5), fact("23 10:00", "suspended"), fact("23 13:00", "priority-changed", priority=3),
        fact("24 10:00", "resumed"),
    ]  # fmt: skip
    clock = by_name("24 10:00", *story)["resolve"]
    assert clock.due_at == DEFAULT_CALENDAR.advance(at("24 10:00"), 15 * 60)  # 16 h, one of them spent
    assert clock.elapsed_minutes == 60


def test_T_02_a_raised_priority_counts_from_now_on_and_keeps_what_was_spent() -> None:
    story = [opened("23 09:00", 3), fact("23 10:00", "priority-changed", priority=1)]
    clock = by_name("23 10:00", *story)["resolve"]
    assert clock.due_at == at("23 13:00")  # 4 h of calendar time, one of them spent
    assert clock.target == Target(dt.timedelta(hours=4), Basis.CALENDAR)
    long_spent = [opened("23 09:00", 3), fact("23 16:00", "priority-changed", priority=1)]
    spent_already = by_name("24 09:00", *long_spent)["resolve"]
    assert spent_already.state is ClockState.BREACHED  # 6 h were spent: late at once, not retroactively
    assert spent_already.due_at == at("23 16:00")


def test_T_02_lowering_the_priority_gives_time_but_heals_nothing() -> None:
    in_time = by_name("23 11:00", opened("23 09:00", 1), fact("23 11:00", "priority-changed", priority=3))["resolve"]
    assert in_time.due_at == DEFAULT_CALENDAR.advance(at("23 11:00"), 14 * 60)
    late = by_name("23 15:00", opened("23 09:00", 1), fact("23 14:00", "priority-changed", priority=5))["resolve"]
    assert late.state is ClockState.BREACHED
    assert late.due_at == at("23 13:00")


def test_T_02_a_change_that_leaves_the_priority_alone_leaves_the_promise_alone() -> None:
    story = [opened("2026-10-29 16:00", 3, tax=True), fact("2026-11-02 09:30", "priority-changed", priority=3)]
    clock = by_name("2026-11-02 10:00", *story)["resolve"]
    assert clock.due_at == DEFAULT_CALENDAR.advance(at("2026-10-29 16:00"), 16 * 60)  # not halved by the filing period


def test_T_02_a_service_named_later_tightens_in_the_filing_period() -> None:
    story = [opened("10 09:00", 3), fact("10 10:00", "service-changed", tax=True)]
    assert by_name("10 10:00", *story)["resolve"].due_at == DEFAULT_CALENDAR.advance(at("10 09:00"), 8 * 60)


# --- T-03 ------------------------------------------------------------------------------------------------------

CLIMB = [
    opened("23 09:00"),
    fact("23 09:10", "accepted", line="county"),
    fact("23 10:00", "sent", line="city"),
    fact("23 10:20", "accepted", line="city"),
    fact("23 11:00", "sent", line="province"),
    fact("23 11:30", "accepted", line="province"),
    fact("23 13:30", "sent", line="vendor"),
    fact("23 14:00", "accepted", line="vendor"),
    fact("23 16:00", "resolved"),
]


def test_T_03_each_line_has_its_own_clock_beside_one_that_never_restarts() -> None:
    found = by_name("23 16:00", *CLIMB)
    times = {name: (clock.started_at, clock.stopped_at) for name, clock in found.items()}
    assert times == {
        "respond": (at("23 09:00"), at("23 09:10")),
        "resolve": (at("23 09:00"), at("23 16:00")),
        "line-county": (at("23 09:10"), at("23 10:20")),
        "line-city-respond": (at("23 10:00"), at("23 10:20")),
        "line-city": (at("23 10:20"), at("23 11:30")),
        "line-province-respond": (at("23 11:00"), at("23 11:30")),
        "line-province": (at("23 11:30"), at("23 14:00")),
        "line-vendor-respond": (at("23 13:30"), at("23 14:00")),
        "line-vendor": (at("23 14:00"), at("23 16:00")),
    }
    assert {clock.state for clock in found.values()} == {ClockState.MET}
    assert found["resolve"].elapsed_minutes == 6 * 60


def test_T_03_the_senders_clock_runs_until_the_receiver_accepts() -> None:
    found = by_name("23 10:10", *CLIMB[:3])
    assert found["line-county"].state is ClockState.RUNNING
    assert found["line-city-respond"].due_at == at("23 11:00")
    assert "line-city" not in found


def test_T_03_a_return_answers_and_the_sender_goes_on() -> None:
    found = by_name("23 11:00", *CLIMB[:3], fact("23 10:30", "returned", line="county"))
    assert found["line-city-respond"].state is ClockState.MET
    assert found["line-county"].state is ClockState.RUNNING
    assert found["line-county"].elapsed_minutes == 110
    assert found["line-county"].round == 1


def test_T_03_sending_again_starts_another_round_of_the_receivers_respond_clock() -> None:
    story = [*CLIMB[:3], fact("23 10:30", "returned"), fact("23 11:00", "sent", line="city")]
    rounds = [clock for clock in all_clocks("23 11:10", story) if clock.name == "line-city-respond"]
    assert [(c.round, c.state, c.started_at) for c in rounds] == [
        (1, ClockState.MET, at("23 10:00")), (2, ClockState.RUNNING, at("23 11:00")),
    ]  # fmt: skip


def test_T_03_a_withdrawn_hand_off_stops_the_receivers_clock_only() -> None:
    found = by_name("23 11:00", *CLIMB[:3], fact("23 10:30", "withdrawn"))
    assert found["line-city-respond"].state is ClockState.STOPPED
    assert found["line-county"].state is ClockState.RUNNING


def test_T_03_a_return_after_acceptance_gives_the_line_back() -> None:
    found = by_name("23 11:30", *CLIMB[:4], fact("23 11:00", "returned", line="county"))
    assert found["line-city"].stopped_at == at("23 11:00")
    assert (found["line-county"].round, found["line-county"].started_at) == (2, at("23 11:00"))


def test_T_03_what_the_arbiter_decides_starts_the_clock_of_the_line_that_has_to_take_it() -> None:
    story = [*CLIMB[:3], fact("23 10:30", "returned"), fact("23 11:00", "arbitrated", line="province")]
    found = by_name("23 11:10", *story)
    assert found["line-county"].stopped_at == at("23 11:00")
    assert found["line-province-respond"].state is ClockState.RUNNING
    accepted = by_name("23 11:30", *story, fact("23 11:20", "accepted", line="province"))
    assert accepted["line-province"].started_at == at("23 11:20")
    stays = by_name("23 11:10", *CLIMB[:3], fact("23 10:45", "arbitrated", line="county"))
    assert stays["line-county"].state is ClockState.RUNNING
    assert stays["line-city-respond"].state is ClockState.STOPPED


def test_T_03_resolving_while_a_hand_off_waits_stops_it() -> None:
    found = by_name("23 11:00", *CLIMB[:3], fact("23 10:30", "resolved"))
    assert found["line-city-respond"].state is ClockState.STOPPED
    assert found["line-county"].state is ClockState.MET


def test_T_03_reopening_goes_on_where_it_stood() -> None:
    story = [*CLIMB, fact("24 09:00", "reopened")]
    found = by_name("24 10:00", *story)
    assert found["resolve"].started_at == at("23 09:00")
    assert found["resolve"].elapsed_minutes == 7 * 60  # six before, one after; the night between counts for nobody
    assert found["resolve"].round == 1
    assert found["line-vendor"].state is ClockState.RUNNING
    assert found["line-vendor"].elapsed_minutes == 3 * 60
    assert found["line-province"].state is ClockState.MET


def test_T_03_accepting_again_within_the_line_restarts_nothing() -> None:
    found = by_name("23 11:00", *CLIMB[:2], fact("23 10:00", "accepted", line="county"))
    assert (found["line-county"].round, found["line-county"].started_at) == (1, at("23 09:10"))


def test_T_03_suspending_freezes_every_clock() -> None:
    found = by_name("24 11:00", *CLIMB[:3], fact("23 10:10", "suspended"))
    assert {name: clock.paused for name, clock in found.items()} == {
        "respond": False, "resolve": True, "line-county": True, "line-city-respond": True,
    }  # fmt: skip


def test_what_recovered_by_itself_and_failed_again_waits_for_its_first_answer_again() -> None:
    story = [opened("23 09:00"), fact("23 09:20", "resolved")]
    assert by_name("23 09:30", *story)["respond"].state is ClockState.STOPPED
    again = by_name("23 13:10", *story, fact("23 13:00", "reopened"))["respond"]
    assert again.state is ClockState.RUNNING
    assert again.elapsed_minutes == 30


def test_confirming_and_closing_change_nothing_any_more() -> None:
    resolved = by_name("25 09:00", *CLIMB)
    assert by_name("25 09:00", *CLIMB, fact("23 17:00", "confirmed"), fact("24 09:00", "closed")) == resolved


def test_years_nobody_knows_are_warned_of_on_the_clock_that_reaches_there() -> None:
    found = by_name("2026-12-31 16:30", opened("2026-12-31 16:00", 3))
    assert found["respond"].warnings(DEFAULT_CALENDAR) == []
    assert [warning.year for warning in found["resolve"].warnings(DEFAULT_CALENDAR)] == [2027]
    urgent = by_name("2026-12-31 16:30", opened("2026-12-31 23:00", 1))
    assert urgent["resolve"].warnings(DEFAULT_CALENDAR) == []  # calendar time needs no holidays


def test_targets_know_their_purposes() -> None:
    assert DEFAULT_TARGETS.target(3, Purpose.RESPOND, tax_filing=False) == Target(dt.timedelta(hours=1), Basis.WORKING)
    with pytest.raises(KeyError):
        DEFAULT_TARGETS.target(6, Purpose.RESPOND, tax_filing=False)


def test_every_clock_and_state_has_a_chinese_name() -> None:
    names = [labels.label(clock.name, clock.purpose, clock.line) for clock in all_clocks("23 16:00", CLIMB)]
    assert names == [
        "首次响应", "全程解决", "县（区）处理", "市受理", "市处理", "省受理", "省处理", "厂商受理", "厂商处理",
    ]  # fmt: skip
    assert set(labels.STATE_LABELS) == set(labels.STATE_TONES) == set(ClockState)
    assert set(labels.BASIS_LABELS) == set(Basis)
