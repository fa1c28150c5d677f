"""What a worker has to do, and what a team has to sort out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from accounts.scope import Viewer
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import Line
from servicedesk.queries import WITH
from servicedesk.tickets import access
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import UNFINISHED, Source, Ticket, TicketFact
from servicedesk.tickets.states import Kind, State

SOON = dt.timedelta(hours=4)
MOST = 60
FEEDBACK_DAYS = 30
_OPEN = UNFINISHED
_BY_DUE = (Ticket.next_due_at.is_(None), Ticket.next_due_at, Ticket.priority, Ticket.id)


@dataclass(frozen=True)
class Work:
    """The parts of a worker's home (T-16); a ticket may stand in several."""

    to_accept: Sequence[Ticket]  # new in my teams
    offered: Sequence[Ticket]  # handed over to my teams, not yet accepted
    mine: Sequence[Ticket]
    overdue: Sequence[Ticket]
    soon: Sequence[Ticket]
    waiting: Sequence[Ticket]  # for others
    returned: Sequence[tuple[Ticket, TicketFact]]
    feedback: Sequence[tuple[Ticket, TicketFact]]


def my_work(session: Session, viewer: Viewer, *, now: dt.datetime) -> Work:
    """Everything that concerns this worker now."""
    mine = session.scalars(_tickets(Ticket.holder_id == viewer.person_id, _OPEN).order_by(*_BY_DUE).limit(200)).all()
    waiting = [t for t in mine if t.state is State.SUSPENDED or t.handoff_pending]
    live = [t for t in mine if t not in waiting]
    due = [t for t in mine if t.next_due_at is not None]  # sent and not taken over: still this worker's to answer for
    return Work(
        to_accept=_to_accept(session, viewer),
        offered=_offered(session, viewer),
        mine=live,
        overdue=[t for t in due if t.next_due_at is not None and t.next_due_at < now],
        soon=[t for t in due if t.next_due_at is not None and now <= t.next_due_at < now + SOON],
        waiting=waiting,
        returned=_returned(session, viewer),
        feedback=_feedback(session, viewer, now),
    )


def _tickets(*conditions: Any) -> sa.Select[Ticket]:
    # Nearly all are incidents: asked of what the other conditions find, and never the index to begin with.
    incident = sa.func.coalesce(Ticket.kind, "") == str(Kind.INCIDENT)
    return sa.select(Ticket).options(*WITH).where(incident, *conditions)


def _to_accept(session: Session, viewer: Viewer) -> Sequence[Ticket]:
    """New matters of the viewer's teams, and those assigned to the viewer by name."""
    return session.scalars(
        _tickets(
            Ticket.state == State.NEW,
            _OPEN,  # says it once more for the index of open tickets by holder: who works for years has held thousands
            access.visible(viewer),
            sa.or_(
                sa.and_(Ticket.team_id.in_(sorted(viewer.member_of)), Ticket.holder_id.is_(None)),
                Ticket.holder_id == viewer.person_id,
            ),
        )
        .order_by(*_BY_DUE)
        .limit(MOST)
    ).all()


def _offered(session: Session, viewer: Viewer) -> Sequence[Ticket]:
    waiting = sa.select(CustodySpan.ticket_id).where(
        CustodySpan.until.is_(None), CustodySpan.waiting_team_id.in_(sorted(viewer.member_of))
    )
    return session.scalars(
        _tickets(Ticket.id.in_(waiting), Ticket.handoff_pending).order_by(*_BY_DUE).limit(MOST)
    ).all()


def _returned(session: Session, viewer: Viewer) -> list[tuple[Ticket, TicketFact]]:
    """Matters of mine whose last hand-off came back, with why."""
    other = sa.orm.aliased(TicketFact)
    last = (
        sa.select(sa.func.max(other.seq))
        .where(other.ticket_id == Ticket.id, other.kind.in_([str(What.SENT), str(What.RETURNED)]))
        .correlate(Ticket)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Ticket, TicketFact)
        .options(*WITH)
        .join(TicketFact, TicketFact.ticket_id == Ticket.id)
        .where(
            Ticket.holder_id == viewer.person_id,
            _OPEN,
            Ticket.bounces > 0,
            TicketFact.kind == str(What.RETURNED),
            TicketFact.seq == last,
        )
        .order_by(TicketFact.at.desc())
        .limit(20)
    )
    return [(ticket, fact) for ticket, fact in rows]


