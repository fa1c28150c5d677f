"""M-12: what may be concluded from two readings of a counter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.counters import WRAP_32, WRAP_64, Reading, increase, rate, restarted, uptime_seconds

GIGABIT = 1_000_000_000 / 8


def reading(value: int, at: float, uptime_s: float | None = None, disc: int | None = None) -> Reading:
    return Reading(value, at, None if uptime_s is None else int(uptime_s * 100) % WRAP_32, disc)


@given(start=st.integers(0, WRAP_64 - 1), grown=st.integers(0, 10**15), seconds=st.floats(0.01, 10**6))
def test_M_12_a_64_bit_counter_gives_its_exact_growth_as_an_integer(start, grown, seconds):
    if start + grown >= WRAP_64:
        start = WRAP_64 - 1 - grown
    result = increase(reading(start, 0, 5), reading(start + grown, seconds, 5 + seconds), bits=64)
    assert result == grown
    assert isinstance(result, int)


@given(before=st.integers(1, WRAP_64 - 1), data=st.data())
def test_M_12_a_decrease_of_a_64_bit_counter_is_a_reset_without_sample(before, data):
    after = data.draw(st.integers(0, before - 1))
    assert increase(reading(before, 0, 5), reading(after, 60, 65), bits=64, max_per_s=1e30) is None


@given(start=st.integers(0, WRAP_32 - 1), grown=st.integers(0, int(GIGABIT * 30)))
def test_M_12_a_32_bit_counter_wraps_when_uptime_grew_and_speed_allows(start, grown):
    """The true growth is found again whatever the start, as long as the line can carry it and it is under one turn."""
    before, after = reading(start, 0, 1000), reading((start + grown) % WRAP_32, 30, 1030)
    assert increase(before, after, bits=32, max_per_s=GIGABIT) == grown % WRAP_32


def test_M_12_a_32_bit_decrease_is_no_wrap_when_uptime_fell():
    assert increase(reading(4_000_000_000, 0, 5000), reading(1000, 60, 20), bits=32, max_per_s=1e9) is None


def test_M_12_a_32_bit_decrease_is_no_wrap_when_the_line_is_too_slow_for_it():
    assert increase(reading(2_000_000_000, 0, 50), reading(1_000, 60, 110), bits=32, max_per_s=2_000_000 / 8) is None


@pytest.mark.parametrize("uptime", [None, 50])
def test_M_12_a_32_bit_decrease_without_known_speed_or_uptime_gives_no_sample(uptime):
    before, after = reading(WRAP_32 - 10, 0, uptime), reading(10, 60, uptime and uptime + 60)
    assert increase(before, after, bits=32, max_per_s=None if uptime else GIGABIT) is None


def test_M_12_uptimes_own_wrap_at_497_days_is_no_restart():
    before, after = reading(100, 0, WRAP_32 / 100 - 10), reading(700, 60, WRAP_32 / 100 + 50)
    assert after.uptime_ticks < before.uptime_ticks
    assert not restarted(before, after)
    assert increase(before, after, bits=64) == 600


def test_M_12_a_restart_just_when_uptime_could_have_wrapped_is_told_from_the_wrap():
    before, after = reading(100, 0, WRAP_32 / 100 - 10), reading(700, 60, 5)
    assert restarted(before, after)


@given(uptime=st.integers(400, WRAP_32 - 1), elapsed=st.floats(0.5, 86400), jitter=st.floats(-2.5, 2.5))
def test_M_12_a_device_that_ran_through_never_counts_as_restarted(uptime, elapsed, jitter):
    after = (uptime + max(0, round((elapsed + jitter) * 100))) % WRAP_32
    assert not restarted(Reading(0, 0, uptime), Reading(0, elapsed, after))


@given(uptime=st.integers(100_000, WRAP_32 // 2), since=st.floats(0, 500), elapsed=st.floats(501, 5000))
def test_M_12_a_device_that_restarted_counts_as_restarted(uptime, since, elapsed):
    assert restarted(Reading(0, 0, uptime), Reading(0, elapsed, int(since * 100)))


def test_M_12_a_counter_discontinuity_of_the_interface_is_a_reset():
    assert increase(reading(5, 0, 50, disc=0), reading(900, 60, 110, disc=7000), bits=64) is None


def test_M_12_time_must_move_forward_and_values_must_fit():
    with pytest.raises(ValueError, match="later"):
        rate(reading(1, 5), reading(2, 5), bits=64)
    with pytest.raises(ValueError, match="32-bit"):
        rate(reading(1, 5), reading(WRAP_32, 6), bits=32)


def test_M_12_the_rate_divides_once_at_the_end():
    huge = WRAP_64 - 100
    assert rate(reading(huge, 0, 1), reading(huge + 60, 60, 61), bits=64) == 1.0


def test_uptime_prefers_the_engine_time_that_does_not_wrap():
    assert uptime_seconds(50_000_000, 705) == 50_000_000
    assert uptime_seconds(None, 705) == 7.05
