"""The range syntax of the Monitoring Plugins guidelines."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.base import State
from collectors.thresholds import judge, parse

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "well", "bad"),
    [
        ("10", [0, 5, 10], [-1, 10.1]),
        ("10:", [10, 1e9], [9.99, -5]),
        ("~:10", [-1e9, 10], [11]),
        ("10:20", [10, 20], [9, 21]),
        ("@10:20", [9, 21], [10, 15, 20]),
        ("~:", [-1e300, 0, 1e300], []),
    ],
)
def test_the_table_of_the_guidelines(text, well, bad):
    assert [v for v in well if parse(text).alerts(v)] == []
    assert [v for v in bad if not parse(text).alerts(v)] == []


@pytest.mark.parametrize("text", ["", " ", "@", "abc", "20:10", "nan", "inf", "1:2:3", "~", "10:nan", "-inf:5"])
def test_what_is_no_range_is_refused_with_a_reason(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_M_09_nan_and_infinity_are_refused(value):
    with pytest.raises(ValueError, match="不是有限数值"):
        parse("~:").alerts(value)


@given(a=finite, b=finite, value=finite, inside=st.booleans())
def test_inside_is_exactly_the_opposite(a, b, value, inside):
    text = f"{min(a, b)!r}:{max(a, b)!r}"
    assert parse(text).alerts(value) is not parse("@" + text).alerts(value)
    assert parse(("@" if inside else "") + text).alerts(value) is ((min(a, b) <= value <= max(a, b)) is inside)


@given(a=st.integers(-(10**5), 10**5), b=st.integers(-(10**5), 10**5), value=finite, inside=st.booleans())
def test_what_is_written_reads_back_the_same(a, b, value, inside):
    text = ("@" if inside else "") + f"{min(a, b)}:{max(a, b)}"
    assert parse(str(parse(text))) == parse(text)


def test_critical_wins_over_warning():
    assert judge(95, parse("80"), parse("90")) is State.CRITICAL
    assert judge(85, parse("80"), parse("90")) is State.WARNING
    assert judge(5, parse("80"), parse("90")) is State.OK
    assert judge(5, None, None) is State.OK
