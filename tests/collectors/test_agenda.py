"""M-11: when checks are due, without a clock."""

from __future__ import annotations

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.agenda import WARM_UP_S, Agenda, next_slot, phase

ids = st.text(min_size=1, max_size=20)


@given(ids, st.floats(0.1, 10**5), st.floats(0, 10**7))
def test_M_11_slots_are_one_interval_apart_and_belong_to_the_id(check_id, interval, after):
    slot = next_slot(check_id, interval, after)
    assert after < slot <= after + interval * 1.001
    assert next_slot(check_id, interval, slot) == pytest.approx(slot + interval)
    assert 0 <= phase(check_id) < 1


def test_M_11_a_thousand_checks_spread_over_their_minute():
    seconds = collections.Counter(int(next_slot(str(n), 60, 10_000) % 60) for n in range(1200))
    assert len(seconds) == 60
    assert max(seconds.values()) < 50


def test_M_11_a_check_never_overlaps_itself():
    agenda = Agenda()
    agenda.add("a", 10, now_s=0)
    assert [i for i, _due in agenda.start_due(100)] == ["a"]
    assert agenda.start_due(1000) == []
    agenda.ask("a", 1000)
    assert agenda.start_due(2000) == []
    agenda.finished("a", now_s=2000)
    assert [i for i, _due in agenda.start_due(2000)] == ["a"], "what was asked for meanwhile happens after"


@given(st.lists(st.tuples(st.floats(0.01, 30), st.sampled_from(["finish", "ask", "retry"])), max_size=40))
def test_M_11_regular_runs_stay_on_their_slots_whatever_happens_between(steps):
    agenda, now = Agenda(), 0.0
    agenda.add("a", 10, now_s=now)
    for seconds, what in steps:
        now += seconds
        started = agenda.start_due(now)
        assert len(started) <= 1
        if what == "ask":
            agenda.ask("a", now)
        agenda.finished("a", now_s=now, again_in_s=1.0 if what == "retry" else None)
        due = agenda.next_due_s()
        assert due is not None
        assert due <= now + 12.5 or not started
    while agenda.start_due(now + 1000):
        agenda.finished("a", now_s=now + 1000)
        break
    due = agenda.next_due_s()
    assert due is None or due == pytest.approx(next_slot("a", 10, due - 5))


def test_M_11_a_new_check_first_runs_within_the_warm_up():
    agenda = Agenda()
    for n in range(100):
        agenda.add(str(n), 3600, now_s=500)
    due = [at for _id, at in agenda.start_due(500 + WARM_UP_S)]
    assert len(due) == 100
    assert max(due) - min(due) > 2, "and not all at once"


def test_the_retry_interval_is_what_the_caller_asks_for():
    agenda = Agenda()
    agenda.add("a", 3600, now_s=0)
    agenda.start_due(10)
    agenda.finished("a", now_s=10, again_in_s=15)
    assert agenda.next_due_s() == 25
    agenda.ask("a", 30)
    assert agenda.next_due_s() == 25, "asking for later changes nothing"
    agenda.ask("a", 12)
    assert agenda.next_due_s() == 12


def test_removed_checks_are_gone_and_changed_intervals_count_at_once():
    agenda = Agenda()
    agenda.add("a", 3600, now_s=0)
    agenda.add("b", 60, now_s=0)
    agenda.remove("b")
    assert [i for i, _due in agenda.start_due(10)] == ["a"]
    agenda.finished("a", now_s=10)
    agenda.add("a", 5, now_s=10)
    assert agenda.next_due_s() <= 15
    agenda.remove("a")
    assert agenda.next_due_s() is None
    agenda.finished("a", now_s=20)
    agenda.ask("a", 20)
    assert len(agenda) == 0


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf")])
def test_an_interval_that_is_none_is_refused(interval):
    with pytest.raises(ValueError, match="interval"):
        Agenda().add("a", interval, now_s=0)


def test_the_most_overdue_start_first():
    agenda = Agenda()
    for n in range(20):
        agenda.add(str(n), 60, now_s=0)
    due = [at for _id, at in agenda.start_due(100)]
    assert due == sorted(due)
    assert agenda.overdue_s(100) == 0
