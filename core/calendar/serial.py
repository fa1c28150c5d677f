"""Calendar settings as plain data, in and out: what an administrator edits, and what the database keeps.

{"segments": [["09:00", "12:00"], ["13:00", "17:00"]], "timezone": "Asia/Shanghai",
 "exceptions": {"2027-02-08": {"working": false, "segments": null, "why": "春节"}},
 "filing_overrides": {"2027-02": ["2027-02-01", "2027-02-24"]},
 "complete_years": [2027]}
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from core.calendar.axis import FIRST_YEAR, LAST_YEAR
from core.calendar.model import (
    DEFAULT_SEGMENTS,
    MINUTES_A_DAY,
    CalendarSettings,
    DayException,
    FilingPeriod,
    Segment,
    Segments,
    check_segments,
)
from core.errors import FieldError, Invalid
from core.i18n import gettext as _

MAX_SEGMENTS = 12
MAX_EXCEPTIONS = 5000
MAX_WHY = 200
MAX_FILING_DAYS = 62  # a filing period ends in the month after its own at the latest
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})$")
_MONTH = re.compile(r"^(\d{4})-(\d{2})$")
T = TypeVar("T")


def settings_to_dict(settings: CalendarSettings) -> dict[str, Any]:
    """Settings as JSON-ready data, in a stable order."""
    return {
        "segments": _segments_out(settings.segments),
        "timezone": settings.timezone,
        "exceptions": {
            day.isoformat(): {
                "working": exception.working,
                "segments": None if exception.segments is None else _segments_out(exception.segments),
                "why": exception.why,
            }
            for day, exception in sorted(settings.exceptions.items())
        },
        "filing_overrides": {
            f"{year:04d}-{month:02d}": [period.first.isoformat(), period.last.isoformat()]
            for (year, month), period in sorted(settings.filing_overrides.items())
        },
        "complete_years": sorted(settings.complete_years),
    }


def settings_from_dict(data: object) -> CalendarSettings:
    """Settings out of plain data; what is missing takes its default.

    Raises core.errors.Invalid naming every wrong place (`exceptions.2027-02-30`) and what is the matter with it.
    """
    reader = _Reader()
    given = reader.mapping("", data, {"segments", "timezone", "exceptions", "filing_overrides", "complete_years"})
    values: dict[str, Any] = {}
    for name, read in (
        ("segments", lambda at, value: reader.segments(at, value, empty=False)),
        ("timezone", reader.timezone),
        ("exceptions", reader.exceptions),
        ("filing_overrides", reader.filing_overrides),
        ("complete_years", reader.years),
    ):
        if name in given:
            values[name] = read(name, given[name])
    if reader.errors:
        raise Invalid(_("工作日历的设置有误，未保存。"), reader.errors)
    return CalendarSettings(**values)


def parse_clock(text: object) -> int:
    """HH:MM up to 24:00 as minutes since midnight. Raises ValueError."""
    found = _CLOCK.match(text) if isinstance(text, str) else None
    if found:
        hours, minutes = int(found[1]), int(found[2])
        if minutes < 60 and hours * 60 + minutes <= MINUTES_A_DAY:  # noqa: PLR2004  minutes of an hour
            return hours * 60 + minutes
    raise ValueError(_("“%(given)s”不是时刻，应为 00:00 到 24:00，如 09:00。", given=text))


def _segments_out(segments: Segments) -> list[list[str]]:
    return [list(segment.texts()) for segment in segments]


class _Reader:
    """Reads parts and collects what is wrong, so that everything is named at once."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def wrong(self, at: str, message: str) -> None:
        self.errors.append(FieldError(at, message))

    def attempt(self, at: str, read: Callable[[], T], default: T) -> T:
        """What `read` gives; its ValueError becomes an error at `at`."""
        try:
            return read()
        except ValueError as problem:
            self.wrong(at, str(problem))
            return default

    def mapping(self, at: str, value: object, known: set[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.wrong(at, _("应为一组“名称: 值”。"))
            return {}
        for name in value:
            if known is not None and name not in known:
                self.wrong(
                    f"{at}.{name}".strip("."), _("没有这一项；可用的有：%(known)s。", known="、".join(sorted(known)))
                )
        return value

    def segments(self, at: str, value: object, *, empty: bool) -> Segments:
        if not isinstance(value, list | tuple) or len(value) > MAX_SEGMENTS:
            self.wrong(at, _('应为至多 %(most)d 段上班时间，如 [["09:00", "12:00"]]。', most=MAX_SEGMENTS))
            return DEFAULT_SEGMENTS
        if not value and not empty:
            self.wrong(at, _("至少要有一段上班时间。"))
            return DEFAULT_SEGMENTS
        known = len(self.errors)
        read = tuple(self._segment(f"{at}[{i}]", pair) for i, pair in enumerate(value))
        if len(self.errors) > known:
            return DEFAULT_SEGMENTS
        for i, (before, after) in enumerate(pairwise(read), start=1):
            if after.start < before.end:
                self.wrong(
                    f"{at}[{i}]",
                    _(
                        "上班时间要按先后排列且不重叠：%(after)s 早于上一段结束的 %(before)s。",
                        after=after.texts()[0],
                        before=before.texts()[1],
                    ),
                )
                return DEFAULT_SEGMENTS
        check_segments(read)
        return read

    def _segment(self, at: str, pair: object) -> Segment:
        if not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004  from and until
            self.wrong(at, _("每段上班时间要有开始和结束两个时刻。"))
            return DEFAULT_SEGMENTS[0]
        start = self.attempt(f"{at}[0]", lambda: parse_clock(pair[0]), -1)
        end = self.attempt(f"{at}[1]", lambda: parse_clock(pair[1]), -1)
        if start >= end >= 0:
            self.wrong(at, _("结束 %(end)s 要晚于开始 %(start)s；跨零点的请分成两段。", start=pair[0], end=pair[1]))
        return Segment(start, end) if 0 <= start < end else DEFAULT_SEGMENTS[0]

    def timezone(self, at: str, value: object) -> str:
        try:
            return ZoneInfo(str(value)).key if isinstance(value, str) and value else self._no_zone(at, value)
        except (KeyError, ValueError, OSError):
            return self._no_zone(at, value)

    def _no_zone(self, at: str, value: object) -> str:
        self.wrong(at, _("没有“%(given)s”这个时区，应为 Asia/Shanghai 这样的名称。", given=value))
        return CalendarSettings.timezone

    def exceptions(self, at: str, value: object) -> dict[dt.date, DayException]:
        given = self.mapping(at, value)
        if len(given) > MAX_EXCEPTIONS:
            self.wrong(at, _("例外日最多 %(most)d 个。", most=MAX_EXCEPTIONS))
            return {}
        found: dict[dt.date, DayException] = {}
        for text, body in given.items():
            day = self.date(f"{at}.{text}", text)
            exception = self._exception(f"{at}.{text}", body)
            if day and exception:
                found[day] = exception
        return found

    def _exception(self, at: str, body: object) -> DayException | None:
        known = len(self.errors)
        given = self.mapping(at, body, {"working", "segments", "why"})
        working, why, own = given.get("working"), given.get("why", ""), given.get("segments")
        if not isinstance(working, bool):
            self.wrong(f"{at}.working", _("要写明上班（true）还是休息（false）。"))
        if not isinstance(why, str) or len(why) > MAX_WHY:
            self.wrong(f"{at}.why", _("原因应为不超过 %(most)d 字的文字。", most=MAX_WHY))
        segments = None if own is None else self.segments(f"{at}.segments", own, empty=True)
        if segments and working is False:
            self.wrong(f"{at}.segments", _("休息日不能有上班时间。"))
        if segments == () and working is True:
            self.wrong(f"{at}.segments", _("上班日至少要有一段上班时间；不写则按平日。"))
        if len(self.errors) > known:
            return None
        return DayException(bool(working), segments or None, str(why))

    def filing_overrides(self, at: str, value: object) -> dict[tuple[int, int], FilingPeriod]:
        found: dict[tuple[int, int], FilingPeriod] = {}
        for text, pair in self.mapping(at, value).items():
            month = self._month(f"{at}.{text}", text)
            if not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004  first and last
                self.wrong(f"{at}.{text}", _("征期要有起止两个日期。"))
                continue
            first, last = self.date(f"{at}.{text}[0]", pair[0]), self.date(f"{at}.{text}[1]", pair[1])
            if not (month and first and last):
                continue
            if (first.year, first.month) != month:
                self.wrong(f"{at}.{text}[0]", _("征期要从当月开始。"))
            elif not dt.timedelta() <= last - first < dt.timedelta(days=MAX_FILING_DAYS):
                self.wrong(
                    f"{at}.{text}[1]", _("征期的最后一天不能早于第一天，最长 %(most)d 天。", most=MAX_FILING_DAYS)
                )
            else:
                found[month] = FilingPeriod(first, last)
        return found

    def _month(self, at: str, text: object) -> tuple[int, int] | None:
        found = _MONTH.match(text) if isinstance(text, str) else None
        if found and FIRST_YEAR <= int(found[1]) <= LAST_YEAR and 1 <= int(found[2]) <= 12:  # noqa: PLR2004  months
            return int(found[1]), int(found[2])
        self.wrong(at, _("“%(given)s”不是月份，应如 2027-02。", given=text))
        return None

    def date(self, at: str, text: object) -> dt.date | None:
        try:
            day = dt.date.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            day = None
        if day is None or day.isoformat() != text or not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.wrong(
                at,
                _(
                    "“%(given)s”不是日期，应如 2027-02-08，年份在 %(first)d 到 %(last)d 之间。",
                    given=text,
                    first=FIRST_YEAR,
                    last=LAST_YEAR,
                ),
            )
            return None
        return day

    def years(self, at: str, value: object) -> frozenset[int]:
        if not isinstance(value, list | tuple):
            self.wrong(at, _("应为年份的列表。"))
            return frozenset()
        for i, year in enumerate(value):
            if not isinstance(year, int) or isinstance(year, bool) or not FIRST_YEAR <= year <= LAST_YEAR:
                self.wrong(
                    f"{at}[{i}]",
                    _(
                        "“%(given)s”不是 %(first)d 到 %(last)d 之间的年份。",
                        given=year,
                        first=FIRST_YEAR,
                        last=LAST_YEAR,
                    ),
                )
        return frozenset(year for year in value if isinstance(year, int))
