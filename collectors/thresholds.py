"""Threshold ranges as the Nagios plugins write them.

| text    | alerts when the value is |
| ------- | ------------------------ |
| `10`    | below 0 or above 10      |
| `10:`   | below 10                 |
| `~:10`  | above 10                 |
| `10:20` | outside 10 to 20         |
| `@10:20`| inside 10 to 20          |

Source: Monitoring Plugins Development Guidelines, "Threshold and Ranges".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from collectors.base import State
from core.i18n import gettext as _


@dataclass(frozen=True)
class Range:
    """The values that are well: `start` to `end`, both included; `inside` turns it round (`@`)."""

    start: float
    end: float
    inside: bool = False

    def alerts(self, value: float) -> bool:
        """True when `value` is out of bounds. Raises ValueError for NaN and infinity, which prove nothing."""
        if not math.isfinite(value):
            raise ValueError(_("不是有限数值：%(value)s", value=value))
        within = self.start <= value <= self.end
        return within if self.inside else not within

    def __str__(self) -> str:
        start = "~" if self.start == -math.inf else f"{self.start:g}"
        end = "" if self.end == math.inf else f"{self.end:g}"
        text = end if start == "0" and end else f"{start}:{end}"
        return f"@{text}" if self.inside else text


def parse(text: str) -> Range:
    """Read a range. Raises ValueError saying what is wrong with it."""
    body = text.strip()
    inside = body.startswith("@")
    body = body.removeprefix("@")
    if not body:
        raise ValueError(_("阈值是空的；写法如 80、10:、~:5、10:20、@0:5"))
    left, colon, right = body.partition(":")
    if not colon:
        left, right = "0", left
    start = -math.inf if left == "~" else _number(left or "0", text)
    end = _number(right, text) if right else math.inf
    if start > end:
        raise ValueError(_("阈值 %(text)s 的下限大于上限", text=text))
    return Range(start, end, inside)


def judge(value: float, warning: Range | None, critical: Range | None) -> State:
    """The state `value` deserves; critical wins over warning."""
    if critical is not None and critical.alerts(value):
        return State.CRITICAL
    if warning is not None and warning.alerts(value):
        return State.WARNING
    return State.OK


def optional(text: str) -> Range | None:
    """As parse; an empty text means that nothing is watched."""
    return parse(text) if text else None


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(_("阈值 %(text)s 不是数字；写法如 80、10:、~:5、10:20、@0:5", text=whole))
    return value


def _as_text(value: object) -> object:
    """A plain number is fine too: 80 means "80"."""
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _checked(text: str) -> str:
    optional(text)
    return text.strip()


RangeText = Annotated[str, BeforeValidator(_as_text), AfterValidator(_checked)]
"""A parameter that holds a range; empty: not watched."""
