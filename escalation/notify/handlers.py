"""Who is told of what happened to a ticket. Handlers only write deliveries; each key names the event's own object, so
running again adds nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Team
from core.events import handoff, servicedesk
from core.i18n import gettext as _
from escalation.handoff.models import Handoff
from escalation.notify.service import Message, Told, tell, tell_many
from servicedesk.tickets import mentions
from servicedesk.tickets.models import Ticket, TicketFact

Words = Callable[[], tuple[str, str]]


def _message(topic: str, key: str, ticket: Ticket, words: Words) -> Message:
    return Message(topic=topic, key=key, ref=ticket.number, url=f"/desk/tickets/{ticket.number}", words=words)


def _about(ticket: Ticket, *lines: str) -> str:
    return "\n".join([*[line for line in lines if line], f"{ticket.number} {ticket.title}"])


def team_people(session: Session, team_id: int) -> list[int]:
    """Ids of a team's active members."""
    return [p.id for p in accounts.members(session, team_id)]


def _name(session: Session, person_id: int | None) -> str:
    return accounts.names(session, [person_id] if person_id else []).get(person_id or 0, _("系统"))


def opened(session: Session, event: servicedesk.IncidentOpened, now: dt.datetime) -> None:
    """The team that now is answerable hears of it."""
    opened_many(session, [event], now)


def opened_many(session: Session, events: Sequence[servicedesk.IncidentOpened], now: dt.datetime) -> None:
    """The same for a storm: each team is looked up once, and all is written at once."""
    tickets = {t.id: t for t in session.scalars(sa.select(Ticket).where(Ticket.id.in_([e.ticket_id for e in events])))}
    teams = {team: team_people(session, team) for team in sorted({event.team_id for event in events})}
    tell_many(
        session,
        [Told(_incoming(tickets[e.ticket_id], e), teams[e.team_id], but=e.reporter_id) for e in events],
        now=now,
    )


def _incoming(ticket: Ticket, event: servicedesk.IncidentOpened) -> Message:
    again = f"again{ticket.reopened}" if event.reopened else "opened"
    words: Words = lambda: (
        _("新事项 %(number)s：%(title)s", number=ticket.number, title=ticket.title),
        _about(
            ticket,
            _("优先级 %(p)d，%(unit)s 报来。", p=ticket.priority, unit=ticket.unit.name),
            ticket.description[:500],
        ),
    )
    return _message("incoming", f"ticket:{ticket.id}:{again}", ticket, words)


def accepted(session: Session, event: servicedesk.IncidentAccepted, now: dt.datetime) -> None:
    """The reporter hears who is answerable now."""
    ticket = session.get_one(Ticket, event.ticket_id)
    name, team = _name(session, event.person_id), session.get_one(Team, event.team_id).name
    words: Words = lambda: (
        _("已受理：%(number)s", number=ticket.number),
        _about(ticket, _("%(team)s 的 %(name)s 已受理您的事项，由其负责到底。", team=team, name=name)),
    )
    key = f"ticket:{ticket.id}:accepted:{event.team_id}:{event.person_id}"
    _tell_followers(session, key, ticket, words, now=now, but=event.person_id)


def handed_up(session: Session, event: handoff.HandedUp, now: dt.datetime) -> None:
    """The receiving team hears what comes, the reporter where it goes."""
    ticket = session.get_one(Ticket, event.ticket_id)
    sender = session.get_one(Team, event.from_team_id).name
    receiver = session.get_one(Team, event.to_team_id).name
    to_team: Words = lambda: (
        _("上报待受理：%(number)s（来自%(team)s）", number=ticket.number, team=sender),
        _about(ticket, _("优先级 %(p)d。请受理，或说明缺什么后退回；受理前责任仍在对方。", p=ticket.priority)),
    )
    tell(
        session,
        _message("incoming", f"handoff:{event.handoff_id}:sent", ticket, to_team),
        team_people(session, event.to_team_id),
        now=now,
    )
    to_reporter: Words = lambda: (
        _("已上报：%(number)s", number=ticket.number),
        _about(ticket, _("%(sender)s 已把您的事项上报给%(receiver)s，等待其受理。", sender=sender, receiver=receiver)),
    )
    _tell_followers(session, f"handoff:{event.handoff_id}:told", ticket, to_reporter, now=now, but=event.sender_id)


