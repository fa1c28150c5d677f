"""The verbs of an incident's life. Each asks who may, then the state table, then writes state, custody, fact and event.

None commits. `viewer` is whoever acts; each raises Forbidden (may see, may not do), TransitionRefused (names what the
table allows) or Invalid (what was given can't be taken), and then nothing is written.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, TeamMember
from accounts.scope import Viewer
from core.errors import Conflict, Invalid
from core.events import servicedesk as events
from core.i18n import gettext as _
from core.outbox import record
from servicedesk.custody import service as custody
from servicedesk.custody.rules import SUSPENSIONS, WaitingFor
from servicedesk.tickets import access, clocking, ending, facts, rules
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketEpisode
from servicedesk.tickets.opening import opened_event
from servicedesk.tickets.passing import pass_on
from servicedesk.tickets.states import FINISHED, Action, Kind, State, machine_of


def _step(session: Session, viewer: Viewer, ticket: Ticket, action: Action) -> State:
    """The state after `action`, once permission and table both allow it."""
    access.require(session, viewer, ticket, action)
    return machine_of(ticket.kind).target(ticket.state, action)


def _done(session: Session, ticket: Ticket, what: What, *, now: dt.datetime) -> Ticket:
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, what, now=now)
    return ticket


def accept(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """Take custody: from now on this person is answerable (谁受理谁负责)."""
    ticket.state = _step(session, viewer, ticket, Action.ACCEPT)
    ticket.accepted_at = ticket.accepted_at or now
    custody.transfer(
        session, ticket, team=ticket.team, holder_id=viewer.person_id, why="accepted", now=now, by=viewer.person_id
    )
    facts.append(session, ticket, What.ACCEPTED, now=now, by=viewer.person_id, data={"line": str(ticket.line)})
    record(
        session,
        events.IncidentAccepted(
            ticket_id=ticket.id, number=ticket.number, person_id=viewer.person_id, team_id=ticket.team_id
        ),
        now=now,
    )
    return _done(session, ticket, What.ACCEPTED, now=now)


def acknowledge(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """“I have seen it”: stops the paging, takes no custody. Repeating it changes nothing."""
    _step(session, viewer, ticket, Action.ACKNOWLEDGE)
    return acknowledged_by(session, ticket, viewer.person_id, now=now)


def acknowledged_by(session: Session, ticket: Ticket, person_id: int, *, now: dt.datetime) -> Ticket:
    """As `acknowledge`, for a person already shown to be the one who was paged (a signed link)."""
    if ticket.acknowledged_at is not None or ticket.state in FINISHED:
        return ticket
    ticket.acknowledged_at, ticket.acknowledged_by_id = now, person_id
    facts.append(session, ticket, What.ACKNOWLEDGED, now=now, by=person_id)
    record(
        session, events.IncidentAcknowledged(ticket_id=ticket.id, number=ticket.number, person_id=person_id), now=now
    )
    return _done(session, ticket, What.ACKNOWLEDGED, now=now)


def assign(
    session: Session, viewer: Viewer, ticket: Ticket, *, team: Team | None, holder: Person | None, now: dt.datetime
) -> Ticket:
    """Give it to a team or person inside the current line; crossing a line is a hand-off. Raises Invalid naming why."""
    ticket.state = _step(session, viewer, ticket, Action.ASSIGN)
    team = team or ticket.team
    if team.unit_id != ticket.team.unit_id or custody.line_of(team) != ticket.line:
        raise Invalid.of("team", _("指派只能在本级班组之间进行；给其他单位请用“上报/转办”。"))
    if holder is None and ticket.state is not State.NEW:
        holder = session.get(Person, team.head_id) if team.head_id else None
        if holder is None:
            raise Invalid.of("holder", _("已受理的事项必须有人负责，请指定处理人。"))
    _refuse_stranger(session, team, holder)
    return pass_on(session, ticket, team, holder, now=now, by=viewer.person_id)


def _refuse_stranger(session: Session, team: Team, holder: Person | None) -> None:
    if holder is None:
        return
    if not holder.active:
        raise Invalid.of("holder", _("%(name)s已停用，不能指派。", name=holder.name))
    member = session.get(TeamMember, (team.id, holder.id)) is not None
    if not member and holder.id != team.head_id:
        raise Invalid.of("holder", _("%(name)s不在%(team)s。", name=holder.name, team=team.name))


def suspend(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    *,
    reason: str,
    now: dt.datetime,
    waiting_for: WaitingFor = WaitingFor.REPORTER,
) -> Ticket:
    """Stop the clocks while somebody else has to answer or deliver."""
    if waiting_for not in SUSPENSIONS:
        raise Invalid.of("waiting_for", _("挂起只能是等待报障人，或等待备件、第三方。"))
    target = _step(session, viewer, ticket, Action.SUSPEND)
    if ticket.handoff_pending:
        raise Conflict(_("已上报、等待对方受理，不能挂起；需要挂起请先撤回。"))
    ticket.state = target
    custody.wait(session, ticket, waiting_for, why="suspended", now=now)
    facts.append(
        session,
        ticket,
        What.SUSPENDED,
        now=now,
        by=viewer.person_id,
        text=reason,
        data={"waiting_for": str(waiting_for)},
    )
    record(
        session,
        events.IncidentSuspended(
            ticket_id=ticket.id, number=ticket.number, waiting_for=str(waiting_for), reason=reason
        ),
        now=now,
    )
    return _done(session, ticket, What.SUSPENDED, now=now)


def resume(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """Go on; the due times move by exactly the time paused."""
    ticket.state = _step(session, viewer, ticket, Action.RESUME)
    custody.wait(session, ticket, None, why="resumed", now=now)
    facts.append(session, ticket, What.RESUMED, now=now, by=viewer.person_id)
    record(session, events.IncidentResumed(ticket_id=ticket.id, number=ticket.number), now=now)
    return _done(session, ticket, What.RESUMED, now=now)


def resolve(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    *,
    solution: str,
    now: dt.datetime,
    cause: str | None = None,
    article: str | None = None,
    reason: str | None = None,
) -> Ticket:
    """Solved: the reporter is asked to confirm, children are solved with it (T-11).

    Raises Invalid naming `reason` where an alert of it still fires and none was given.
    """
    target = _step(session, viewer, ticket, Action.RESOLVE)
    still = still_failing(session, ticket)
    if still and not (reason or "").strip():
        raise Invalid.of("reason", _("监控显示故障仍在（%(n)s 条告警未恢复）；确要解决，请说明原因。", n=still))
    _resolve(
        session,
        ticket,
        target,
        by=viewer.person_id,
        solution=solution,
        cause=cause,
        article=article,
        now=now,
        reason=reason if still else None,
    )
    from servicedesk.tickets import family

    family.resolve_children(session, ticket, by=viewer.person_id, now=now)
    return ticket


def _resolve(
    session: Session,
    ticket: Ticket,
    target: State,
    *,
    by: int | None,
    solution: str,
    now: dt.datetime,
    cause: str | None = None,
    article: str | None = None,
    reason: str | None = None,
    recovered: bool = False,
    parent: Ticket | None = None,
) -> None:
    ticket.state, ticket.resolved_at = target, now
    ticket.solution, ticket.cause, ticket.article = solution, cause, article
    ticket.auto_close_at = clocking.auto_close_at(session, now)
    ending.run(session, ticket, now=now)
    custody.wait(session, ticket, WaitingFor.CONFIRMATION, why="resolved", now=now)
    facts.append(
        session,
        ticket,
        What.RESOLVED,
        now=now,
        by=by,
        text=solution,
        data={
            "cause": cause,
            "article": article,
            "still_failing_because": reason,
            "recovered": recovered or None,
            "parent": parent.number if parent else None,
        },
    )
    record(
        session,
        events.IncidentResolved(
            ticket_id=ticket.id,
            number=ticket.number,
            by_id=by,
            solution=solution,
            cause=cause,
            article=article,
            recovered=recovered,
            parent_id=parent.id if parent else None,
            problem_key=ticket.problem_key,
        ),
        now=now,
    )
    _done(session, ticket, What.RESOLVED, now=now)


def resolve_with_parent(session: Session, child: Ticket, parent: Ticket, *, by: int | None, now: dt.datetime) -> None:
    """A child is solved by its parent's solution, whatever state it is in (a family verb; see family.py)."""
    if child.state in FINISHED:
        return
    _resolve(
        session,
        child,
        State.RESOLVED,
        by=by,
        solution=parent.solution or "",
        cause=parent.cause,
        article=parent.article,
        now=now,
        parent=parent,
    )


