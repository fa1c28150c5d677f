"""Alerts become incidents, and stay in step with them (A-07; policies.md). Each handler may run twice or out of order."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from cmdb import queries as cmdb
from cmdb.models import Item
from core.events.monitor import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSeverityChanged,
    AlertsSuppressed,
)
from core.events.servicedesk import PriorityChanged
from core.i18n import gettext as _
from core.outbox import record
from servicedesk import catalogue
from servicedesk.custody import routing
from servicedesk.tickets import categories, clocking, facts, family, rules, service
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Source, Ticket, TicketEpisode
from servicedesk.tickets.opening import Report, open_for, open_ticket
from servicedesk.tickets.states import ENDED, State

SEVERITIES_WITH_INCIDENT = frozenset({"critical", "warning", "unknown"})
LONGEST_TITLE = 200


def alert_raised(session: Session, event: AlertRaised, now: dt.datetime) -> None:
    """Open the one incident of this problem, or take the episode as more evidence; a resolved one lives again."""
    if event.severity not in SEVERITIES_WITH_INCIDENT:
        return
    episode = session.get(TicketEpisode, event.alert_id, with_for_update=True)
    if episode is not None and episode.ticket_id is not None:
        return
    ticket = session.scalar(open_for(event.problem_key).with_for_update()) or _open(session, event, now)
    if ticket.state is State.RESOLVED:
        service.back_to_work(
            session, ticket, reason=_("监控发现再次发生：%(what)s", what=event.summary), by=None, now=now
        )
    ended_at = episode.ended_at if episode else None
    if episode is None:
        episode = TicketEpisode(alert_id=event.alert_id)
        session.add(episode)
    episode.ticket_id, episode.fingerprint, episode.severity = ticket.id, event.fingerprint, event.severity
    episode.started_at = event.at
    facts.append(
        session,
        ticket,
        What.ALERT_RAISED,
        now=now,
        at=event.at,
        text=event.summary,
        data={
            "fingerprint": event.fingerprint,
            "severity": event.severity,
            "alert": event.alertname,
            "episode": event.episode,
        },
    )
    facts.changed(session, ticket, What.ALERT_RAISED, now=now)
    session.flush()
    if ended_at is not None:  # the end was heard first
        _recovered(session, ticket, event.fingerprint, ended_at, now)


def _open(session: Session, event: AlertRaised, now: dt.datetime) -> Ticket:
    item = session.get(Item, event.item_id) if event.item_id is not None else None
    service_id = event.service_id
    if service_id is None and item is not None:
        service_id = next(iter(catalogue.services_needing(session, item.id)), None)
    hit = cmdb.impact_of(session, item) if item is not None else None
    people, systems = (hit.people, hit.systems) if hit else (0, 0)
    return open_ticket(
        session,
        Report(
            title=(event.summary.strip().splitlines() or [event.alertname])[0][:LONGEST_TITLE] or event.alertname,
            category=categories.category_of_item(item.type_code if item else ""),
            unit_id=item.unit_id if item else event.unit_id,
            description=event.summary,
            source=Source.ALERT,
            service_id=service_id,
            item_id=event.item_id,
            urgency=rules.urgency_of_severity(event.severity),
            people_hit=people,
            services_hit=systems,
            problem_key=event.problem_key,
            since=event.at,
            team_id=_team(session, event, item, service_id),
        ),
        by=None,
        now=now,
    )


def _team(session: Session, event: AlertRaised, item: Item | None, service_id: int | None) -> int:
    unit_id = item.unit_id if item else event.unit_id
    first = routing.first_team(session, unit_id, service_id=service_id)
    named = session.get(Team, event.team_id) if event.team_id is not None else None
    same_unit = named is not None and named.active and named.unit_id == first.unit_id
    return named.id if named is not None and same_unit else first.id


def alert_resolved(session: Session, event: AlertResolved, now: dt.datetime) -> None:
    """The episode is over: resolve what nobody accepted, propose it to whoever did."""
    episode = session.get(TicketEpisode, event.alert_id, with_for_update=True)
    if episode is None:  # its beginning is still on its way, or it was none that opens incidents
        session.add(
            TicketEpisode(
                alert_id=event.alert_id,
                fingerprint=event.fingerprint,
                severity="",
                started_at=event.at,
                ended_at=event.at,
            )
        )
        return
    if episode.ended_at is not None:
        return
    episode.ended_at = event.at
    session.flush()
    if episode.ticket_id is not None:
        ticket = session.get_one(Ticket, episode.ticket_id, with_for_update=True)
        _recovered(session, ticket, event.fingerprint, event.at, now)


def _recovered(session: Session, ticket: Ticket, fingerprint: str, at: dt.datetime, now: dt.datetime) -> None:
    if ticket.state in ENDED:
        return
    still = service.still_failing(session, ticket)
    proposal = not still and ticket.state in {State.ACTIVE, State.SUSPENDED}
    facts.append(
        session,
        ticket,
        What.ALERT_RESOLVED,
        now=now,
        at=at,
        data={
            "fingerprint": fingerprint,
            "still_failing": still or None,
            "proposal": proposal or None,
        },
        text=_("监控显示已恢复正常，请确认后解决。") if proposal else _("监控显示已恢复正常。"),
    )
    if not still and ticket.state is State.NEW:
        service.recover(session, ticket, now=now, at=at)
        family.resolve_children(session, ticket, by=None, now=now)
        return
    facts.changed(session, ticket, What.ALERT_RESOLVED, now=now)


def severity_changed(session: Session, event: AlertSeverityChanged, now: dt.datetime) -> None:
    """A rise raises the urgency; nothing lowers it by itself. What was only information until now begins here."""
    ticket = _of_alert(session, event.alert_id)
    if ticket is None:
        alert_raised(session, _begun(event), now)
        return
    if ticket.state in ENDED:
        return
    session.execute(
        sa.update(TicketEpisode).where(TicketEpisode.alert_id == event.alert_id).values(severity=event.after)
    )
    urgency = rules.urgency_of_severity(event.after)
    if not event.rose or urgency >= ticket.urgency:
        return
    before = ticket.priority
    ticket.urgency, ticket.priority = urgency, rules.priority(urgency, ticket.impact)
    facts.append(
        session,
        ticket,
        What.PRIORITY_CHANGED,
        now=now,
        at=event.at,
        text=_("告警升级：%(what)s", what=event.summary),
        data={"priority": ticket.priority, "before": before, "urgency": urgency, "impact": ticket.impact},
    )
    record(
        session,
        PriorityChanged(ticket_id=ticket.id, number=ticket.number, before=before, after=ticket.priority),
        now=now,
    )
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, What.PRIORITY_CHANGED, now=now)


def _begun(event: AlertSeverityChanged) -> AlertRaised:
    """The episode as if it had begun with the severity it has now."""
    return AlertRaised(
        alert_id=event.alert_id,
        fingerprint=event.fingerprint,
        problem_key=event.problem_key,
        episode=event.episode,
        severity=event.after,
        alertname=event.alertname,
        summary=event.summary,
        source="",
        at=event.at,
        unit_id=event.unit_id,
        item_id=event.item_id,
        service_id=event.service_id,
        team_id=event.team_id,
        check_id=event.check_id,
    )


def alert_acknowledged(session: Session, event: AlertAcknowledged, now: dt.datetime) -> None:
    """Whoever acknowledged the alert has seen the incident too: paging stops (decision 6)."""
    ticket = _of_alert(session, event.alert_id)
    if ticket is not None:
        service.acknowledged_by(session, ticket, event.person_id, now=now)


def alerts_suppressed(session: Session, event: AlertsSuppressed, now: dt.datetime) -> None:
    """Whoever silenced an alert has seen its incident: paging stops, as by an acknowledgement."""
    if event.person_id is None:
        return
    for alert_id in event.alert_ids:
        ticket = _of_alert(session, alert_id)
        if ticket is not None:
            service.acknowledged_by(session, ticket, event.person_id, now=now)


def _of_alert(session: Session, alert_id: int) -> Ticket | None:
    return session.scalar(
        sa.select(Ticket)
        .join(TicketEpisode, TicketEpisode.ticket_id == Ticket.id)
        .where(TicketEpisode.alert_id == alert_id)
        .with_for_update(of=Ticket)
    )
