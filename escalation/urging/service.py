"""The verb of urging."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Team
from accounts.scope import Viewer, covers
from core.errors import Conflict, Forbidden, TooMany
from core.events.handoff import TicketUrged
from core.i18n import gettext as _
from core.outbox import record
from escalation.handoff import queries as handoffs
from escalation.urging import rules
from escalation.urging.models import Urging
from servicedesk.calendar import service as calendars
from servicedesk.tickets import access, clocking, facts
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import has_process


def urge(session: Session, viewer: Viewer, ticket: Ticket, *, text: str, now: dt.datetime) -> Urging:
    """Urge: the holder is told, from the second time on the head too.

    Raises Forbidden for who is neither reporter, watcher nor superior, Conflict while suspended or finished, TooMany
    (with Retry-After) inside the cool-down or over the day's quota.
    """
    if not may_urge(session, viewer, ticket):
        raise Forbidden(_("只有报障人、关注人和上级可以催办。"))
    if not has_process(ticket.kind):
        raise Conflict(_("这类事项只作登记，办理流程尚未开通，不能催办。"))
    judged = verdict(session, ticket, now=now)
    if not judged.allowed:
        _refuse(judged, now)
    pending = handoffs.pending(session, ticket.id)
    team = pending.to_team if pending else ticket.team
    holder_id = None if pending else ticket.holder_id
    head_id = _head(session, team, now=now) if judged.tells_head else None
    row = Urging(
        ticket_id=ticket.id,
        at=now,
        by_id=viewer.person_id,
        text=text.strip(),
        count=judged.count,
        holder_id=holder_id,
        team_id=team.id,
        told_head_id=head_id,
    )
    session.add(row)
    ticket.urged = judged.count
    facts.append(
        session,
        ticket,
        What.URGED,
        now=now,
        by=viewer.person_id,
        text=text.strip(),
        data={
            "count": judged.count,
            "told": team.name,
            "head": head_id is not None,
        },
    )
    record(
        session,
        TicketUrged(
            ticket_id=ticket.id,
            number=ticket.number,
            text=text.strip(),
            count=judged.count,
            by_id=viewer.person_id,
            holder_id=holder_id,
            team_id=team.id,
            head_id=head_id,
        ),
        now=now,
    )
    facts.changed(session, ticket, What.URGED, now=now)
    session.flush()
    return row


def may_urge(session: Session, viewer: Viewer, ticket: Ticket) -> bool:
    """The reporter, a watcher, or somebody whose right to urge downwards covers the holder's unit."""
    if access.standing(session, viewer, ticket).follower:
        return True
    return covers(session, viewer, "ticket.urge-down", unit_id=ticket.team.unit_id, team_id=ticket.team_id)


def verdict(session: Session, ticket: Ticket, *, now: dt.datetime) -> rules.Verdict:
    """Whether the ticket may be urged now, by its log."""
    earlier = list(session.scalars(sa.select(Urging.at).where(Urging.ticket_id == ticket.id).order_by(Urging.at)))
    return rules.verdict(ticket.state, earlier, now, zone=clocking.ZONE, due=calendars.current(session).advance)


def _refuse(judged: rules.Verdict, now: dt.datetime) -> None:
    if judged.again_at is None:
        raise Conflict(
            _("事项已挂起，等待答复期间不能催办。")
            if judged.reason == "suspended"
            else _("事项已解决或结束，不能催办。")
        )
    at = clocking.wall(judged.again_at)
    text = (
        _("今天已催办三次，明天可以再催。") if judged.reason == "quota" else _("刚催办过，%(at)s 之后可以再催。", at=at)
    )
    raise TooMany(text, retry_after=judged.retry_after(now))


def _head(session: Session, team: Team, *, now: dt.datetime) -> int | None:
    if team.head_id is not None:
        return team.head_id
    head = accounts.head_of_unit(session, team.unit_id, now=now)
    return head.id if head else None
