"""The one verb that changes custody, and the waits inside it.

Holder, team and line of a ticket are written here and nowhere else, in the transaction of the ledger row they are
projected from. Whoever receives a matter may read it from then on (principal rows); a vendor only while it has it, and
whoever was only offered it no longer than the offer stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Team, UnitLevel
from accounts.scope import PrincipalKind
from core.events.servicedesk import CustodyMoved
from core.outbox import record
from servicedesk.custody import rules
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import SUSPENSIONS, Ledger, Line, Span, WaitingFor
from servicedesk.tickets.models import Ticket, TicketPrincipal
from web.paging import Key, Page, page

OFFERED = "offered"  # why somebody reads it who may take it over, and has not


def line_of(team: Team) -> Line:
    """The line of support a team stands in, by its unit."""
    return rules.line_of_level(team.unit.level)


def begin(session: Session, tickets: Sequence[tuple[Ticket, Team]], *, now: dt.datetime) -> None:
    """The first row of each new ticket's ledger; a ticket must have its id and already name its team and line."""
    rows = [_row(ticket, rules.begin(team.id, line_of(team), now)[0], seq=1, why="opened") for ticket, team in tickets]
    session.execute(sa.insert(CustodySpan), rows)


def admit_first(session: Session, tickets: Sequence[tuple[Ticket, Team, int | None]], *, now: dt.datetime) -> None:
    """The first readers of new tickets: the team and its unit, the ticket's own unit, its reporter (the id, if any)."""
    session.execute(sa.insert(TicketPrincipal), [row for each in tickets for row in _first_readers(*each, now)])


def _first_readers(ticket: Ticket, team: Team, reporter_id: int | None, now: dt.datetime) -> list[dict[str, Any]]:
    vendor = team.unit.level is UnitLevel.VENDOR
    first: dict[tuple[PrincipalKind, int], str] = {
        (PrincipalKind.TEAM, team.id): "holder",
        (PrincipalKind.VENDOR if vendor else PrincipalKind.UNIT, team.unit_id): "holder",
    }
    first.setdefault((PrincipalKind.UNIT, ticket.unit_id), "unit")
    if reporter_id is not None:
        first[PrincipalKind.PERSON, reporter_id] = "reporter"
    return [
        {"ticket_id": ticket.id, "kind": kind, "principal_id": principal, "why": why, "from_at": now, "until_at": None}
        for (kind, principal), why in first.items()
    ]


def transfer(
    session: Session,
    ticket: Ticket,
    *,
    team: Team,
    holder_id: int | None,
    why: str,
    now: dt.datetime,
    by: int | None,
    accepted: bool = True,
) -> None:
    """Custody passes to `team` and `holder_id` at `now`; the only way it does.

    `accepted` False: nobody there has accepted it yet, the team is waited for. A wait for the reporter or for parts goes
    on under the new holder; one for a receiver does while the matter stays in its line (`why` assigned).
    Raises LedgerError when the matter has ended.
    """
    before, line = ticket.team_id, line_of(team)
    last = open_row(session, ticket)
    at = max(now, last.since)  # a clock read just before a concurrent verb took its turn is not an error
    accepted = accepted and holder_id is not None
    chain = rules.move((last.span(),), team=team.id, line=line, holder=holder_id, at=at, accepted=accepted)
    stays = last.team_id == team.id or why == "assigned" or last.waiting_for in SUSPENSIONS
    goes_on = accepted and stays and last.waiting_for not in (None, WaitingFor.ACCEPTANCE)
    if goes_on:
        chain = (chain[0], replace(chain[1], waiting_for=last.waiting_for, waiting_team=last.waiting_team_id))
    _append(session, ticket, last, chain, why=why)
    if before != team.id:
        dismiss_vendor(session, ticket, session.get_one(Team, before), now=now)
        admit_team(session, ticket, team, now=now, why="holder")
    ticket.team_id, ticket.team, ticket.line, ticket.holder_id = team.id, team, line, holder_id
    session.flush()
    session.expire(ticket, ["holder"])
    record(
        session,
        CustodyMoved(
            ticket_id=ticket.id,
            number=ticket.number,
            from_team_id=before,
            to_team_id=team.id,
            line=str(line),
            holder_id=holder_id,
            why=why,
            by_id=by,
        ),
        now=now,
    )


def wait(
    session: Session,
    ticket: Ticket,
    whom: WaitingFor | None,
    *,
    why: str,
    now: dt.datetime,
    waiting_team_id: int | None = None,
) -> None:
    """The same holder now waits for `whom`, or (None) works again; custody does not move."""
    last = open_row(session, ticket)
    chain = rules.wait((last.span(),), whom, max(now, last.since), waiting_team=waiting_team_id)
    _append(session, ticket, last, chain, why=why)


def end(session: Session, ticket: Ticket, *, now: dt.datetime) -> None:
    """The matter is over: the last row gets its end."""
    last = open_row(session, ticket)
    last.until = rules.end((last.span(),), max(now, last.since))[0].until


