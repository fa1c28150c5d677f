"""Reads of alerts; each takes the viewer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.models import Person, Unit
from accounts.scope import Viewer, in_scope
from core.errors import NotFound
from core.i18n import gettext as _
from monitor.alerts.models import Alert, Member
from monitor.rules import Severity
from monitor.schemas import AlertQuery
from web.paging import Key, Page, page

_MOST_MEMBERS = 10_000


def admitted(viewer: Viewer, permission: str = "alert.read") -> sa.ColumnElement[bool]:
    """The condition that an alert is one the viewer may see."""
    return in_scope(viewer, permission, unit=Alert.unit_id, team=Alert.team_id, service=Alert.service_id)


def visible(viewer: Viewer, permission: str = "alert.read") -> sa.Select[Alert]:
    """Alerts the viewer may see, with their label sets."""
    return sa.select(Alert).options(selectinload(Alert.members)).where(admitted(viewer, permission))


def one(session: Session, viewer: Viewer, fingerprint: str) -> Alert:
    """The open episode of that fingerprint, else its newest. Raises NotFound where there is none for this viewer."""
    having = sa.select(Member.alert_id).where(Member.fingerprint == fingerprint)
    newest = sa.case((Alert.resolved_at.is_(None), 0), else_=1)
    found = session.scalar(
        visible(viewer).where(Alert.id.in_(having)).order_by(newest, Alert.starts_at.desc(), Alert.id.desc()).limit(1)
    )
    if found is None:
        raise NotFound(_("没有这条告警，或您无权查看。"))
    return found


def listing(session: Session, viewer: Viewer, query: AlertQuery) -> Page[Alert]:
    """A page of alerts, the newest first; of each problem its newest episode, unless a time is asked for."""
    statement = visible(viewer)
    if query.since is None and query.until is None:
        statement = statement.where(Alert.superseded.is_(False))
    statement = statement.where(*_conditions(query))
    return page(
        session, statement, [Key(Alert.starts_at, True), Key(Alert.id, True)], cursor=query.cursor, limit=query.limit
    )


def in_state(state: str) -> sa.ColumnElement[bool]:
    """The condition for firing, suppressed or resolved."""
    if state == "resolved":
        return Alert.resolved_at.is_not(None)
    suppressed = sa.cast(Alert.suppressed_by, sa.Text) != "[]"
    return sa.and_(Alert.resolved_at.is_(None), suppressed if state == "suppressed" else sa.not_(suppressed))


def _like(text: str) -> sa.ColumnElement[bool]:
    like = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return sa.or_(*(c.ilike(like, escape="\\") for c in (Alert.summary, Alert.alertname, Alert.fingerprint)))


_Condition = Callable[[Any], sa.ColumnElement[bool]]
_FILTERS: dict[str, _Condition] = {
    "state": in_state,
    "severity": lambda v: Alert.severity == v,
    "fingerprint": lambda v: Alert.id.in_(sa.select(Member.alert_id).where(Member.fingerprint == v)),
    "alertname": lambda v: Alert.alertname == v,
    "item": lambda v: Alert.item_id == v,
    "check": lambda v: Alert.check_id == v,
    "unit": lambda v: Alert.unit_id == sa.select(Unit.id).where(Unit.code == v).scalar_subquery(),
    "service": lambda v: Alert.service_id == v,
    "source": lambda v: Alert.source == v,
    "acknowledged": lambda v: Alert.acknowledged_at.is_not(None) if v else Alert.acknowledged_at.is_(None),
    "acknowledged_by": lambda v: (
        Alert.acknowledged_by == sa.select(Person.id).where(Person.login == v).scalar_subquery()
    ),
    "since": lambda v: sa.or_(Alert.resolved_at.is_(None), Alert.resolved_at >= v),
    "until": lambda v: Alert.starts_at < v,
    "q": _like,
}


def _conditions(query: AlertQuery) -> list[sa.ColumnElement[bool]]:
    given = {name: getattr(query, name) for name in _FILTERS}
    return [_FILTERS[name](value) for name, value in given.items() if value not in (None, "")]


def open_members(session: Session, viewer: Viewer) -> Sequence[tuple[Member, Alert]]:
    """Label sets that fire now, for API v2."""
    rows = session.execute(
        sa.select(Member, Alert)
        .join(Alert, Alert.id == Member.alert_id)
        .where(admitted(viewer), Member.resolved_at.is_(None))
        .order_by(Member.starts_at, Member.id)
        .limit(_MOST_MEMBERS)
    )
    return [(member, alert) for member, alert in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many alerts fire, by severity, how many of them nobody acknowledged; apart from them how many are quiet."""

    by_severity: dict[Severity, int]
    unacknowledged: int
    suppressed: int = 0

    @property
    def total(self) -> int:
        """All that fire."""
        return sum(self.by_severity.values())


def counts(session: Session, viewer: Viewer) -> Counts:
    """For badges and the wall."""
    loud = sa.cast(Alert.suppressed_by, sa.Text) == "[]"
    fires = sa.func.sum(sa.case((loud, 1), else_=0))
    unseen = sa.func.sum(sa.case((sa.and_(loud, Alert.acknowledged_at.is_(None)), 1), else_=0))
    rows = session.execute(
        sa.select(Alert.severity, sa.func.count(), fires, unseen)
        .where(admitted(viewer), Alert.resolved_at.is_(None))
        .group_by(Alert.severity)
    ).all()
    firing = {severity: int(n) for severity, _all, n, _unseen in rows if n}
    quiet = sum(every - int(n or 0) for _severity, every, n, _unseen in rows)
    return Counts(firing, int(sum(row[3] or 0 for row in rows)), quiet)


def of_item(session: Session, viewer: Viewer, item_id: int, *, since: dt.datetime, limit: int = 20) -> Sequence[Alert]:
    """Open and recent episodes of an item, the newest first."""
    recent = sa.or_(Alert.resolved_at.is_(None), Alert.resolved_at >= since)
    statement = visible(viewer).where(Alert.item_id == item_id, recent)
    return session.scalars(statement.order_by(Alert.starts_at.desc(), Alert.id.desc()).limit(limit)).all()


def episodes(session: Session, viewer: Viewer, problem_key: str, limit: int = 20) -> Sequence[Alert]:
    """All episodes of a problem, the newest first."""
    statement = visible(viewer).where(Alert.problem_key == problem_key)
    return session.scalars(statement.order_by(Alert.episode.desc()).limit(limit)).all()
