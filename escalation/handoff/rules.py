"""Pure rules of handing up: the recorded search, where a matter climbs to, and what a return needs (E-01 to E-04)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from core.errors import FieldError, Invalid
from core.i18n import LazyText, lazy
from core.i18n import gettext as _
from servicedesk.custody.rules import Line

CLARITY = range(1, 6)


class HandoffState(StrEnum):
    """Where a hand-off stands; all but SENT are final, and RETURNED may follow ACCEPTED while nobody else took it."""

    SENT = "sent"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


STATE_LABELS: Mapping[HandoffState, LazyText] = {
    HandoffState.SENT: lazy("等待对方受理"),
    HandoffState.ACCEPTED: lazy("已受理"),
    HandoffState.RETURNED: lazy("已退回"),
    HandoffState.WITHDRAWN: lazy("已撤回"),
}

CLARITY_LABELS: Mapping[int, LazyText] = {
    1: lazy("看不懂"),
    2: lazy("缺很多"),
    3: lazy("还可以"),
    4: lazy("清楚"),
    5: lazy("非常清楚"),
}

NEXT_LINE: Mapping[Line, Line] = {
    Line.COUNTY: Line.CITY,
    Line.CITY: Line.PROVINCE,
    Line.PROVINCE: Line.VENDOR,
}


def next_line(line: Line) -> Line | None:
    """The line above, or None for the last."""
    return NEXT_LINE.get(line)


def checked_search(search: Mapping[str, object] | None) -> dict[str, str]:
    """The knowledge search that must be on record before sending: what was asked, and what came of it.

    Raises Invalid naming what is missing: the query, and either the article tried or why none fits.
    """
    given = {key: str(value).strip() for key, value in (search or {}).items() if value is not None}
    errors = [
        FieldError(f"search.{key}", _("检索记录里没有这一项；可用的有：query、article、none_fits_because"))
        for key in given
        if key not in {"query", "article", "none_fits_because"}
    ]
    if not given.get("query"):
        errors.append(FieldError("search.query", _("上报前请先检索知识库，并写明检索了什么。")))
    if not given.get("article") and not given.get("none_fits_because"):
        errors.append(FieldError("search.article", _("请选择试过的文章，或说明为什么都不适用。")))
    if errors:
        raise Invalid(_("上报前需要一次知识库检索记录，没有发送。"), errors)
    return {key: value for key, value in given.items() if value}


def checked_return(reason: str | None, missing: str | None) -> tuple[str, str]:
    """A return needs a reason and a missing item, so that the sender knows what to do. Raises Invalid naming both."""
    errors = []
    if not (reason or "").strip():
        errors.append(FieldError("reason", _("退回需要写明原因。")))
    if not (missing or "").strip():
        errors.append(FieldError("missing", _("退回需要写明缺什么，对方才能补上。")))
    if errors:
        raise Invalid(_("退回需要原因和缺少的内容。"), errors)
    return (reason or "").strip(), (missing or "").strip()


def checked_clarity(clarity: int | None) -> int:
    """The receiver's score 1–5. Raises Invalid outside."""
    if clarity is None or clarity not in CLARITY:
        raise Invalid.of("clarity", _("请给交接单的清楚程度打 1 到 5 分。"))
    return clarity