def returned(session: Session, event: handoff.HandoffReturned, now: dt.datetime) -> None:
    """Whoever handed up hears why it came back; from the third bounce on the arbiter too."""
    ticket = session.get_one(Ticket, event.ticket_id)
    people = [event.to_holder_id] if event.to_holder_id else team_people(session, event.to_team_id)
    words: Words = lambda: (
        _("被退回：%(number)s", number=ticket.number),
        _about(
            ticket,
            _("原因：%(reason)s", reason=event.reason),
            _("缺少：%(missing)s", missing=event.missing) if event.missing else "",
        ),
    )
    tell(session, _message("returned", f"handoff:{event.handoff_id}:returned", ticket, words), people, now=now)
    if event.arbiter_id:
        arbitrate: Words = lambda: (
            _("请裁决：%(number)s 已被退回 %(n)d 次", number=ticket.number, n=event.bounces),
            _about(ticket, _("双方推诿，请指定由谁负责；您的决定有约束力。")),
        )
        tell(
            session,
            _message("returned", f"handoff:{event.handoff_id}:arbiter", ticket, arbitrate),
            [event.arbiter_id],
            now=now,
        )


def urged(session: Session, event: handoff.TicketUrged, now: dt.datetime) -> None:
    """The holder (or the whole team before acceptance) is urged; by step also the head."""
    ticket = session.get_one(Ticket, event.ticket_id)
    people: list[int | None] = (
        [event.holder_id] if event.holder_id else list(team_people(session, event.team_id or ticket.team_id))
    )
    by = _name(session, event.by_id)
    words: Words = lambda: (
        _("催办（第 %(n)d 次）：%(number)s", n=event.count, number=ticket.number),
        _about(ticket, _("%(name)s 催办：%(text)s", name=by, text=event.text)),
    )
    tell(
        session,
        _message("urge", f"ticket:{ticket.id}:urge:{event.count}:{event.by_id}", ticket, words),
        [*people, event.head_id],
        now=now,
        but=event.by_id,
    )


def resolved(session: Session, event: servicedesk.IncidentResolved, now: dt.datetime) -> None:
    """Reporter and followers hear the solution and are asked to confirm."""
    ticket = session.get_one(Ticket, event.ticket_id)
    words: Words = lambda: (
        _("已解决，请确认：%(number)s", number=ticket.number),
        _about(
            ticket,
            _("解决办法：%(text)s", text=event.solution) if event.solution else _("监控显示已恢复。"),
            _("如已正常请确认并评分；如仍有问题请退回重办。"),
        ),
    )
    _tell_followers(session, f"ticket:{ticket.id}:resolved:{ticket.reopened}", ticket, words, now=now, but=event.by_id)


def reopened(session: Session, event: servicedesk.IncidentReopened, now: dt.datetime) -> None:
    """The holder hears that it was not solved; from the second time on the head (T-15)."""
    ticket = session.get_one(Ticket, event.ticket_id)
    people: list[int | None] = [ticket.holder_id] if ticket.holder_id else list(team_people(session, ticket.team_id))
    words: Words = lambda: (
        _("重新打开（第 %(n)d 次）：%(number)s", n=event.count, number=ticket.number),
        _about(ticket, _("原因：%(reason)s", reason=event.reason)),
    )
    tell(
        session,
        _message("returned", f"ticket:{ticket.id}:reopened:{event.count}", ticket, words),
        [*people, event.head_id],
        now=now,
    )