def open_row(session: Session, ticket: Ticket) -> CustodySpan:
    """The row that lasts, locked. Raises LedgerError when the ledger has ended."""
    row = session.scalar(
        sa.select(CustodySpan).where(CustodySpan.ticket_id == ticket.id, CustodySpan.until.is_(None)).with_for_update()
    )
    if row is None:
        raise rules.LedgerError(f"{ticket.number} has no open custody")
    return row


def ledger(session: Session, ticket_id: int) -> list[CustodySpan]:
    """All rows, oldest first."""
    return list(
        session.scalars(sa.select(CustodySpan).where(CustodySpan.ticket_id == ticket_id).order_by(CustodySpan.seq))
    )


def ledger_page(
    session: Session, ticket_id: int, *, unit_id: int | None, cursor: str | None, limit: int
) -> Page[CustodySpan]:
    """The rows a page at a time, oldest first; `unit_id`: those of this unit's teams alone (what a vendor sees)."""
    rows = sa.select(CustodySpan).options(joinedload(CustodySpan.team), joinedload(CustodySpan.holder))
    rows = rows.where(CustodySpan.ticket_id == ticket_id)
    if unit_id is not None:
        rows = rows.where(CustodySpan.team.has(unit_id=unit_id))
    return page(session, rows, [Key(CustodySpan.seq)], cursor=cursor, limit=limit)


def admit_team(session: Session, ticket: Ticket, team: Team, *, now: dt.datetime, why: str) -> None:
    """Let `team` and its unit (a vendor's people, if it is one) read the ticket from now on."""
    admit(session, ticket, PrincipalKind.TEAM, team.id, why=why, now=now)
    kind = PrincipalKind.VENDOR if team.unit.level is UnitLevel.VENDOR else PrincipalKind.UNIT
    admit(session, ticket, kind, team.unit_id, why=why, now=now)


def admit(
    session: Session, ticket: Ticket, kind: PrincipalKind, principal_id: int, *, why: str, now: dt.datetime
) -> None:
    """One principal row, unless an open one for the same principal is there; an offer taken up becomes a holding."""
    there = session.scalar(
        sa.select(TicketPrincipal)
        .where(
            TicketPrincipal.ticket_id == ticket.id,
            TicketPrincipal.kind == kind,
            TicketPrincipal.principal_id == principal_id,
            TicketPrincipal.until_at.is_(None),
        )
        .limit(1)
    )
    if there is not None and there.why == OFFERED:
        there.why = why
    if there is None:
        session.add(
            TicketPrincipal(
                ticket_id=ticket.id, kind=kind, principal_id=principal_id, why=why, from_at=now, until_at=None
            )
        )


def dismiss_vendor(session: Session, ticket: Ticket, team: Team, *, now: dt.datetime) -> None:
    """The vendor's episode is over: it keeps what it saw, and sees nothing later."""
    if team.unit.level is UnitLevel.VENDOR:
        for kind, principal in ((PrincipalKind.VENDOR, team.unit_id), (PrincipalKind.TEAM, team.id)):
            session.execute(
                sa.update(TicketPrincipal)
                .where(
                    TicketPrincipal.ticket_id == ticket.id,
                    TicketPrincipal.kind == kind,
                    TicketPrincipal.principal_id == principal,
                    TicketPrincipal.until_at.is_(None),
                )
                .values(until_at=now)
            )


def take_back_offer(session: Session, ticket: Ticket, team: Team) -> None:
    """The offer came to nothing: `team` and its unit may read no more than they could without it (T-05).

    The rows go away, since a row that stays means “held it, and goes on reading”; that it was offered is on record in the
    hand-off and the timeline.
    """
    kind = PrincipalKind.VENDOR if team.unit.level is UnitLevel.VENDOR else PrincipalKind.UNIT
    session.execute(
        sa.delete(TicketPrincipal).where(
            TicketPrincipal.ticket_id == ticket.id,
            TicketPrincipal.why == OFFERED,
            sa.or_(
                sa.and_(TicketPrincipal.kind == PrincipalKind.TEAM, TicketPrincipal.principal_id == team.id),
                sa.and_(TicketPrincipal.kind == kind, TicketPrincipal.principal_id == team.unit_id),
            ),
        )
    )


def _append(session: Session, ticket: Ticket, last: CustodySpan, chain: Ledger, *, why: str) -> None:
    last.until = chain[0].until
    session.flush()  # the open row ends before the next begins: one open row a ticket
    _add(session, ticket, chain[1], seq=last.seq + 1, why=why)


def _add(session: Session, ticket: Ticket, span: Span, *, seq: int, why: str) -> None:
    session.add(CustodySpan(**_row(ticket, span, seq=seq, why=why)))


def _row(ticket: Ticket, span: Span, *, seq: int, why: str) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "seq": seq,
        "team_id": span.team,
        "holder_id": span.holder,
        "line": span.line,
        "since": span.since,
        "until": span.until,
        "waiting_for": span.waiting_for,
        "waiting_team_id": span.waiting_team,
        "why": why,
    }
