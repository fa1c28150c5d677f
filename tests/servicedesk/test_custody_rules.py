"""The ledger's algebra over random histories (E-03, E-04)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicedesk.custody import rules
from servicedesk.custody.rules import Line, Party, Span, WaitingFor

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)

steps = st.lists(
    st.tuples(
        st.sampled_from(["accept", "assign", "suspend", "resume", "send", "receive", "return", "resolve", "reopen"]),
        st.integers(0, 5000),  # minutes since the step before; 0 happens (two verbs in one transaction)
        st.integers(1, 6),
        st.sampled_from(list(Line)),
    ),
    max_size=40,
)


def play(history: list[tuple[str, int, int, Line]]) -> tuple[rules.Ledger, dt.datetime]:
    at, ledger = T0, rules.begin(1, Line.COUNTY, T0)
    for step, minutes, who, line in history:
        at += dt.timedelta(minutes=minutes)
        last = rules.current(ledger)
        match step:
            case "accept" | "assign":
                ledger = rules.move(ledger, team=last.team, line=last.line, holder=who * 10, at=at)
            case "suspend":
                ledger = rules.wait(ledger, WaitingFor.REPORTER, at)
            case "resume" | "reopen":
                ledger = rules.wait(ledger, None, at)
            case "send":
                ledger = rules.wait(ledger, WaitingFor.RECEIVER, at, waiting_team=who)
            case "receive":
                ledger = rules.move(ledger, team=who, line=line, holder=who * 10, at=at)
            case "return":
                ledger = rules.move(ledger, team=who, line=line, holder=None, at=at)
            case "resolve":
                ledger = rules.wait(ledger, WaitingFor.CONFIRMATION, at)
    return ledger, at


@given(steps, st.integers(0, 10_000))
def test_E_03_no_gap_no_overlap_and_all_time_is_put_down_to_somebody(history, more):
    ledger, at = play(history)
    now = at + dt.timedelta(minutes=more)
    assert rules.faults(ledger) == []
    assert ledger[0].since == T0
    assert [s for s in ledger if s.until is None] == [ledger[-1]]
    assert sum(rules.totals(ledger, now).values(), dt.timedelta()) == now - T0


@given(steps, st.integers(0, 100_000))
def test_E_03_exactly_one_span_covers_every_instant(history, offset):
    ledger, at = play(history)
    ended = rules.end(ledger, at + dt.timedelta(minutes=1))
    instant = T0 + dt.timedelta(minutes=offset) * 0.5
    covering = [s for s in ended if s.since <= instant and s.until is not None and instant < s.until]
    assert len(covering) == (1 if instant < at + dt.timedelta(minutes=1) else 0)
    assert rules.holder_at(ended, instant) == (covering[0] if covering else None)


@given(steps)
def test_E_03_custody_only_moves_when_somebody_receives(history):
    """Sending, suspending, resolving: the team that held it before still holds it."""
    ledger = rules.begin(1, Line.COUNTY, T0)
    for index in range(len(history)):
        before = rules.current(play(history[:index])[0])
        after = rules.current(play(history[: index + 1])[0])
        if history[index][0] in {"send", "suspend", "resume", "resolve", "reopen"}:
            assert (after.team, after.holder, after.line) == (before.team, before.holder, before.line)
    assert rules.faults(ledger) == []


@given(steps)
def test_E_03_the_ledger_is_append_only(history):
    longer = play(history)[0]
    shorter = play(history[:-1])[0]
    assert longer[: len(shorter) - 1] == shorter[:-1]


def test_E_03_a_torn_ledger_is_named():
    good = play([("accept", 10, 1, Line.COUNTY), ("send", 10, 2, Line.CITY)])[0]
    gap = (good[0], *good[2:])
    assert any("gap" in fault for fault in rules.faults(gap))
    late = (good[0], Span(team=1, line=Line.COUNTY, since=T0 + dt.timedelta(minutes=4)))
    assert any("overlap" in fault for fault in rules.faults(late))


def test_E_03_backwards_and_after_the_end_are_refused():
    ledger = rules.begin(1, Line.COUNTY, T0)
    with pytest.raises(rules.LedgerError):
        rules.move(ledger, team=2, line=Line.CITY, holder=None, at=T0 - dt.timedelta(seconds=1))
    with pytest.raises(rules.LedgerError):
        rules.wait(rules.end(ledger, T0), None, T0)


def test_E_03_waits_are_put_down_to_whoever_caused_them():
    ledger, at = play(
        [
            ("accept", 30, 1, Line.COUNTY),
            ("suspend", 60, 0, Line.COUNTY),
            ("resume", 100, 0, Line.COUNTY),
            ("send", 20, 2, Line.CITY),
            ("receive", 45, 2, Line.CITY),
            ("resolve", 15, 0, Line.CITY),
        ]
    )
    minutes = {party: span.total_seconds() / 60 for party, span in rules.totals(ledger, at).items()}
    assert minutes[Party("team", 1)] == 30 + 60 + 20
    assert minutes[Party("reporter")] == 100
    assert minutes[Party("team", 2)] == 45 + 15


PROVINCE, CITY, COUNTY, NEXT_COUNTY, OTHER_CITY, OTHER_COUNTY = 1, 11, 111, 112, 12, 121


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([PROVINCE, CITY, COUNTY], [PROVINCE, CITY, NEXT_COUNTY], CITY),
        ([PROVINCE, CITY, COUNTY], [PROVINCE, OTHER_CITY, OTHER_COUNTY], PROVINCE),
        ([PROVINCE, CITY, COUNTY], [PROVINCE, CITY], PROVINCE),  # the city is a party, so the one above it decides
        ([PROVINCE, CITY], [PROVINCE], PROVINCE),  # nothing above the root
        ([PROVINCE, CITY, COUNTY], [PROVINCE, CITY, COUNTY], COUNTY),  # two teams of one county
        ([PROVINCE], [PROVINCE], PROVINCE),
    ],
)
def test_E_03_the_arbiter_heads_the_lowest_unit_above_both(a, b, expected):
    assert rules.arbiter_unit(a, b) == rules.arbiter_unit(b, a) == expected


def test_E_03_the_third_bounce_goes_to_the_arbiter():
    assert [rules.goes_to_arbiter(n) for n in range(1, 5)] == [False, False, True, True]
    with pytest.raises(ValueError, match="no root"):
        rules.arbiter_unit([1, 2], [3])


def test_E_04_return_goes_to_the_actual_previous_holder():
    sender = Span(team=5, line=Line.CITY, since=T0, holder=50)
    assert rules.return_to(sender, active_people={50, 51}, active_team=True, head=51).holder == 50
    assert rules.return_to(sender, active_people={51}, active_team=True, head=51).holder == 51
    assert rules.return_to(sender, active_people={9}, active_team=True, head=51).refused == "nobody-left"
    assert rules.return_to(sender, active_people={50}, active_team=False, head=51).refused == "team-ended"


def test_tax_offices_have_no_line():
    assert rules.line_of_level("office") is Line.COUNTY
    assert rules.line_of_level("vendor") is Line.VENDOR
