"""What templates call to word times, sizes and numbers, and to find bundle files.

Everything here is pure: times come in as aware datetimes, `now` comes in from the caller. Templates get
the names by `install(env)`; the macros of templates/ui use them, pages may too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from core import clock
from core.i18n import current_locale
from core.i18n import gettext as _
from web.appearance import appearance
from web.devices import device

ZONE = ZoneInfo("Asia/Shanghai")
STATIC = Path(__file__).parent / "static"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")

_MINUTE, _HOUR = 60, 3600  # seconds; and 60 minutes an hour
_MINUTES_A_DAY, _JUST_NOW, _KILO, _SHORT_NAME = 24 * 60, 45, 1024, 3


def local(at: dt.datetime, form: str = "minute") -> str:
    """`at` as wall time in Asia/Shanghai; `form` is second, minute, date, clock or day (month and day).

    Raises ValueError when `at` names no time zone or `form` is unknown.
    """
    patterns = {
        "second": "%Y-%m-%d %H:%M:%S",
        "minute": "%Y-%m-%d %H:%M",
        "date": "%Y-%m-%d",
        "clock": "%H:%M",
        "day": "%m-%d",
    }
    if form not in patterns:
        raise ValueError(f"unknown form {form!r}; one of {', '.join(patterns)}")
    return clock.require_aware(at).astimezone(ZONE).strftime(patterns[form])


def local_input(at: dt.datetime | None) -> str:
    """The value of an `<input type=datetime-local>` for `at`, in Asia/Shanghai; empty for None."""
    return "" if at is None else clock.require_aware(at).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


def iso(at: dt.datetime) -> str:
    """`at` for machines: RFC 3339 in UTC."""
    return clock.require_aware(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(minutes: float) -> str:
    """A length of time in words, from minutes: “不到 1 分钟”, “35 分钟”, “1 小时 20 分”, “3 天 4 小时”.

    Days are calendar days of 24 hours; word working time with `work_duration`. The sign is dropped.
    """
    whole = int(abs(minutes))
    if whole < 1:
        return _("不到 1 分钟")
    if whole < _MINUTE:
        return _("%(n)s 分钟", n=whole)
    if whole < 2 * _MINUTES_A_DAY:
        hours, rest = divmod(whole, _MINUTE)
        return _("%(h)s 小时 %(m)s 分", h=hours, m=rest) if rest else _("%(h)s 小时", h=hours)
    days, rest = divmod(whole, _MINUTES_A_DAY)
    return _("%(d)s 天 %(h)s 小时", d=days, h=rest // 60) if rest >= _MINUTE else _("%(d)s 天", d=days)


def work_duration(minutes: float) -> str:
    """Working time, named as such and never folded into days (a working day is not 24 hours)."""
    whole = int(abs(minutes))
    hours, rest = divmod(whole, _MINUTE)
    if not hours:
        return _("工作 %(n)s 分钟", n=rest)
    return _("工作 %(h)s 小时 %(m)s 分", h=hours, m=rest) if rest else _("工作 %(h)s 小时", h=hours)


def reltime(at: dt.datetime, now: dt.datetime) -> str:
    """How long ago, or in how long: “刚刚”, “12 分钟前”, “3 小时后”, “昨天 09:30”, then the date."""
    seconds = (clock.require_aware(now) - clock.require_aware(at)).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < _JUST_NOW:
        return _("马上") if ahead and seconds >= 1 else _("刚刚")
    if seconds < _HOUR:
        n = max(1, int(seconds // _MINUTE))
        return _("%(n)s 分钟后", n=n) if ahead else _("%(n)s 分钟前", n=n)
    days = (at.astimezone(ZONE).date() - now.astimezone(ZONE).date()).days
    if seconds < 12 * _HOUR or days == 0:
        n = int(seconds // _HOUR)
        return _("%(n)s 小时后", n=n) if ahead else _("%(n)s 小时前", n=n)
    return _near_day(at, now, days)


def _near_day(at: dt.datetime, now: dt.datetime, days: int) -> str:
    """Named days next to today, else the date, with the year only if it is another one."""
    wall = local(at, "clock")
    if days == -1:
        return _("昨天 %(t)s", t=wall)
    if days == 1:
        return _("明天 %(t)s", t=wall)
    here, there = at.astimezone(ZONE), now.astimezone(ZONE)
    return local(at, "day") + " " + wall if here.year == there.year else local(at, "date")


def due_text(due_at: dt.datetime, now: dt.datetime, *, paused: bool = False) -> str:
    """What is left of a target: “剩 1 小时 20 分”, “已超 35 分钟”, “已暂停”."""
    if paused:
        return _("已暂停")
    minutes = (clock.require_aware(due_at) - clock.require_aware(now)).total_seconds() / 60
    return _("剩 %(t)s", t=duration(minutes)) if minutes >= 0 else _("已超 %(t)s", t=duration(minutes))


def due_tone(due_at: dt.datetime, now: dt.datetime, *, paused: bool = False, soon_minutes: float = 60) -> str:
    """The tone of a due time: `ok`, `warning` (under `soon_minutes` left), `critical` (over) or `muted` (paused)."""
    if paused:
        return "muted"
    minutes = (due_at - now).total_seconds() / 60
    if minutes < 0:
        return "critical"
    return "warning" if minutes < soon_minutes else "ok"


def size(count: float) -> str:
    """Bytes for people, in steps of 1,024: “512 B”, “1.5 KB”, “20 MB”."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if abs(value) < _KILO or unit == "TB":
            return f"{_short(value)} {unit}"
        value /= _KILO
    raise AssertionError("unreachable: TB returns")


