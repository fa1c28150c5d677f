"""How the pages word states and alerts; never a raw enum."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Unit
from cmdb.models import Item
from core.i18n import gettext as _
from core.i18n import lazy
from monitor import links
from monitor.alerts.models import Alert, Member
from monitor.rules import Severity
from monitor.states import Kind, State
from web.filters import duration

SEVERITIES = {
    Severity.CRITICAL: lazy("严重"),
    Severity.WARNING: lazy("警告"),
    Severity.UNKNOWN: lazy("未知"),
    Severity.INFO: lazy("提示"),
}
STATES = {
    State.OK: lazy("正常"),
    State.WARNING: lazy("警告"),
    State.CRITICAL: lazy("严重"),
    State.UNKNOWN: lazy("未知"),
    State.NODATA: lazy("无数据"),
}
KINDS = {Kind.SOFT: lazy("复核中"), Kind.HARD: lazy("已确定")}
ENDED = {
    "recovered": lazy("检测恢复正常"),
    "ended": lazy("来源报告结束"),
    "timed-out": lazy("来源不再上报"),
    "retired": lazy("监控项已停用"),
}
SUPPRESSED = {
    "silence": lazy("已静默"),
    "inhibition": lazy("被更大的故障抑制"),
    "maintenance": lazy("维护中"),
    "unreachable": lazy("上级不可达"),
    "flapping": lazy("状态抖动"),
}
SOURCES = {"check": lazy("平台检测"), "heartbeat": lazy("心跳"), "api": lazy("外部系统")}


@dataclass(frozen=True, slots=True)
class Row:
    """An alert with the names a person reads."""

    alert: Alert
    item: str
    unit: str
    service: str
    by: str
    ticket: str

    @property
    def is_open(self) -> bool:
        """Whether it still fires."""
        return self.alert.resolved_at is None

    @property
    def quiet(self) -> list[str]:
        """Why nobody is told of it, in words; empty where it is not quiet."""
        return [str(SUPPRESSED.get(r, r)) for r in self.alert.suppressed_by] if self.is_open else []

    @property
    def shown(self) -> Member:
        """The label set it shows: its worst."""
        mine = [m for m in self.alert.members if m.fingerprint == self.alert.fingerprint]
        return mine[-1] if mine else self.alert.members[-1]

    @property
    def count(self) -> int:
        """How often it was reported."""
        return sum(m.count for m in self.alert.members)

    @property
    def last_seen_at(self) -> dt.datetime:
        """When it was last reported."""
        return max(m.last_seen_at for m in self.alert.members)


def rows(session: Session, alerts: Collection[Alert]) -> list[Row]:
    """Alerts with names, a query for each kind of name."""
    items = named(session, Item, {a.item_id for a in alerts} | {a.service_id for a in alerts})
    units = named(session, Unit, {a.unit_id for a in alerts})
    people = named(session, Person, {a.acknowledged_by for a in alerts})
    tickets = links.tickets_of(session, list(alerts))
    return [
        Row(
            alert,
            items.get(alert.item_id or 0, ""),
            units.get(alert.unit_id, ""),
            items.get(alert.service_id or 0, ""),
            people.get(alert.acknowledged_by or 0, ""),
            tickets.get(alert.id, ""),
        )
        for alert in alerts
    ]


def named(session: Session, model: Any, ids: Collection[int | None]) -> dict[int, str]:
    """Names of items, units or people by id."""
    wanted = sorted(i for i in ids if i)
    if not wanted:
        return {}
    return {row.id: row.name for row in session.execute(sa.select(model.id, model.name).where(model.id.in_(wanted)))}


def sentence(row: Row, impact: str, now: dt.datetime) -> str:
    """The one sentence at the top of an alert's page, in plain words."""
    alert = row.alert
    what = _("%(unit)s：%(what)s", unit=row.unit, what=alert.summary.rstrip("。"))
    minutes = ((alert.resolved_at or now) - alert.starts_at).total_seconds() / 60
    if alert.resolved_at is not None:
        how = _("已于 %(t)s 前恢复，共持续 %(d)s", t=_ago(alert.resolved_at, now), d=duration(minutes))
        return _("；").join((what, how)) + _("。")
    lasted = _("已持续 %(d)s", d=duration(minutes))
    seen = _("%(name)s已确认", name=row.by) if row.by else _("尚无人确认")
    return _("；").join(part for part in (what, lasted, impact, seen) if part) + _("。")


def _ago(at: dt.datetime, now: dt.datetime) -> str:
    return duration((now - at).total_seconds() / 60)
