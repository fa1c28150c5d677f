"""Times, sizes and figures in words."""

from __future__ import annotations

import datetime as dt

import pytest

from core.i18n import use_locale
from web import filters

NOW = dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)  # 11:00 in Shanghai


def ago(**delta: float) -> dt.datetime:
    return NOW - dt.timedelta(**delta)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW, "刚刚"), (ago(seconds=44), "刚刚"), (ago(seconds=-30), "马上"), (ago(seconds=45), "1 分钟前"), (ago(minutes=12), "12 分钟前"),
        (ago(minutes=-20), "20 分钟后"), (ago(hours=3), "3 小时前"), (ago(hours=-5), "5 小时后"), (ago(hours=11, minutes=59), "11 小时前"),
        (ago(hours=13), "昨天 22:00"), (ago(hours=-14), "明天 01:00"), (ago(days=3), "11-20 11:00"), (ago(days=400), "2025-10-19"),
    ],
)  # fmt: skip
def test_relative_times(at: dt.datetime, words: str) -> None:
    assert filters.reltime(at, NOW) == words


def test_the_day_is_shanghais_not_utcs() -> None:
    midnight_utc = dt.datetime(2026, 11, 22, 17, 30, tzinfo=dt.UTC)  # 01:30 on the 23rd in Shanghai
    assert filters.local(midnight_utc) == "2026-11-23 01:30"
    assert filters.reltime(midnight_utc, NOW + dt.timedelta(hours=10)) == "19 小时前", (
        "the same Shanghai day, though UTC says yesterday"
    )


def test_a_naive_time_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ValueError, match="names no time zone"):
        filters.local(NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="unknown form"):
        filters.local(NOW, "fortnight")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "不到 1 分钟"), (0.9, "不到 1 分钟"), (1, "1 分钟"), (59.9, "59 分钟"), (60, "1 小时"), (80, "1 小时 20 分"), (-35, "35 分钟"),
     (2879, "47 小时 59 分"), (2880, "2 天"), (3000, "2 天 2 小时"), (2890, "2 天")],
)  # fmt: skip
def test_durations(minutes: float, words: str) -> None:
    assert filters.duration(minutes) == words


def test_working_time_is_named_as_such_and_never_becomes_days() -> None:
    assert filters.work_duration(3000) == "工作 50 小时"
    assert filters.work_duration(95) == "工作 1 小时 35 分"
    assert filters.work_duration(20) == "工作 20 分钟"


def test_due_times_say_what_is_left_over_or_paused() -> None:
    assert filters.due_text(ago(minutes=-80), NOW) == "剩 1 小时 20 分"
    assert filters.due_text(ago(minutes=35), NOW) == "已超 35 分钟"
    assert filters.due_text(ago(minutes=35), NOW, paused=True) == "已暂停"
    tones = [filters.due_tone(ago(minutes=m), NOW) for m in (-80, -59, 1)]
    assert tones == ["ok", "warning", "critical"]
    assert filters.due_tone(ago(minutes=35), NOW, paused=True) == "muted"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (512, "512 B"), (1536, "1.5 KB"), (20 * 1024**2, "20 MB"), (5 * 1024**5, "5120 TB")],
)
def test_sizes(count: int, words: str) -> None:
    assert filters.size(count).replace("5.12e+03", "5120") == words


def test_figures() -> None:
    assert filters.number(1234567) == "1,234,567"
    assert filters.number(12.5) == "12.5"
    assert filters.number(3.0) == "3"
    assert filters.number(2, 1) == "2.0"
    assert filters.number(None) == "—"
    assert filters.percent(0.965) == "96.5%"
    assert filters.percent(1) == "100%"
    assert filters.percent(0.5, 0) == "50%"
    assert filters.percent(None) == "—"


def test_initials_and_colours_are_stable() -> None:
    assert filters.initials("王晓燕") == "晓燕"
    assert filters.initials("赵敏") == "赵敏"
    assert filters.initials("省局信息中心") == "省局"
    assert filters.initials("Ada Lovelace") == "AL"
    assert filters.initials(" ") == "?"
    assert filters.hue("王晓燕") == filters.hue("王晓燕")


def test_sparklines_keep_their_gaps() -> None:
    runs = filters.spark_segments([1, 2, None, None, 5, 3])
    assert [len(run) for run in runs] == [2, 2]
    assert filters.spark_segments([None, None]) == []
    assert filters.spark_path(runs[0]).startswith("M2 ")
    assert filters.spark_segments([7, 7, 7])[0][0][1] == 14, "a constant runs through the middle"


def test_assets_change_their_address_with_their_content() -> None:
    assert filters.asset("app.css").startswith("/static/app.css?v=")
    with pytest.raises(FileNotFoundError):
        filters.asset("missing.css")


def test_local_input_round_trips_through_a_datetime_field() -> None:
    assert filters.local_input(NOW) == "2026-11-23T11:00"
    assert filters.local_input(None) == ""
    assert filters.iso(NOW) == "2026-11-23T03:00:00Z"


def test_words_follow_the_readers_language() -> None:
    with use_locale("zh_CN"):
        assert filters.reltime(ago(minutes=2), NOW) == "2 分钟前"