def commented(session: Session, event: servicedesk.TicketCommented, now: dt.datetime) -> None:
    """The other side hears what was written; an internal line stays with those who work on it."""
    ticket = session.get_one(Ticket, event.ticket_id)
    fact = session.get_one(TicketFact, event.fact_id)
    by = _name(session, event.by_id)
    words: Words = lambda: (
        _("%(name)s 在 %(number)s 留言", name=by, number=ticket.number),
        _about(ticket, fact.text[:1000]),
    )
    named: Words = lambda: (
        _("%(name)s 在 %(number)s 提到您", name=by, number=ticket.number),
        _about(ticket, fact.text[:1000]),
    )
    told = set(event.mentioned)
    tell(session, _message("mention", f"fact:{fact.id}:mention", ticket, named), told, now=now, but=event.by_id)
    if ticket.holder_id not in told:
        message = _message("mine", f"fact:{fact.id}:holder", ticket, words)
        tell(session, message, [ticket.holder_id], now=now, but=event.by_id)
    if not event.internal:
        told.add(ticket.holder_id or 0)
        _tell_followers(session, f"fact:{fact.id}:reporter", ticket, words, now=now, but=event.by_id, without=told)


def assigned(session: Session, event: servicedesk.CustodyMoved, now: dt.datetime) -> None:
    """Somebody who was given a ticket by another hears of it."""
    if event.holder_id is None or event.holder_id == event.by_id:
        return
    ticket = session.get_one(Ticket, event.ticket_id)
    words: Words = lambda: (
        _("指派给您：%(number)s", number=ticket.number),
        _about(ticket, _("优先级 %(p)d。", p=ticket.priority)),
    )
    tell(
        session,
        _message("mine", f"ticket:{ticket.id}:assigned:{event.holder_id}:{ticket.facts}", ticket, words),
        [event.holder_id],
        now=now,
    )


def _tell_followers(
    session: Session,
    key: str,
    ticket: Ticket,
    words: Words,
    *,
    now: dt.datetime,
    but: int | None = None,
    without: Collection[int] = (),
) -> None:
    """The reporter, and whoever watches: each by their own choices for the one and the other."""
    others = [i for i in session.scalars(mentions.hearing(ticket)) if i not in without and i != ticket.reporter_id]
    if ticket.reporter_id not in without:
        tell(session, _message("progress", key, ticket, words), [ticket.reporter_id], now=now, but=but)
    tell(session, _message("watch", f"{key}:watch", ticket, words), others, now=now, but=but)


def taken(session: Session, event: handoff.HandoffAccepted, now: dt.datetime) -> None:
    """Whoever handed up hears that the responsibility has passed."""
    ticket = session.get_one(Ticket, event.ticket_id)
    sender_id = session.scalar(sa.select(Handoff.sent_by_id).where(Handoff.id == event.handoff_id))
    name = _name(session, event.holder_id)
    words: Words = lambda: (
        _("对方已受理：%(number)s", number=ticket.number),
        _about(ticket, _("%(name)s 已受理您上报的事项，责任已转移。描述清晰度 %(n)d 分。", name=name, n=event.clarity)),
    )
    message = _message("mine", f"handoff:{event.handoff_id}:taken", ticket, words)
    tell(session, message, [sender_id], now=now, but=event.holder_id)


def arbitrated(session: Session, event: handoff.ArbiterDecided, now: dt.datetime) -> None:
    """The team that was named hears that it is bound."""
    ticket = session.get_one(Ticket, event.ticket_id)
    by = _name(session, event.arbiter_id)
    words: Words = lambda: (
        _("裁决由本组负责：%(number)s", number=ticket.number),
        _about(ticket, _("%(name)s 已裁决，由本组负责到底，不得再退回。", name=by)),
    )
    message = _message("incoming", f"ticket:{ticket.id}:arbitrated:{ticket.bounces}", ticket, words)
    tell(session, message, team_people(session, event.team_id), now=now, but=event.arbiter_id)