def recover(session: Session, ticket: Ticket, *, now: dt.datetime, at: dt.datetime) -> Ticket:
    """What failed works again and nobody had accepted it: resolved by itself. `at`: when it recovered."""
    target = machine_of(ticket.kind).target(ticket.state, Action.RECOVER)
    _resolve(
        session,
        ticket,
        target,
        by=None,
        now=now,
        recovered=True,
        solution=_("监控显示已于 %(at)s 恢复，无人受理即自行恢复。", at=clocking.wall(at)),
    )
    return ticket


def confirm(
    session: Session, viewer: Viewer, ticket: Ticket, *, stars: int, comment: str | None, now: dt.datetime
) -> Ticket:
    """The reporter confirms, with 1–5 stars (T-15): closed."""
    target = _step(session, viewer, ticket, Action.CONFIRM)
    if stars not in rules.STARS:
        raise Invalid.of("stars", _("请打 1 到 5 星。"))
    ticket.stars, ticket.stars_comment = stars, comment
    facts.append(
        session, ticket, What.CONFIRMED, now=now, by=viewer.person_id, text=comment or "", data={"stars": stars}
    )
    return _close(session, ticket, target, now=now, by=viewer.person_id, fact=False, stars=stars)


def close(session: Session, viewer: Viewer, ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """The team's head closes a solved matter nobody answered for."""
    return _close(session, ticket, _step(session, viewer, ticket, Action.CLOSE), now=now, by=viewer.person_id)


def close_unanswered(session: Session, ticket: Ticket, *, now: dt.datetime) -> Ticket:
    """Three working days passed without an answer: it closes by itself."""
    target = machine_of(ticket.kind).target(ticket.state, Action.CLOSE)
    return _close(session, ticket, target, now=now, by=None, automatic=True)


def _close(
    session: Session,
    ticket: Ticket,
    target: State,
    *,
    now: dt.datetime,
    by: int | None,
    fact: bool = True,
    automatic: bool = False,
    stars: int | None = None,
) -> Ticket:
    ticket.state, ticket.closed_at, ticket.auto_close_at = target, now, None
    ending.run(session, ticket, now=now)
    custody.end(session, ticket, now=now)
    if fact:
        facts.append(session, ticket, What.CLOSED, now=now, by=by, data={"automatic": automatic or None})
    record(
        session,
        events.IncidentClosed(ticket_id=ticket.id, number=ticket.number, stars=stars, automatic=automatic),
        now=now,
    )
    return _done(session, ticket, What.CLOSED, now=now)


def cancel(session: Session, viewer: Viewer, ticket: Ticket, *, reason: str, now: dt.datetime) -> Ticket:
    """It was none: by the reporter before acceptance, by the head after."""
    target = _step(session, viewer, ticket, Action.CANCEL)
    ticket.state, ticket.closed_at, ticket.auto_close_at = target, now, None
    ending.run(session, ticket, now=now)
    custody.end(session, ticket, now=now)
    facts.append(session, ticket, What.CANCELLED, now=now, by=viewer.person_id, text=reason)
    if ticket.kind is Kind.INCIDENT:
        record(session, events.IncidentCancelled(ticket_id=ticket.id, number=ticket.number, reason=reason), now=now)
    return _done(session, ticket, What.CANCELLED, now=now)


def reopen(session: Session, viewer: Viewer, ticket: Ticket, *, reason: str, now: dt.datetime) -> Ticket:
    """Not solved after all, within ten working days. Raises Conflict afterwards."""
    access.require(session, viewer, ticket, Action.REOPEN)
    machine_of(ticket.kind).target(ticket.state, Action.REOPEN)
    if ticket.resolved_at is not None and not clocking.may_reopen(session, ticket.resolved_at, now):
        raise Conflict(_("解决已超过 10 个工作日，不能重新打开；请重新报障，并写上原单号。"))
    return back_to_work(session, ticket, reason=reason, by=viewer.person_id, now=now)


def back_to_work(session: Session, ticket: Ticket, *, reason: str, by: int | None, now: dt.datetime) -> Ticket:
    """A solved ticket lives again: with its holder (or, if that one left, the team's head), or new if it had none."""
    holder = ticket.holder
    if holder is not None and not holder.active:
        holder = session.get(Person, ticket.team.head_id) if ticket.team.head_id else None
    action = Action.RELAPSE if holder is None else Action.REOPEN
    ticket.state = machine_of(ticket.kind).target(ticket.state, action)
    ticket.resolved_at = ticket.auto_close_at = ticket.acknowledged_at = ticket.acknowledged_by_id = None
    ticket.reopened += 1
    custody.wait(session, ticket, None if holder else WaitingFor.ACCEPTANCE, why="reopened", now=now)
    if (holder.id if holder else None) != ticket.holder_id:
        custody.transfer(
            session, ticket, team=ticket.team, holder_id=holder.id if holder else None, why="reopened", now=now, by=by
        )
    facts.append(session, ticket, What.REOPENED, now=now, by=by, text=reason, data={"count": ticket.reopened})
    head_id = ticket.team.head_id if ticket.reopened >= rules.TELL_HEAD_FROM_REOPENING else None
    record(
        session,
        events.IncidentReopened(
            ticket_id=ticket.id, number=ticket.number, reason=reason, count=ticket.reopened, head_id=head_id
        ),
        now=now,
    )
    if action is Action.RELAPSE:  # nobody answers for it: it has to be told, and paged, as a new one is
        record(session, opened_event(ticket, reopened=True), now=now)
    return _done(session, ticket, What.REOPENED, now=now)


def still_failing(session: Session, ticket: Ticket) -> int:
    """How many episodes of this ticket's alerts still fire."""
    if ticket.kind is not Kind.INCIDENT:
        return 0
    return (
        session.scalar(
            sa.select(sa.func.count())
            .select_from(TicketEpisode)
            .where(TicketEpisode.ticket_id == ticket.id, TicketEpisode.ended_at.is_(None))
        )
        or 0
    )
