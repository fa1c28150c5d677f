"""What waits on disk survives: order, crashes, damage, bounds."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.base import CheckResult, Sample, State
from collectors.report import Report
from collectors.spool import Spool

NOON = dt.datetime(2026, 11, 23, 4, tzinfo=dt.UTC)


def report(number: int) -> Report:
    samples = (Sample("rtt_ms", 0.1 + number, "ms", {"peer": "蓝田"}), Sample("octets", 2**63 + number))
    at = NOON + dt.timedelta(seconds=number, microseconds=7)
    return Report(str(number), CheckResult(State.CRITICAL, f"第 {number} 次", samples, at, 0.25, {"url": "x"}))


def drain(spool: Spool) -> list[str]:
    seen = []
    while (waiting := spool.peek()) is not None:
        seen += [r.check_id for r in waiting.reports]
        spool.confirm(waiting)
    return seen


def test_M_15_results_come_back_whole_in_order_with_their_own_times(tmp_path):
    spool = Spool(tmp_path / "s", segment_bytes=600)
    for n in range(40):
        spool.append([report(n), report(1000 + n)])
    first = spool.peek()
    assert first.reports == [report(0), report(1000)]
    assert first.reports[0].result.at == report(0).result.at
    assert isinstance(first.reports[0].result.samples[1].value, int)
    assert drain(spool) == [str(x) for n in range(40) for x in (n, 1000 + n)]
    assert spool.is_empty
    assert spool.size_bytes == 0


def test_M_15_what_was_not_confirmed_is_read_again_after_a_restart(tmp_path):
    spool = Spool(tmp_path / "s", segment_bytes=500)
    for n in range(10):
        spool.append([report(n)])
    for _ in range(3):
        spool.confirm(spool.peek())
    spool.peek()
    again = Spool(tmp_path / "s")
    again.append([report(10)])
    assert drain(again) == [str(n) for n in range(3, 11)]
    again.append([report(11)])
    assert drain(Spool(tmp_path / "s")) == ["11"], "numbers go on, nothing hides behind an old position"


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10**6), written=st.integers(1, 6))
def test_M_15_a_write_cut_short_at_any_byte_loses_only_itself(cut, written):
    with tempfile.TemporaryDirectory() as home:
        spool = Spool(Path(home) / "s")
        for n in range(written):
            spool.append([report(n)])
        [segment] = (Path(home) / "s").glob("*.spool")
        whole = segment.stat().st_size
        spool.append([report(99)])
        os.truncate(segment, whole + cut % (segment.stat().st_size - whole))
        after = Spool(Path(home) / "s")
        after.append([report(100)])
        assert drain(after) == [*(str(n) for n in range(written)), "100"]


def test_a_damaged_record_does_not_stop_what_comes_after_its_segment(tmp_path):
    spool = Spool(tmp_path / "s", segment_bytes=1)
    for n in range(3):
        spool.append([report(n)])
    first = min((tmp_path / "s").glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[20] ^= 0xFF
    first.write_bytes(data)
    assert drain(Spool(tmp_path / "s")) == ["1", "2"]


def test_above_the_bound_the_oldest_go_and_are_counted(tmp_path):
    spool = Spool(tmp_path / "s", max_bytes=4000, segment_bytes=500)
    for n in range(100):
        spool.append([report(n)])
        assert spool.size_bytes < 4600
    kept = drain(spool)
    assert kept[-1] == "99"
    assert kept == [str(n) for n in range(int(kept[0]), 100)]
    assert spool.dropped_segments > 0


def test_a_day_of_a_county_fits(tmp_path):
    """200 checks a minute for a day, by the size of one batch."""
    spool = Spool(tmp_path / "s")
    spool.append([report(n) for n in range(200)])
    assert spool.size_bytes * 1440 < 64 * 1024 * 1024


def test_others_can_not_read_it(tmp_path):
    Spool(tmp_path / "s").append([report(1)])
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_a_disk_that_refuses_is_an_error(tmp_path):
    spool = Spool(tmp_path / "s")
    spool.append([report(0)])
    (tmp_path / "s" / "000000000001.spool").unlink()
    (tmp_path / "s").rmdir()
    with pytest.raises(OSError, match="No such file"):
        spool.append([report(1)])
