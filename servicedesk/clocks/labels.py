"""What people call the clocks and their states."""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import LazyText, lazy
from core.i18n import gettext as _
from servicedesk.clocks.rules import ClockState
from servicedesk.clocks.script import FIRST_RESPONSE
from servicedesk.clocks.targets import Basis, Purpose
from servicedesk.custody.rules import LINE_LABELS, Line

STATE_LABELS: Mapping[ClockState, LazyText] = {
    ClockState.RUNNING: lazy("计时中"),
    ClockState.MET: lazy("按时完成"),
    ClockState.BREACHED: lazy("已超时"),
    ClockState.STOPPED: lazy("已终止"),
}
STATE_TONES: Mapping[ClockState, str] = {
    ClockState.RUNNING: "accent",
    ClockState.MET: "ok",
    ClockState.BREACHED: "critical",
    ClockState.STOPPED: "muted",
}
BASIS_LABELS: Mapping[Basis, LazyText] = {Basis.WORKING: lazy("按工作时间"), Basis.CALENDAR: lazy("按自然时间")}


def label(name: str, purpose: Purpose, line: str) -> str:
    """A clock's name: “首次响应”, “全程解决”, “市受理”, “省处理”."""
    if name == FIRST_RESPONSE:
        return _("首次响应")
    if not line:
        return _("全程解决")
    where = LINE_LABELS[Line(line)]
    return _("%(line)s受理", line=where) if purpose is Purpose.RESPOND else _("%(line)s处理", line=where)
