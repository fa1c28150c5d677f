"""What the working calendar is made of. Days are dates and hours are wall-clock minutes: neither is ever an instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from core.i18n import gettext as _

MINUTES_A_DAY = 24 * 60


class Why(StrEnum):
    """Why a day differs from a plain working day."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKE_UP = "make-up"  # 调休: a weekend day that is worked
    EXCEPTION = "exception"  # entered by hand


@dataclass(frozen=True, order=True)
class Segment:
    """A stretch of work in one day, in minutes since midnight, `start` included and `end` not; 1440 is 24:00."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= MINUTES_A_DAY:
            raise ValueError(f"segment {'–'.join(self.texts())} has to lie within one day and end after it begins")

    def texts(self) -> tuple[str, str]:
        """Both ends as HH:MM."""
        return clock_text(self.start), clock_text(self.end)


Segments = tuple[Segment, ...]
DEFAULT_SEGMENTS: Segments = (Segment(9 * 60, 12 * 60), Segment(13 * 60, 17 * 60))


def clock_text(minutes: int) -> str:
    """Minutes since midnight as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def check_segments(segments: Segments) -> None:
    """Raise ValueError when segments are out of order or overlap."""
    for before, after in pairwise(segments):
        if after.start < before.end:
            raise ValueError(f"segment {'–'.join(after.texts())} begins before {'–'.join(before.texts())} has ended")


@dataclass(frozen=True)
class DayException:
    """A day entered by hand, which wins over holidays and weekends. `segments` None: the usual ones."""

    working: bool
    segments: Segments | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if self.segments is not None:
            check_segments(self.segments)
            if bool(self.segments) is not self.working:
                raise ValueError("a working day needs at least one segment, a day off has none")


@dataclass(frozen=True)
class FilingPeriod:
    """A filing period (征期), both days included."""

    first: dt.date
    last: dt.date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"filing period ends {self.last} before it begins {self.first}")

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True)
class CalendarSettings:
    """What an administrator decides. `complete_years`: all their holidays were entered by hand: no warning."""

    segments: Segments = DEFAULT_SEGMENTS
    timezone: str = "Asia/Shanghai"
    exceptions: Mapping[dt.date, DayException] = field(default_factory=lambda: MappingProxyType({}))
    filing_overrides: Mapping[tuple[int, int], FilingPeriod] = field(default_factory=lambda: MappingProxyType({}))
    complete_years: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        check_segments(self.segments)
        if not self.segments:
            raise ValueError("a working day needs at least one segment")


@dataclass(frozen=True)
class Workday:
    """One day as the calendar sees it; `why` is None on a plain working day, `note` names the holiday or exception."""

    date: dt.date
    working: bool
    segments: Segments
    why: Why | None
    filing_period: bool
    note: str = ""


@dataclass(frozen=True)
class CalendarWarning:
    """A year whose holidays are not known, so that it is counted by weekends only."""

    year: int
    too_early: bool

    @property
    def text(self) -> str:
        """The warning in the reader's language."""
        if self.too_early:
            return _("%(year)d 年的节假日安排没有收录，只按周末计算。", year=self.year)
        return _("%(year)d 年的节假日安排尚未发布，暂按周末计算；发布后请管理员录入工作日历。", year=self.year)

    def __str__(self) -> str:
        return self.text