def number(value: float | None, digits: int | None = None) -> str:
    """A figure with thousands separators; `digits` fixes the decimals; “—” for None."""
    if value is None:
        return "—"
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as per cent: 0.965 → “96.5%”; “—” for None."""
    if share is None:
        return "—"
    text = f"{share * 100:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text) + "%"


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"


def initials(name: str) -> str:
    """One or two letters for an avatar: the given name of a Chinese name, else the first letters."""
    name = name.strip()
    if not name:
        return "?"
    if any("\u4e00" <= letter <= "\u9fff" for letter in name):
        return name[-2:] if len(name) <= _SHORT_NAME else name[:2]
    return "".join(word[0] for word in name.split()[:2]).upper()


def hue(name: str, hues: int = 8) -> int:
    """A stable number from 0 to `hues` - 1 for `name`: the same person has the same colour everywhere."""
    return hashlib.sha256(name.encode()).digest()[0] % hues


def spark_segments(
    points: Sequence[float | None], width: int = 120, height: int = 28, pad: int = 2
) -> list[list[tuple[float, float]]]:
    """Runs of (x, y) in an SVG of `width` × `height`; a None ends a run, so that gaps stay gaps."""
    known = [p for p in points if p is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    step = (width - 2 * pad) / max(1, len(points) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for i, p in enumerate(points):
        if p is None:
            runs.append([])
        else:
            y = height / 2 if high == low else height - pad - (p - low) / span * (height - 2 * pad)
            runs[-1].append((round(pad + i * step, 1), round(y, 1)))
    return [run for run in runs if run]


def spark_path(points: Iterable[tuple[float, float]]) -> str:
    """An SVG path through one run of `spark_segments`."""
    return " ".join(f"{'M' if i == 0 else 'L'}{x:g} {y:g}" for i, (x, y) in enumerate(points))


def recorded(value: object) -> str:
    """A value as it was recorded, for people: local time, yes and no, lists with commas."""
    if value is None or value in ("", [], {}):
        return "—"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if isinstance(value, dict):
        return "；".join(f"{key} = {recorded(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return "、".join(recorded(each) for each in value)
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return local(dt.datetime.fromisoformat(value), "second")
        except (ValueError, OverflowError):  # looks like an instant and is none: somebody's title, kept for ever
            return value
    return str(value)


def clock_now() -> dt.datetime:
    """The current instant, for macros that are imported without the page's `now`."""
    return clock.now()


@cache
def asset(name: str) -> str:
    """The address of a bundle file, with a hash of its content so that it can be cached for ever.

    Raises FileNotFoundError naming the file when the bundle lacks it.
    """
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


FILTERS: dict[str, Any] = {
    "local": local,
    "local_input": local_input,
    "iso": iso,
    "duration": duration,
    "work_duration": work_duration,
    "reltime": reltime,
    "due_text": due_text,
    "due_tone": due_tone,
    "size": size,
    "number": number,
    "percent": percent,
    "initials": initials,
    "hue": hue,
    "device": device,
    "recorded": recorded,
}
GLOBALS: dict[str, Any] = {
    "_": _,
    "appearance": appearance,
    "asset": asset,
    "clock_now": clock_now,
    "current_locale": current_locale,
    "spark_segments": spark_segments,
    "spark_path": spark_path,
}


class Environment(Protocol):
    """The part of a Jinja environment that `install` writes to."""

    filters: dict[str, Any]
    globals: dict[str, Any]


def install(env: Environment) -> None:
    """Give a Jinja environment the filters and globals that templates/ui needs (`csrf_token` is the edge's own)."""
    env.filters.update(FILTERS)
    for name, value in GLOBALS.items():
        env.globals.setdefault(name, value)
