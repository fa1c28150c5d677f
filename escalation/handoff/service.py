"""Handing over: send, accept, return, withdraw, arbitrate. Every route comes through here, and through transfer() (E-01).

Until the receiver accepts, the sender stays answerable. Verbs raise Forbidden, TransitionRefused, Conflict or Invalid,
and then nothing is written; none commits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team, UnitLevel
from accounts.scope import Viewer, covers
from core.errors import Conflict, FieldError, Forbidden, Invalid
from core.events import handoff as events
from core.i18n import gettext as _
from core.outbox import record
from escalation.handoff import arbitration, known, receiving, rules, sheets
from escalation.handoff.models import Arbitration, Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.custody.rules import WaitingFor
from servicedesk.tickets import access, clocking, facts
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import STATE_LABELS, Action, State, machine_of

TAKEN_OVER = "handoff"  # why custody passes to a receiver


def send(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    *,
    to: Team,
    reason: str,
    sheet: Mapping[str, object],
    search: Mapping[str, object] | None,
    route: str,
    now: dt.datetime,
) -> Handoff:
    """Hand a matter over; the platform fills the sheet's empty lines where it can (E-02)."""
    access.require(session, viewer, ticket, Action.HAND_UP)
    machine_of(ticket.kind).target(ticket.state, Action.HAND_UP)
    _refuse_send(session, ticket, to, now=now)
    found = _checked(session, viewer, ticket, reason=reason, sheet=sheet, search=search)
    handoff = Handoff(
        ticket_id=ticket.id,
        state=HandoffState.SENT,
        from_team_id=ticket.team_id,
        from_line=ticket.line,
        from_holder_id=ticket.holder_id,
        to_team_id=to.id,
        to_line=custody.line_of(to),
        reason=reason.strip(),
        sheet=found[0],
        sheet_version=sheets.VERSION,
        search=found[1],
        route=route,
        sent_at=now,
        sent_by_id=viewer.person_id,
    )
    session.add(handoff)
    ticket.handoff_pending = True
    session.flush()
    custody.wait(session, ticket, WaitingFor.RECEIVER, why="sent", now=now, waiting_team_id=to.id)
    custody.admit_team(session, ticket, to, now=now, why=custody.OFFERED)
    _tell_sent(session, ticket, handoff, now=now)
    _done(session, ticket, What.SENT, now=now)
    return handoff


def _tell_sent(session: Session, ticket: Ticket, handoff: Handoff, *, now: dt.datetime) -> None:
    """The line in the timeline, which starts the receiver's clock, and the event."""
    facts.append(
        session,
        ticket,
        What.SENT,
        now=now,
        by=handoff.sent_by_id,
        text=handoff.reason,
        data={
            "handoff": handoff.id,
            "line": str(handoff.to_line),
            "to": handoff.to_team.name,
            "to_team": handoff.to_team_id,
            "search": handoff.search,
        },
    )
    record(
        session,
        events.HandedUp(
            handoff_id=handoff.id,
            ticket_id=ticket.id,
            number=ticket.number,
            from_team_id=handoff.from_team_id,
            to_team_id=handoff.to_team_id,
            to_line=str(handoff.to_line),
            sender_id=handoff.sent_by_id,
        ),
        now=now,
    )


def _refuse_send(session: Session, ticket: Ticket, to: Team, *, now: dt.datetime) -> None:
    if ticket.handoff_pending:
        raise Conflict(_("已经上报，等待对方受理；要改送别处请先撤回。"))
    if to.id == ticket.team_id:
        raise Invalid.of("to", _("事项已经在%(team)s；给本班组的人请用“指派”。", team=to.name))
    if not receiving.stands(to, now=now):
        raise Invalid.of("to", _("%(team)s已停用或合同已到期，不能转交。", team=to.name))
    waiting = arbitration.arbiter_wanted(session, ticket)
    if waiting is not None and waiting.arbiter is not None:
        raise Conflict(_("已退回三次，等待%(name)s裁决，暂不能再转办。", name=waiting.arbiter.name))
    if _decided_against(session, ticket, to):
        raise Conflict(_("已有裁决，由%(team)s负责到底，不能再转给%(to)s。", team=ticket.team.name, to=to.name))
    receiving.refuse_others(session, ticket, to, now=now)


