"""M-04 and M-05: what parents say of a failing child."""

import datetime as dt

from monitor.reachability import Parent, Verdict, cycle, reachable, verdict
from monitor.states import State

NOW = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
BEFORE, AFTER = NOW - MINUTE, NOW + MINUTE


def parent(
    state: State | None, probed: dt.datetime | None = AFTER, *, up: bool = True, group: str | None = None
) -> Parent:
    return Parent(state, probed, MINUTE, up, group)


def test_M_04_a_parent_never_checked_counts_as_reachable() -> None:
    assert reachable([parent(None, None)])
    assert reachable([])


def test_M_04_only_critical_or_unreachable_parents_have_failed() -> None:
    for state in (State.OK, State.WARNING, State.UNKNOWN, State.NODATA):
        assert reachable([parent(state)])
    assert not reachable([parent(State.CRITICAL)])
    assert not reachable([parent(State.OK, up=False)]), "suppression is transitive"


def test_M_04_all_parents_are_needed() -> None:
    assert not reachable([parent(State.OK), parent(State.CRITICAL)])


def test_M_04_a_redundancy_group_fails_only_together() -> None:
    down, fine = parent(State.CRITICAL, group="line"), parent(State.OK, group="line")
    assert reachable([down, fine])
    assert not reachable([down, down])
    assert not reachable([down, fine, parent(State.CRITICAL, group="power")])


def test_M_05_a_failure_waits_until_its_parents_were_probed_after_it() -> None:
    unasked = [parent(State.OK, BEFORE)]
    assert verdict(unasked, failed_at=NOW, hard_at=NOW, now=NOW) is Verdict.WAITING
    assert verdict([parent(State.OK, AFTER)], failed_at=NOW, hard_at=NOW, now=AFTER) is Verdict.REACHABLE
    assert verdict([parent(State.CRITICAL, AFTER)], failed_at=NOW, hard_at=NOW, now=AFTER) is Verdict.UNREACHABLE


def test_M_05_it_waits_at_most_one_interval_of_the_parent() -> None:
    unasked = [parent(State.OK, BEFORE)]
    assert verdict(unasked, failed_at=BEFORE, hard_at=NOW, now=NOW + MINUTE) is Verdict.REACHABLE


def test_M_05_it_does_not_wait_where_the_answer_could_change_nothing() -> None:
    group = [parent(State.OK, AFTER, group="line"), parent(State.OK, BEFORE, group="line")]
    assert verdict(group, failed_at=NOW, hard_at=NOW, now=NOW) is Verdict.REACHABLE
    known_bad = [parent(State.CRITICAL, BEFORE)]
    assert verdict(known_bad, failed_at=NOW, hard_at=NOW, now=NOW) is Verdict.UNREACHABLE


def test_a_check_may_not_depend_on_itself() -> None:
    assert cycle({1: [2], 2: [3], 3: [1]}, 1) == [1, 2, 3, 1]
    assert cycle({1: [2, 3], 2: [3], 3: []}, 1) is None
