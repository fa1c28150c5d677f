"""Alerts become incidents, and stay in step with them (A-07; policies.md). Each handler may run twice or out of order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.events.monitor import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertSeverityChanged,
    AlertsSuppressed,
)
from core.events.servicedesk import PriorityChanged
from core.i18n import gettext as _
from core.outbox import record, record_many
from servicedesk.tickets import clocking, facts, family, raising, rules, service
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketEpisode, TicketFact
from servicedesk.tickets.states import ENDED, State

SEVERITIES_WITH_INCIDENT = frozenset({"critical", "warning", "unknown"})


def alert_raised(session: Session, event: AlertRaised, now: dt.datetime) -> None:
    """Open the one incident of this problem, or take the episode as more evidence; a resolved one lives again."""
    alerts_raised(session, [event], now)


def alerts_raised(session: Session, events: Sequence[AlertRaised], now: dt.datetime) -> None:
    """The same for what a storm brings at once: a thousand problems are a thousand incidents, not a thousand of each step."""
    first: dict[int, AlertRaised] = {}
    for event in events:
        if event.severity in SEVERITIES_WITH_INCIDENT:
            first.setdefault(event.alert_id, event)
    episodes = _episodes(session, first)
    waiting = [event for event in first.values() if _is_new(episodes.get(event.alert_id))]
    if not waiting:
        return
    tickets = raising.tickets_for(session, waiting, now=now)
    told = list(zip(waiting, tickets, strict=True))
    for event, ticket in told:
        if ticket.state is State.RESOLVED:
            service.back_to_work(
                session, ticket, reason=_("监控发现再次发生：%(what)s", what=event.summary), by=None, now=now
            )
    ended = [_begun_for(session, episodes.get(event.alert_id), event, ticket) for event, ticket in told]
    lines = [_line(event, ticket, now) for event, ticket in told]
    session.flush()
    session.execute(sa.insert(TicketFact), [facts.as_row(line) for line in lines])
    changed = {ticket.id: facts.change(ticket, What.ALERT_RAISED, now=now) for ticket in tickets}
    record_many(session, changed.values(), now=now)
    for (event, ticket), at in zip(told, ended, strict=True):
        if at is not None:  # the end was heard first
            _recovered(session, ticket, event.fingerprint, at, now)


def _is_new(episode: TicketEpisode | None) -> bool:
    return episode is None or episode.ticket_id is None


def _begun_for(
    session: Session, episode: TicketEpisode | None, event: AlertRaised, ticket: Ticket
) -> dt.datetime | None:
    """Note whose episode it is; returns when it ended, if that is known already."""
    if episode is None:
        episode = TicketEpisode(alert_id=event.alert_id)
        session.add(episode)
    episode.ticket_id, episode.fingerprint, episode.severity = ticket.id, event.fingerprint, event.severity
    episode.started_at = event.at
    return episode.ended_at


def _line(event: AlertRaised, ticket: Ticket, now: dt.datetime) -> TicketFact:
    data = {
        "fingerprint": event.fingerprint,
        "severity": event.severity,
        "alert": event.alertname,
        "episode": event.episode,
    }
    return facts.made(ticket, What.ALERT_RAISED, now=now, at=event.at, text=event.summary, data=data)


def _episodes(session: Session, alert_ids: Iterable[int]) -> dict[int, TicketEpisode]:
    known = sa.select(TicketEpisode).where(TicketEpisode.alert_id.in_(sorted(alert_ids))).with_for_update()
    rows = session.scalars(known.execution_options(populate_existing=True))
    return {episode.alert_id: episode for episode in rows}


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