def _decided_against(session: Session, ticket: Ticket, to: Team) -> bool:
    return (
        session.scalar(
            sa.select(Arbitration.id)
            .where(
                Arbitration.ticket_id == ticket.id,
                Arbitration.team_id == ticket.team_id,
                Arbitration.against_id == to.id,
            )
            .limit(1)
        )
        is not None
    )


def _checked(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    *,
    reason: str,
    sheet: Mapping[str, object],
    search: Mapping[str, object] | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Sheet and search as they are stored; raises one Invalid naming everything that is missing in either."""
    errors: list[FieldError] = []
    filled: dict[str, str] = {}
    searched: dict[str, str] = {}
    if not reason.strip():
        errors.append(FieldError("reason", _("请写明上报的原因。")))
    try:
        given = {**known.prefilled(session, ticket), **{k: v for k, v in sheet.items() if v not in (None, "")}}
        filled = sheets.validated(ticket.category, given)
    except Invalid as error:
        errors += error.errors
    try:
        searched = rules.checked_search(search)
        known.check_article(session, viewer, searched.get("article"))
    except Invalid as error:
        errors += error.errors
    if errors:
        raise Invalid(_("交接单还不完整，没有发送。"), errors)
    return filled, searched


def accept(
    session: Session, viewer: Viewer, handoff: Handoff, *, clarity: int | None, comment: str | None, now: dt.datetime
) -> Handoff:
    """Take it over: custody passes now, the sender's clock ends, the receiver's starts (T-03)."""
    _require_receiver(session, viewer, handoff)
    score = rules.checked_clarity(clarity)
    ticket = _pending(handoff)
    handoff.state, handoff.accepted_at, handoff.accepted_by_id = HandoffState.ACCEPTED, now, viewer.person_id
    handoff.clarity, handoff.clarity_comment = score, comment
    ticket.handoff_pending = False
    custody.transfer(
        session, ticket, team=handoff.to_team, holder_id=viewer.person_id, why=TAKEN_OVER, now=now, by=viewer.person_id
    )
    facts.append(
        session,
        ticket,
        What.ACCEPTED,
        now=now,
        by=viewer.person_id,
        text=comment or "",
        data={
            "handoff": handoff.id,
            "line": str(handoff.to_line),
            "team": handoff.to_team.name,
            "clarity": score,
        },
    )
    record(
        session,
        events.HandoffAccepted(
            handoff_id=handoff.id,
            ticket_id=ticket.id,
            number=ticket.number,
            team_id=handoff.to_team_id,
            holder_id=viewer.person_id,
            clarity=score,
        ),
        now=now,
    )
    _done(session, ticket, What.ACCEPTED, now=now)
    return handoff


def give_back(
    session: Session, viewer: Viewer, handoff: Handoff, *, reason: str | None, missing: str | None, now: dt.datetime
) -> Handoff:
    """Return it, before or after acceptance, to the actual previous holder (E-04); the third time to the arbiter (E-03)."""
    _require_receiver(session, viewer, handoff)
    why, what = rules.checked_return(reason, missing)
    accepted = handoff.state is HandoffState.ACCEPTED
    ticket = _held(handoff) if accepted else _pending(handoff)
    arbitration.refuse_bound(session, ticket, handoff)
    target = receiving.previous_holder(session, ticket, handoff, now=now)
    ticket.handoff_pending = False
    ticket.bounces += 1
    handoff.state, handoff.returned_at, handoff.returned_by_id = HandoffState.RETURNED, now, viewer.person_id
    handoff.return_reason, handoff.missing = why, what
    _move_back(session, ticket, handoff, target, accepted=accepted, by=viewer.person_id, now=now)
    if custody_rules.goes_to_arbiter(ticket.bounces):
        arbitration.call_arbiter(session, ticket, handoff, now=now)
    facts.append(
        session,
        ticket,
        What.RETURNED,
        now=now,
        by=viewer.person_id,
        text=why,
        data={
            "handoff": handoff.id,
            "missing": what,
            "line": str(handoff.from_line) if accepted else None,
            "to": handoff.from_team.name,
            "bounces": ticket.bounces,
            "arbiter": handoff.arbiter.name if handoff.arbiter else None,
        },
    )
    record(
        session,
        events.HandoffReturned(
            handoff_id=handoff.id,
            ticket_id=ticket.id,
            number=ticket.number,
            reason=why,
            missing=what,
            bounces=ticket.bounces,
            to_team_id=target.team,
            to_holder_id=target.holder,
            arbiter_id=handoff.arbiter_id,
        ),
        now=now,
    )
    _done(session, ticket, What.RETURNED, now=now)
    return handoff


def _move_back(
    session: Session,
    ticket: Ticket,
    handoff: Handoff,
    target: custody_rules.ReturnTo,
    *,
    accepted: bool,
    by: int,
    now: dt.datetime,
) -> None:
    if not accepted:
        custody.wait(session, ticket, None, why="returned", now=now)
        receiving.take_back_offer(session, ticket, handoff, now=now)
    if accepted or target.holder != ticket.holder_id:
        team = session.get_one(Team, target.team)
        custody.transfer(session, ticket, team=team, holder_id=target.holder, why="returned", now=now, by=by)


def withdraw(session: Session, viewer: Viewer, handoff: Handoff, *, now: dt.datetime) -> Handoff:
    """The sender takes it back before anybody accepted."""
    ticket = _pending(handoff)
    access.require(session, viewer, ticket, Action.HAND_UP)
    ticket.handoff_pending = False
    custody.wait(session, ticket, None, why="withdrawn", now=now)
    facts.append(session, ticket, What.WITHDRAWN, now=now, by=viewer.person_id, data={"handoff": handoff.id})
    mark_withdrawn(session, handoff, now=now)
    _done(session, ticket, What.WITHDRAWN, now=now)
    return handoff


def mark_withdrawn(session: Session, handoff: Handoff, *, now: dt.datetime) -> None:
    """Nobody needs to take it over any more (withdrawn, solved or cancelled meanwhile)."""
    handoff.state, handoff.withdrawn_at = HandoffState.WITHDRAWN, now
    receiving.take_back_offer(session, handoff.ticket, handoff, now=now)
    record(
        session,
        events.HandoffWithdrawn(handoff_id=handoff.id, ticket_id=handoff.ticket_id, number=handoff.ticket.number),
        now=now,
    )


# --- shared -----------------------------------------------------------------------------------------------------------


def may_receive(session: Session, viewer: Viewer, handoff: Handoff) -> bool:
    """Whether `viewer` works for the team it was sent to."""
    team = handoff.to_team
    if team.unit.level is UnitLevel.VENDOR:
        return viewer.vendor_unit_id == team.unit_id and viewer.can("vendor.work")
    at_home = team.id in viewer.member_of or viewer.unit_id == team.unit_id or viewer.is_service
    return at_home and covers(session, viewer, access.WORK, unit_id=team.unit_id, team_id=team.id)


def _require_receiver(session: Session, viewer: Viewer, handoff: Handoff) -> None:
    if not may_receive(session, viewer, handoff):
        raise Forbidden(_("这次转办的对象是%(team)s，由该班组受理或退回。", team=handoff.to_team.name))


def _pending(handoff: Handoff) -> Ticket:
    if handoff.state is not HandoffState.SENT:
        raise Conflict(_("这次转办已经是“%(state)s”。", state=str(rules.STATE_LABELS[handoff.state])))
    ticket = handoff.ticket
    if not ticket.handoff_pending or ticket.state is not State.ACTIVE:
        raise Conflict(_("事项已是“%(state)s”，这次转办不再有效。", state=str(STATE_LABELS[ticket.state])))
    return ticket


def _held(handoff: Handoff) -> Ticket:
    ticket = handoff.ticket
    if ticket.team_id != handoff.to_team_id or ticket.handoff_pending or ticket.state is not State.ACTIVE:
        raise Conflict(_("受理之后事项已有变化，不能再按这次转办退回。"))
    return ticket


def _done(session: Session, ticket: Ticket, what: What, *, now: dt.datetime) -> None:
    clocking.settle(session, ticket, now=now)
    facts.changed(session, ticket, what, now=now)
