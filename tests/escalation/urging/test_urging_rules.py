"""Urging: cool-down in working minutes, three a day, the head from the second on (E-05)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from escalation.urging import rules
from servicedesk.tickets.states import State

ZONE = ZoneInfo("Asia/Shanghai")
T0 = dt.datetime(2026, 3, 2, 9, 0, tzinfo=ZONE).astimezone(dt.UTC)


def always_working(start: dt.datetime, minutes: int) -> dt.datetime:
    return start + dt.timedelta(minutes=minutes)


def judge(earlier: list[int], at: int, state: State = State.ACTIVE, due=always_working) -> rules.Verdict:
    times = [T0 + dt.timedelta(minutes=m) for m in earlier]
    return rules.verdict(state, times, T0 + dt.timedelta(minutes=at), zone=ZONE, due=due)


def test_E_05_the_first_urging_tells_the_holder_the_second_the_head_too():
    assert judge([], 0) == rules.Verdict(True, tells_head=False, count=1)
    assert judge([0], 30) == rules.Verdict(True, tells_head=True, count=2)


def test_E_05_cool_down_of_thirty_working_minutes():
    refused = judge([0], 29)
    assert (refused.allowed, refused.reason) == (False, "cool-down")
    assert refused.retry_after(T0 + dt.timedelta(minutes=29)) == 60
    assert refused.retry_after(T0 + dt.timedelta(minutes=29, milliseconds=500)) == 60


def test_E_05_the_cool_down_counts_working_time():
    monday_nine = T0 + dt.timedelta(days=1)
    refused = judge([10 * 60], 11 * 60, due=lambda _start, _minutes: monday_nine)  # urged after hours
    assert refused.again_at == monday_nine


def test_E_05_three_a_day_then_tomorrow():
    refused = judge([0, 40, 80], 120)
    assert (refused.reason, refused.again_at) == ("quota", dt.datetime(2026, 3, 3, tzinfo=ZONE).astimezone(dt.UTC))
    assert judge([0, 40, 80], 24 * 60).allowed


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.SUSPENDED, "suspended"),
        (State.CLOSED, "finished"),
        (State.RESOLVED, "finished"),
        (State.CANCELLED, "finished"),
    ],
)
def test_E_05_none_while_suspended_or_closed(state, reason):
    assert judge([], 0, state).reason == reason
