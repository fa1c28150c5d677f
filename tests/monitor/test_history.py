"""A check's past as spells and cells; what went away by itself is not drawn, what was never measured is no data."""

import datetime as dt
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.models import StateChange
from monitor.pages.history import availability, cells, spells
from monitor.states import Kind, State

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def change(hours: float, state: State, kind: Kind = Kind.HARD) -> StateChange:
    return StateChange(at=T0 + hours * HOUR, state=state, kind=kind, attempt=1, output="", check_id=1, received_at=T0)


def drawn(*changes: StateChange, hours: float = 24) -> list[tuple[float, float, str]]:
    found = spells(changes, since=T0, until=T0 + hours * HOUR)
    return [((s.at - T0) / HOUR, (s.until - T0) / HOUR, s.state.value) for s in found]


def test_a_failure_is_drawn_from_its_first_soft_result() -> None:
    past = (
        change(-1, State.OK),
        change(2, State.CRITICAL, Kind.SOFT),
        change(2.5, State.CRITICAL),
        change(4, State.OK),
    )
    assert drawn(*past) == [(0, 2, "ok"), (2, 4, "critical"), (4, 24, "ok")]


def test_a_soft_failure_that_went_away_is_not_drawn() -> None:
    past = (change(1, State.OK), change(2, State.CRITICAL, Kind.SOFT), change(3, State.OK))
    assert [d[2] for d in drawn(*past)] == ["nodata", "ok", "ok"]


def test_M_09_what_was_never_measured_is_no_data() -> None:
    assert drawn() == [(0, 24, "nodata")]
    assert availability(spells((), since=T0, until=T0 + HOUR)) is None


def test_availability_counts_measured_time_only() -> None:
    past = (change(12, State.OK), change(18, State.CRITICAL))
    assert availability(spells(past, since=T0, until=T0 + 24 * HOUR)) == 0.5


@given(st.lists(st.tuples(st.floats(-5, 30), st.sampled_from(list(State)), st.sampled_from(list(Kind))), max_size=20))
def test_spells_cover_the_whole_time_without_gap_or_overlap(lines: list[tuple[float, State, Kind]]) -> None:
    past = [change(*line) for line in sorted(lines, key=lambda line: line[0])]
    found = spells(past, since=T0, until=T0 + 24 * HOUR)
    assert found[0].at == T0
    assert found[-1].until == T0 + 24 * HOUR
    assert all(a.until == b.at for a, b in pairwise(found))
    assert len(cells(found, since=T0, until=T0 + 24 * HOUR)) == 96
