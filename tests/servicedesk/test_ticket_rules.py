"""Priority, impact, numbers, deadlines of decisions, and the incident's table."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from core.errors import TransitionRefused
from servicedesk.tickets import rules, states
from servicedesk.tickets.states import INCIDENT, Action, Kind, State

ZONE = ZoneInfo("Asia/Shanghai")


def weekday(day: dt.date) -> bool:
    return day.weekday() < 5


def test_priority_is_urgency_plus_impact_minus_one():
    assert {(u, i): rules.priority(u, i) for u in (1, 2, 3) for i in (1, 2, 3)} == {
        (1, 1): 1,
        (1, 2): 2,
        (2, 1): 2,
        (2, 2): 3,
        (1, 3): 3,
        (3, 1): 3,
        (2, 3): 4,
        (3, 2): 4,
        (3, 3): 5,
    }
    with pytest.raises(ValueError, match="1 to 3"):
        rules.priority(0, 3)


@pytest.mark.parametrize(
    ("people", "services", "expected"),
    [
        (0, 0, 3),
        (9, 0, 3),
        (10, 0, 2),
        (1, 1, 2),
        (99, 2, 2),
        (100, 0, 1),
        (1, 3, 1),
    ],
)
def test_impact_by_people_and_services(people, services, expected):
    assert rules.impact(people, services) == expected


def test_numbers():
    assert rules.number(Kind.INCIDENT, 2026, 123) == "INC-2026-000123"
    assert rules.NUMBER.match(rules.number(Kind.CHANGE, 2026, 1_234_567))
    new_year = dt.datetime(2026, 12, 31, 17, 0, tzinfo=dt.UTC)  # already 2027 in Shanghai
    assert rules.local_year(new_year, ZONE) == 2027


def test_auto_close_after_three_working_days():
    friday = dt.datetime(2026, 3, 6, 2, 0, tzinfo=dt.UTC)
    closes = rules.auto_close_at(friday, zone=ZONE, is_working_day=weekday)
    assert closes.astimezone(ZONE) == dt.datetime(2026, 3, 12, 0, 0, tzinfo=ZONE)  # the end of Wednesday the 11th


def test_reopen_within_ten_working_days():
    resolved = dt.datetime(2026, 3, 2, 2, 0, tzinfo=dt.UTC)
    last = dt.datetime(2026, 3, 16, 23, 59, tzinfo=ZONE)
    assert rules.may_reopen(resolved, last, zone=ZONE, is_working_day=weekday)
    assert not rules.may_reopen(resolved, last + dt.timedelta(minutes=1), zone=ZONE, is_working_day=weekday)


def test_reporter_cancels_before_acceptance_and_the_head_after():
    def may(state: State, **who: bool) -> bool:
        given = {"ever_accepted": False, "is_reporter": False, "is_head": False} | who
        return rules.may_cancel(state, **given)

    assert may(State.NEW, is_reporter=True)
    assert not may(State.ACTIVE, is_reporter=True, ever_accepted=True)
    assert not may(State.NEW, is_reporter=True, ever_accepted=True)
    assert may(State.ACTIVE, is_head=True, ever_accepted=True)
    assert not may(State.NEW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("登录时提示 ORA-12541，请处理", "ORA-12541"),
        ("报错 0x80070035 找不到网络路径", "0x80070035"),
        ("HTTP 502 Bad Gateway", "HTTP 502"),
        ("系统提示zs-1002错误", "ZS-1002"),
        ("同 INC-2026-000123 一样", None),
        ("打印机脱机", None),
        ("电话 13812345678", None),
    ],
)
def test_error_code(text, expected):
    assert rules.error_code(text) == expected


def test_short_title_takes_the_first_sentence():
    assert rules.short_title("打印机脱机。换了纸也不行") == "打印机脱机"
    assert rules.short_title("\n\n  开票软件打不开  \n昨天还好") == "开票软件打不开"
    assert len(rules.short_title("长" * 200)) == 60


def test_every_incident_state_is_reachable_and_every_unlisted_pair_refused():
    reached, todo = set(), [states.INITIAL[Kind.INCIDENT]]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += [INCIDENT.target(state, action) for action in INCIDENT.allowed(state)]
    assert reached == set(states.STATES_OF[Kind.INCIDENT])
    for state in states.STATES_OF[Kind.INCIDENT]:
        for action in Action:
            if (state, action) in INCIDENT.table:
                continue
            with pytest.raises(TransitionRefused) as refused:
                INCIDENT.target(state, action)
            assert refused.value.allowed == [str(a) for a in states.offered(Kind.INCIDENT, state)]


def test_nothing_leaves_an_ended_state():
    for kind, machine in states.MACHINES.items():
        for state in states.ENDED & set(states.STATES_OF[kind]):
            assert machine.allowed(state) == []


def test_a_person_is_never_offered_what_only_events_do():
    for state in states.STATES_OF[Kind.INCIDENT]:
        assert not set(states.offered(Kind.INCIDENT, state)) & states.SYSTEM_ACTIONS


def test_every_state_action_and_kind_has_a_chinese_label():
    for labels, enum in ((states.STATE_LABELS, State), (states.ACTION_LABELS, Action), (states.KIND_LABELS, Kind)):
        assert set(labels) == set(enum)
