"""At most so many points, lows and highs kept, gaps kept."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.samples.thinning import Reading, reaching, thin

READINGS = st.lists(
    st.tuples(st.integers(0, 10_000_000), st.floats(-1e9, 1e9)), min_size=1, max_size=300, unique_by=lambda r: r[0]
).map(lambda rows: reaching(sorted(rows), 0))


@given(READINGS, st.integers(2, 100))
def test_never_more_than_asked_and_the_extremes_stay(readings: list[Reading], most: int) -> None:
    drawn = thin(readings, most)
    values = [value for _, value in drawn if value is not None]
    assert len(drawn) <= most
    assert min(values) == min(r.value for r in readings)
    assert max(values) == max(r.value for r in readings)
    assert [ts for ts, _ in drawn] == sorted(ts for ts, _ in drawn)
    assert {(ts, v) for ts, v in drawn if v is not None} <= {(r.ts, r.value) for r in readings}, "no value is made up"


def test_few_points_come_as_they_are() -> None:
    rows = [(i * 1000, float(i)) for i in range(10)]
    assert thin(reaching(rows, 0), 2000) == rows


def test_silence_is_a_gap_also_when_thinned() -> None:
    rows = [(i * 1000, 1.0) for i in range(5000)] + [(9_000_000 + i * 1000, 2.0) for i in range(5000)]
    for most in (20_000, 2000, 50):
        drawn = thin(reaching(rows, 0), most)
        gaps = [i for i, (_, value) in enumerate(drawn) if value is None]
        assert len(gaps) == 1, most
        assert drawn[gaps[0] - 1][1] == 1.0
        assert drawn[gaps[0] + 1][1] == 2.0


def test_a_single_spike_survives_any_thinning() -> None:
    rows = [(i * 1000, 5.0) for i in range(100_000)]
    rows[54_321] = (54_321_000, 99.0)
    assert (54_321_000, 99.0) in thin(reaching(rows, 0), 10)
