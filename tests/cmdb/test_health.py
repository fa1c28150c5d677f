"""Health derived from parts: never made up, stand-ins respected, rings survive."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.health import derived, worst
from cmdb.impact import Need
from cmdb.models import Health

H = Health

ITEMS = st.integers(0, 6)
NEEDS = st.lists(st.builds(Need, needer=ITEMS, needed=ITEMS, group=st.sampled_from([None, "a"])), max_size=14)
OWN = st.dictionaries(ITEMS, st.sampled_from(list(H)), max_size=7)


def test_the_worst_source_counts_and_none_is_no_data() -> None:
    assert worst([]) is H.NODATA
    assert worst([H.OK, H.WARNING]) is H.WARNING
    assert worst([H.OK, H.NODATA]) is H.NODATA
    assert worst([H.UNKNOWN, H.CRITICAL, H.OK]) is H.CRITICAL


def test_nothing_monitored_is_no_data() -> None:
    assert derived(0, [Need(0, 1), Need(1, 2)], {}) is H.NODATA
    assert derived(0, [Need(0, 1)], {1: H.NODATA}) is H.NODATA


def test_what_the_service_does_not_need_is_not_its_health() -> None:
    assert derived(0, [Need(1, 0)], {1: H.CRITICAL}) is H.NODATA


def test_a_vital_part_far_below_fails_the_service() -> None:
    assert derived(0, [Need(0, 1), Need(1, 2)], {2: H.CRITICAL}) is H.CRITICAL
    assert derived(0, [Need(0, 1), Need(1, 2)], {2: H.WARNING, 1: H.OK}) is H.WARNING


def test_a_part_that_stopped_reporting_makes_the_service_unknown_not_ok() -> None:
    assert derived(0, [Need(0, 1), Need(0, 2)], {1: H.OK, 2: H.NODATA}) is H.UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (H.OK, H.OK, H.OK),
        (H.OK, H.CRITICAL, H.WARNING),
        (H.WARNING, H.CRITICAL, H.WARNING),
        (H.CRITICAL, H.CRITICAL, H.CRITICAL),
        (H.OK, H.WARNING, H.OK),
        (None, H.CRITICAL, H.WARNING),
        (None, H.OK, H.OK),
    ],
)
def test_stand_ins_fail_only_together_and_a_lost_one_is_a_warning(one: H | None, other: H, expected: H) -> None:
    own = {item: state for item, state in ((1, one), (2, other)) if state is not None}
    for first, second in itertools.permutations((1, 2)):
        needs = [Need(0, first, "g"), Need(0, second, "g")]
        assert derived(0, needs, own) is expected


@given(needs=NEEDS, own=OWN)
def test_rings_end_and_making_a_part_worse_never_makes_the_service_better(needs: list[Need], own: dict[int, H]) -> None:
    ranks = [H.OK, H.UNKNOWN, H.WARNING, H.CRITICAL]
    before = derived(0, needs, own)
    for item in own:
        after = derived(0, needs, own | {item: H.CRITICAL})
        if before is not H.NODATA:
            assert ranks.index(after) >= ranks.index(before)
