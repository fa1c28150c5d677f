"""What people say and correct on a ticket: comments, priority, fields, watching, steps of the standard."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import PrincipalKind, Viewer
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import servicedesk as events
from core.i18n import gettext as _
from core.outbox import record
from servicedesk.custody import service as custody
from servicedesk.intake import standards
from servicedesk.tickets import access, clocking, facts, mentions, rules
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import StepDone, Ticket, TicketFact, TicketPrincipal
from servicedesk.tickets.states import has_process

UNDONE_WITHIN = dt.timedelta(minutes=10)


def comment(
    session: Session, viewer: Viewer, ticket: Ticket, *, text: str, internal: bool, now: dt.datetime
) -> TicketFact:
    """Say something; an internal line is for those who work on it. Raises Forbidden, or Invalid for an empty one."""
    who = access.standing(session, viewer, ticket)
    if not who.writes:
        raise Forbidden(_("您可以查看此事项，但不能留言。"))
    if internal and not (who.reads or who.vendor):
        raise Forbidden(_("内部留言只有处理人员可以写。"))
    if not text.strip():
        raise Invalid.of("text", _("请写点内容。"))
    fact = facts.append(
        session, ticket, What.COMMENTED, now=now, by=viewer.person_id, text=text.strip(), internal=internal
    )
    named = mentions.follow(session, ticket, fact.text, internal=internal, by=viewer, now=now)
    session.flush()
    record(
        session,
        events.TicketCommented(
            ticket_id=ticket.id,
            number=ticket.number,
            fact_id=fact.id,
            internal=internal,
            by_id=viewer.person_id,
            mentioned=tuple(named),
        ),
        now=now,
    )
    facts.changed(session, ticket, What.COMMENTED, now=now)
    return fact


def change_priority(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    *,
    urgency: int | None,
    impact: int | None,
    reason: str,
    now: dt.datetime,
) -> Ticket:
    """Correct urgency or impact, with a reason; targets follow, credit for pauses is kept (T-02)."""
    who = access.standing(session, viewer, ticket)
    if not (who.worker or who.head):
        raise Forbidden(_("紧急程度和影响范围由处理人员调整。"))
    _refuse_ended(ticket)
    if not reason.strip():
        raise Invalid.of("reason", _("调整优先级需要写明原因。"))
    before = ticket.priority
    ticket.urgency, ticket.impact = urgency or ticket.urgency, impact or ticket.impact
    ticket.priority = rules.priority(ticket.urgency, ticket.impact)
    facts.append(
        session,
        ticket,
        What.PRIORITY_CHANGED,
        now=now,
        by=viewer.person_id,
        text=reason,
        data={
            "priority": ticket.priority,
            "before": before,
            "urgency": ticket.urgency,
            "impact": ticket.impact,
        },
    )
    if before != ticket.priority and has_process(ticket.kind):  # else there is nobody to page
        record(
            session,
            events.PriorityChanged(ticket_id=ticket.id, number=ticket.number, before=before, after=ticket.priority),
            now=now,
        )
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, What.PRIORITY_CHANGED, now=now)
    return ticket


def edit(session: Session, viewer: Viewer, ticket: Ticket, changes: dict[str, Any], *, now: dt.datetime) -> Ticket:
    """Correct what was said of it: whoever works it; title and description the reporter too, before acceptance."""
    who = access.standing(session, viewer, ticket)
    own = who.reporter and ticket.accepted_at is None and set(changes) <= {"title", "description"}
    if not (who.worker or who.head or own):
        raise Forbidden(_("您可以查看此事项，但不能修改。"))
    _refuse_ended(ticket)
    changed = {name: value for name, value in changes.items() if getattr(ticket, name) != value}
    if not changed:
        return ticket
    before = {name: getattr(ticket, name) for name in changed}
    for name, value in changed.items():
        setattr(ticket, name, value)
    if "service_id" in changed:
        facts.append(
            session,
            ticket,
            What.SERVICE_CHANGED,
            now=now,
            by=viewer.person_id,
            data={
                "tax": clocking.is_tax(session, ticket.service_id),
                "service": ticket.service_id,
            },
        )
    facts.append(
        session,
        ticket,
        What.EDITED,
        now=now,
        by=viewer.person_id,
        internal=True,
        data={
            "fields": sorted(changed),
            "before": {k: v for k, v in before.items() if v is not None},
        },
    )
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, What.EDITED, now=now)
    return ticket


def watch(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime, on: bool = True) -> None:
    """Follow a ticket one can see, or stop following; a reporter always follows their own."""
    rows = session.scalars(
        sa.select(TicketPrincipal).where(
            TicketPrincipal.ticket_id == ticket.id,
            TicketPrincipal.kind == PrincipalKind.PERSON,
            TicketPrincipal.principal_id == viewer.person_id,
            TicketPrincipal.until_at.is_(None),
            TicketPrincipal.why == "watcher",
        )
    ).all()
    if on and not rows and ticket.reporter_id != viewer.person_id:
        custody.admit(session, ticket, PrincipalKind.PERSON, viewer.person_id, why="watcher", now=now)
        facts.append(session, ticket, What.WATCHED, now=now, by=viewer.person_id, internal=True)
    for row in rows if not on else ():
        row.until_at = now


def watch_again(session: Session, viewer: Viewer, number: str, *, now: dt.datetime) -> None:
    """Undo one's own unwatching, within ten minutes: also where that was what showed the ticket. Else NotFound."""
    row = unwatched(session, viewer, number, now=now)
    if row is None:
        raise NotFound(_("没有可以撤销的取消关注。"))
    row.until_at = None


