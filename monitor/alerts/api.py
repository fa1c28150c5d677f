"""/alerts of API v1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit.listener import record as audit
from accounts.current import viewer
from accounts.models import Person, Unit
from accounts.scope import covers
from core import clock
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from monitor import links
from monitor import schemas as s
from monitor.alerts import queries, service
from monitor.alerts.models import Alert
from web.api import Api
from web.db import db
from web.paging import Page

api = Api("alerts", __name__)


def out(session: Session, alerts: Sequence[Alert]) -> list[s.AlertOut]:
    """Alerts as the API shows them."""
    units = _column(session, Unit.id, Unit.code, {a.unit_id for a in alerts})
    people = _column(session, Person.id, Person.login, {a.acknowledged_by for a in alerts if a.acknowledged_by})
    tickets = links.tickets_of(session, alerts)
    return [_out(alert, units, people, tickets) for alert in alerts]


def _column(session: Session, key: Any, value: Any, ids: set[Any]) -> dict[int, str]:
    if not ids:
        return {}
    return {row[0]: row[1] for row in session.execute(sa.select(key, value).where(key.in_(sorted(ids))))}


def _out(alert: Alert, units: dict[int, str], people: dict[int, str], tickets: Mapping[int, str]) -> s.AlertOut:
    shown = next((m for m in reversed(alert.members) if m.fingerprint == alert.fingerprint), alert.members[-1])
    ends = [m.expires_at for m in alert.members if m.resolved_at is None and m.expires_at is not None]
    firing = "suppressed" if alert.suppressed_by else "firing"
    return s.AlertOut(
        fingerprint=alert.fingerprint,
        labels=shown.labels,
        annotations=shown.annotations,
        state="resolved" if alert.resolved_at is not None else firing,
        suppressed_by=list(alert.suppressed_by),
        severity=alert.severity,
        episode=alert.episode,
        starts_at=alert.starts_at,
        ends_at=alert.resolved_at or max(ends, default=None),
        last_seen_at=max(m.last_seen_at for m in alert.members),
        count=sum(m.count for m in alert.members),
        acknowledged_by=people.get(alert.acknowledged_by or 0),
        acknowledged_until=alert.acknowledged_until,
        ticket=tickets.get(alert.id),
        item=alert.item_id,
        check=alert.check_id,
        unit=units[alert.unit_id],
        root=None,
    )


@api.get("/alerts", needs="alert.read", query=s.AlertQuery, answer=s.AlertOut, listing=True)
def index(query: s.AlertQuery) -> Page[Any]:
    """Alerts, the newest first."""
    session = db.session()
    found = queries.listing(session, viewer(), query)
    return Page(out(session, found.items), found.next)


@api.get("/alerts/<fingerprint>", needs="alert.read", answer=s.AlertOut)
def show(fingerprint: str) -> s.AlertOut:
    """One alert: its open episode, else its newest."""
    session = db.session()
    return out(session, [queries.one(session, viewer(), fingerprint)])[0]


@api.post("/alerts/<fingerprint>/ack", needs="alert.ack", body=s.AckIn, answer=s.AlertOut, status=200)
def acknowledge(fingerprint: str, body: s.AckIn) -> s.AlertOut:
    """Say that somebody has seen it: paging stops."""
    session = db.session()
    alert = ackable(session, fingerprint)
    now = clock.now()
    if body.until is not None and body.until <= now:
        raise Invalid.of("until", _("须晚于现在。"))
    service.acknowledge(
        session, alert, person_id=viewer().person_id, text=body.text, sticky=body.sticky, until=body.until, now=now
    )
    after = {"text": body.text, "sticky": body.sticky}
    audit(session, verb="alert.ack", object_name=f"alert:{alert.fingerprint}", after=after, now=now)
    return out(session, [alert])[0]


@api.post("/alerts/<fingerprint>/unack", needs="alert.ack", answer=s.AlertOut, status=200)
def unacknowledge(fingerprint: str) -> s.AlertOut:
    """Take an acknowledgement back."""
    session = db.session()
    alert = ackable(session, fingerprint)
    now = clock.now()
    service.unacknowledge(session, alert, why="by-hand", now=now)
    audit(session, verb="alert.unack", object_name=f"alert:{alert.fingerprint}", now=now)
    return out(session, [alert])[0]


def ackable(session: Session, fingerprint: str) -> Alert:
    """The open alert, if the viewer may acknowledge it.

    Raises NotFound where there is none to see, Forbidden where it is only to see, Conflict where it is over.
    """
    alert = queries.one(session, viewer(), fingerprint)
    mine = covers(
        session,
        viewer(),
        "alert.ack",
        unit_id=alert.unit_id,
        team_id=alert.team_id,
        service_id=alert.service_id,
    )
    if not mine:
        raise Forbidden(_("您可以查看这条告警，但不能确认它。"))
    if alert.resolved_at is not None:
        raise Conflict(_("告警已经恢复，不用再确认。"))
    return alert
