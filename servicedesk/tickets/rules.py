"""Pure rules of tickets: priority, impact, numbers, how long a decision stays open. Source: policies.md, Tickets."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.i18n import LazyText, lazy
from servicedesk.tickets.states import Kind, State

LEVELS = (1, 2, 3)
DEFAULT_LEVEL = 3
AUTO_CLOSE_WORKING_DAYS = 3
REOPEN_WORKING_DAYS = 10
TELL_HEAD_FROM_REOPENING = 2  # T-15: a second reopening tells the team's head
STARS = range(1, 6)

PREFIXES: Mapping[Kind, str] = {
    Kind.INCIDENT: "INC",
    Kind.REQUEST: "REQ",
    Kind.PROBLEM: "PRB",
    Kind.CHANGE: "CHG",
}
NUMBER = re.compile(r"^(INC|REQ|PRB|CHG)-(\d{4})-(\d{6,})$")

URGENCY_LABELS: Mapping[int, LazyText] = {1: lazy("高"), 2: lazy("中"), 3: lazy("低")}
IMPACT_LABELS: Mapping[int, LazyText] = {1: lazy("广"), 2: lazy("中"), 3: lazy("小")}
PRIORITY_LABELS: Mapping[int, LazyText] = {
    1: lazy("特急"),
    2: lazy("紧急"),
    3: lazy("一般"),
    4: lazy("较低"),
    5: lazy("最低"),
}


def priority(urgency: int, impact: int) -> int:
    """Priority from 1 (critical) to 5 (low). Raises ValueError outside 1–3."""
    if urgency not in LEVELS or impact not in LEVELS:
        raise ValueError(f"urgency {urgency} and impact {impact} go from 1 to 3")
    return urgency + impact - 1


@dataclass(frozen=True)
class ImpactBands:
    """From how many people or services hit on an incident's impact is wide (1) or middling (2)."""

    wide_people: int = 100
    wide_services: int = 3
    middling_people: int = 10
    middling_services: int = 1


DEFAULT_BANDS = ImpactBands()


def impact(people: int, services: int, bands: ImpactBands = DEFAULT_BANDS) -> int:
    """Impact 1–3 from the people and services hit, 1 being the widest."""
    if people >= bands.wide_people or services >= bands.wide_services:
        return 1
    if people >= bands.middling_people or services >= bands.middling_services:
        return 2
    return 3


def urgency_of_severity(severity: str) -> int:
    """Urgency an alert of this severity opens an incident with."""
    return {"critical": 1, "warning": 2}.get(severity, DEFAULT_LEVEL)


def number(kind: Kind, year: int, sequence: int) -> str:
    """A ticket's number, such as INC-2026-000123; gaps are allowed, numbers are never used again."""
    return f"{PREFIXES[kind]}-{year:04d}-{sequence:06d}"


def local_year(at: dt.datetime, zone: dt.tzinfo) -> int:
    """The year a number opened at `at` belongs to, as the people there count it."""
    return at.astimezone(zone).year


def after_working_days(
    start: dt.datetime, days: int, *, zone: dt.tzinfo, is_working_day: Callable[[dt.date], bool]
) -> dt.datetime:
    """The end of the `days`-th working day after the local day of `start`, in UTC.

    Whole days: whoever resolves on Monday at 08:00 or at 23:00 gives the reporter the same three days.
    """
    day = start.astimezone(zone).date()
    left = days
    while left > 0:
        day += dt.timedelta(days=1)
        if is_working_day(day):
            left -= 1
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=zone)
    return midnight.astimezone(dt.UTC)


def auto_close_at(
    resolved_at: dt.datetime, *, zone: dt.tzinfo, is_working_day: Callable[[dt.date], bool]
) -> dt.datetime:
    """When a resolved ticket without an answer closes by itself."""
    return after_working_days(resolved_at, AUTO_CLOSE_WORKING_DAYS, zone=zone, is_working_day=is_working_day)


def may_reopen(
    resolved_at: dt.datetime, now: dt.datetime, *, zone: dt.tzinfo, is_working_day: Callable[[dt.date], bool]
) -> bool:
    """Whether the reporter's ten working days are still running at `now`."""
    return now < after_working_days(resolved_at, REOPEN_WORKING_DAYS, zone=zone, is_working_day=is_working_day)


def may_cancel(state: State, *, ever_accepted: bool, is_reporter: bool, is_head: bool) -> bool:
    """The reporter cancels before acceptance, the team's head at any time before the end."""
    if is_head:
        return True
    return is_reporter and state in {State.NEW, State.DRAFT} and not ever_accepted


def short_title(text: str, limit: int = 60) -> str:
    """A title out of what somebody typed into the one big box: its first sentence, cut at `limit` characters."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    sentence = re.split(r"(?<=[。！？!?；;])", line, maxsplit=1)[0].rstrip("。；;") or line
    return sentence if len(sentence) <= limit else sentence[: limit - 1] + "…"


_ERROR_CODE = re.compile(
    r"\b(?!(?:INC|REQ|PRB|CHG)-)(?:ORA-\d{4,5}|HTTP[ /]?[45]\d\d|0[xX][0-9A-Fa-f]{6,8}|[A-Za-z]{2,6}[-_]?\d{3,6})\b",
    re.ASCII,
)


def error_code(text: str) -> str | None:
    """The first thing in `text` that looks like an error code, in capitals, or None; numbers of tickets are none."""
    found = _ERROR_CODE.search(text)
    return found.group(0).upper().replace("0X", "0x") if found else None
