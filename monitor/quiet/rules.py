"""What may be told once an alert is no longer quiet (M-06), and when a silence is changed rather than replaced. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from enum import StrEnum

from core.errors import FieldError, Invalid
from core.i18n import gettext as _
from monitor.am.matchers import Matcher, Op, checked
from monitor.quiet.models import SilenceState
from monitor.rules import Severity
from monitor.states import Kind

LONGEST_WAIT = dt.timedelta(seconds=60)
MOST_MATCHERS = 50
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")


class Told(StrEnum):
    """What goes out when nothing keeps an alert quiet any more."""

    RAISED = "raised"
    CHANGED = "changed"
    NOTHING = "nothing"


def what_to_tell(before: Severity | None, now: Severity) -> Told:
    """Compare what was told before the quiet (None: nothing was) with what is: only a difference goes out (M-06)."""
    if before is None:
        return Told.RAISED
    return Told.NOTHING if before is now else Told.CHANGED


def may_tell(
    kind: Kind | None,
    *,
    checked_at: dt.datetime | None,
    interval: dt.timedelta | None,
    lifted_at: dt.datetime,
    now: dt.datetime,
) -> bool:
    """Whether a check's state is worth telling: HARD, and not about to be looked at again (M-06).

    `interval` None: nobody looks again by himself. It is waited for one result after the lifting, at most a minute.
    """
    if kind is Kind.SOFT:
        return False
    if interval is None or (checked_at is not None and checked_at >= lifted_at):
        return True
    return now >= lifted_at + min(interval, LONGEST_WAIT)


def check_matchers(matchers: Sequence[Matcher]) -> None:
    """Refuse what would silence everything, or nothing that can be understood. Raises Invalid naming each."""
    check_syntax(matchers)
    if not 1 <= len(matchers) <= MOST_MATCHERS:
        raise Invalid.of("matchers", _("请给出 1 到 %(most)d 个匹配条件。", most=MOST_MATCHERS))
    if all(matcher.matches({}) for matcher in matchers):
        raise Invalid.of("matchers", _("这些条件会匹配所有告警；至少要有一个条件不匹配空值。"))


def check_syntax(matchers: Sequence[Matcher]) -> None:
    """Refuse regular expressions that are none. Raises Invalid naming each."""
    wrong = []
    for place, matcher in enumerate(matchers):
        try:
            checked(matcher)
        except Invalid as error:
            wrong.append(FieldError(f"matchers[{place}].value", error.message))
    if wrong:
        raise Invalid("；".join(e.message for e in wrong), wrong)


def check_times(starts_at: dt.datetime, ends_at: dt.datetime, *, now: dt.datetime) -> None:
    """Raises Invalid where it would end before it begins, or is over already."""
    if ends_at <= now:
        raise Invalid.of("ends_at", _("结束时间须晚于现在。"))
    if ends_at <= starts_at:
        raise Invalid.of("ends_at", _("结束时间须晚于开始时间。"))


def stays_itself(
    state: SilenceState,
    *,
    same_matchers: bool,
    before: dt.datetime,
    starts_at: dt.datetime,
    now: dt.datetime,
) -> bool:
    """Whether an edit by API v2 keeps the id; otherwise the old one ends and a new one begins.

    Source: Alertmanager's silence package, `canUpdate`.
    """
    if not same_matchers or state is SilenceState.EXPIRED:
        return False
    if state is SilenceState.ACTIVE:
        return int(starts_at.timestamp()) == int(before.timestamp())
    return starts_at >= now


def plain(matchers: Sequence[Matcher]) -> list[dict[str, str]]:
    """Matchers as they are stored."""
    return [{"name": m.name, "op": m.op.value, "value": m.value} for m in matchers]


def read(stored: Sequence[dict[str, str]]) -> tuple[Matcher, ...]:
    """Stored matchers."""
    return tuple(Matcher(m["name"], Op(m["op"]), m["value"]) for m in stored)


def text(stored: Sequence[dict[str, str]]) -> str:
    """Matchers as a person writes them."""
    return ", ".join(f'{_name(m["name"])}{m["op"]}"{_escaped(m["value"])}"' for m in stored)


def _name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f'"{_escaped(name)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