def _feedback(session: Session, viewer: Viewer, now: dt.datetime) -> list[tuple[Ticket, TicketFact]]:
    """What reporters said lately of what I solved: stars, and what was reopened."""
    rows = session.execute(
        sa.select(Ticket, TicketFact)
        .options(*WITH)
        .join(TicketFact, TicketFact.ticket_id == Ticket.id)
        .where(
            Ticket.holder_id == viewer.person_id,
            Ticket.updated_at
            >= now - dt.timedelta(days=FEEDBACK_DAYS),  # no fact is newer than its ticket's last change
            TicketFact.kind.in_([str(What.CONFIRMED), str(What.REOPENED)]),
            TicketFact.at >= now - dt.timedelta(days=FEEDBACK_DAYS),
        )
        .order_by(TicketFact.at.desc())
        .limit(10)
    )
    return [(ticket, fact) for ticket, fact in rows]


# --- triage ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Open matters that look like one: the same service and error code, or the same item."""

    count: int
    service_id: int | None
    error_code: str | None
    tickets: Sequence[Ticket]


@dataclass(frozen=True)
class Triage:
    """What a team has to sort out now."""

    alerts: Sequence[Ticket]  # what broke underneath
    climbing: Sequence[Ticket]  # on its way to this team
    new: Sequence[Ticket]  # waits to be accepted here
    groups: Sequence[Group]  # belongs together
    late: Sequence[Ticket]  # below, and overdue


def triage(session: Session, viewer: Viewer, *, now: dt.datetime) -> Triage:
    """The board: by the viewer's teams, and everything they may see below."""
    teams = viewer.member_of or frozenset(session.scalars(sa.select(Team.id).where(Team.unit_id == viewer.unit_id)))
    home = Ticket.team_id.in_(sorted(teams))
    seen = access.visible(viewer)
    waiting = sa.select(CustodySpan.ticket_id).where(
        CustodySpan.until.is_(None), CustodySpan.waiting_team_id.in_(sorted(teams))
    )
    return Triage(
        alerts=session.scalars(
            _tickets(seen, _OPEN, Ticket.source == Source.ALERT).order_by(Ticket.priority, *_BY_DUE).limit(12)
        ).all(),
        climbing=session.scalars(
            _tickets(Ticket.id.in_(waiting), Ticket.handoff_pending).order_by(*_BY_DUE).limit(30)
        ).all(),
        new=session.scalars(
            _tickets(seen, home, Ticket.state == State.NEW, Ticket.source != Source.ALERT).order_by(*_BY_DUE).limit(30)
        ).all(),
        groups=_groups(session, viewer, now),
        late=session.scalars(
            _tickets(seen, _OPEN, Ticket.next_due_at < now, Ticket.line != Line.VENDOR).order_by(*_BY_DUE).limit(12)
        ).all(),
    )


def _groups(session: Session, viewer: Viewer, now: dt.datetime) -> list[Group]:
    """Parents apart, two or more open matters of one service with the same error code or title."""
    rows = session.execute(
        sa.select(Ticket.id, Ticket.service_id, Ticket.error_code, Ticket.title)
        .where(
            Ticket.kind == Kind.INCIDENT,
            access.visible(viewer),
            _OPEN,
            Ticket.parent_id.is_(None),
            Ticket.service_id.is_not(None),
            Ticket.opened_at >= now - TOGETHER,
        )
        .order_by(Ticket.opened_at.desc())
        .limit(LOOKED_AT)
    )
    found: dict[tuple[int, str], list[int]] = {}
    for row in rows:
        found.setdefault((row.service_id, row.error_code or row.title), []).append(row.id)
    largest = sorted((kv for kv in found.items() if len(kv[1]) > 1), key=lambda kv: -len(kv[1]))[:GROUPS_SHOWN]
    shown = [i for _key, ids in largest for i in ids[:IN_A_GROUP]]
    tickets = {t.id: t for t in session.scalars(_tickets(Ticket.id.in_(shown)))}
    return [_group(ids, tickets) for _key, ids in largest]


def _group(ids: Sequence[int], tickets: Mapping[int, Ticket]) -> Group:
    them = sorted((tickets[i] for i in ids[:IN_A_GROUP]), key=lambda t: (t.priority, t.opened_at))
    return Group(len(ids), them[0].service_id, them[0].error_code, them)


TOGETHER = dt.timedelta(days=2)  # what lies further apart is hardly one fault
LOOKED_AT, GROUPS_SHOWN, IN_A_GROUP = 400, 4, 6