def unwatched(session: Session, viewer: Viewer, number: str, *, now: dt.datetime) -> TicketPrincipal | None:
    """The viewer's own row of that ticket if they stopped following within the last ten minutes."""
    if not rules.NUMBER.match(number):
        return None
    return session.scalar(
        sa.select(TicketPrincipal)
        .join(Ticket, Ticket.id == TicketPrincipal.ticket_id)
        .where(
            Ticket.number == number,
            TicketPrincipal.kind == PrincipalKind.PERSON,
            TicketPrincipal.principal_id == viewer.person_id,
            TicketPrincipal.why == "watcher",
            TicketPrincipal.until_at >= now - UNDONE_WITHIN,
        )
        .order_by(TicketPrincipal.until_at.desc())
        .limit(1)
    )


def add_watcher(session: Session, viewer: Viewer, ticket: Ticket, person: Person, *, now: dt.datetime) -> None:
    """Let another person follow, by whoever works it (their being asked to look is their right to see it)."""
    who = access.standing(session, viewer, ticket)
    if not (who.worker or who.head or who.participant):
        raise Forbidden(_("只有处理人员可以添加关注人。"))
    custody.admit(session, ticket, PrincipalKind.PERSON, person.id, why="watcher", now=now)
    facts.append(session, ticket, What.WATCHED, now=now, by=viewer.person_id, data={"person": person.name})


def do_step(session: Session, viewer: Viewer, ticket: Ticket, step: str, *, done: bool, now: dt.datetime) -> None:
    """Tick or untick a step of the category's solution standard (T-19)."""
    who = access.standing(session, viewer, ticket)
    if not (who.worker or who.head):
        raise Forbidden(_("标准步骤由处理人员勾选。"))
    _refuse_ended(ticket)
    known = {s.key: s for s in standards.standard_for(ticket.category).steps}
    if step not in known:
        raise Invalid.of("step", _("该类别的解决标准里没有这一步。"))
    row = session.get(StepDone, (ticket.id, step))
    if done and row is None:
        session.add(StepDone(ticket_id=ticket.id, step=step, at=now, by_id=viewer.person_id))
        facts.append(
            session,
            ticket,
            What.STEP_DONE,
            now=now,
            by=viewer.person_id,
            text=str(known[step].label),
            internal=True,
            data={"step": step},
        )
    elif not done and row is not None:
        session.delete(row)


def _refuse_ended(ticket: Ticket) -> None:
    if ticket.ended:
        raise Conflict(_("事项已结束，不能再修改。"))
