"""Opening tickets: numbers, the one open incident per problem key, custody and clocks from the first instant."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from core.events.servicedesk import IncidentOpened
from core.outbox import record
from servicedesk.custody import routing
from servicedesk.custody import service as custody
from servicedesk.intake import guides
from servicedesk.tickets import clocking, facts, rules
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Source, Ticket, TicketFact, TicketNumber
from servicedesk.tickets.states import ENDED, INITIAL, Kind

PROCESS_VERSION = 1


@dataclass(frozen=True)
class Report:
    """What a new ticket is opened with. `unit_id`: where the trouble is, which decides who takes it first."""

    title: str
    category: str
    unit_id: int
    kind: Kind = Kind.INCIDENT
    description: str = ""
    source: Source = Source.PERSON
    reporter_id: int | None = None
    service_id: int | None = None
    item_id: int | None = None
    urgency: int = rules.DEFAULT_LEVEL
    impact: int | None = None
    people_hit: int = 0
    services_hit: int = 0
    problem_key: str | None = None
    since: dt.datetime | None = None
    error_code: str | None = None
    answers: dict[str, Any] | None = None
    parent_id: int | None = None
    team_id: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def open_for(problem_key: str) -> sa.Select[Ticket]:
    """The ticket that is not closed or cancelled for this problem key."""
    return sa.select(Ticket).where(Ticket.problem_key == problem_key, Ticket.state.not_in(sorted(ENDED)))


def open_ticket(session: Session, report: Report, *, by: int | None, now: dt.datetime) -> Ticket:
    """Open a ticket, or return the one still open for the problem key.

    Custody, clocks and readers begin in the same transaction; clocks and calls only for a kind that has a process.
    Raises Invalid when nobody could take it.
    """
    if report.problem_key and (still_open := session.scalar(open_for(report.problem_key))):
        return still_open
    team = _team(session, report)
    ticket = _new(session, report, team, now)
    opened = _opened(session, ticket, report, by, now)
    begun = clocking.begin(session, ticket, opened, now=now)
    try:
        _insert(session, ticket)
    except sa.exc.IntegrityError:
        if report.problem_key and (winner := session.scalar(open_for(report.problem_key))):
            return winner
        raise
    custody.begin(session, ticket, team, now=now)
    custody.admit_first(session, ticket, team, reporter_id=report.reporter_id, now=now)
    opened.ticket_id = ticket.id
    session.add(opened)
    clocking.begun(session, ticket, begun, now=now)
    if ticket.kind is Kind.INCIDENT:
        record(session, opened_event(ticket), now=now)
    facts.changed(session, ticket, What.OPENED, now=now)
    return ticket


def _insert(session: Session, ticket: Ticket) -> None:
    """Where a problem key could be raced for, the partial unique index settles it, behind a savepoint."""
    if not ticket.problem_key:
        session.add(ticket)
        session.flush()
        return
    with session.begin_nested():
        session.add(ticket)
        session.flush()


def _opened(session: Session, ticket: Ticket, report: Report, by: int | None, now: dt.datetime) -> TicketFact:
    """The first fact; made before its ticket is stored, so that the ticket is stored once, with its next due time."""
    data = {
        "priority": ticket.priority,
        "line": str(ticket.line),
        "team": ticket.team_id,
        "source": str(report.source),
        "tax": clocking.is_tax(session, ticket.service_id),
        "targets": ticket.definitions["targets"],
    }
    return facts.made(ticket, What.OPENED, now=now, by=by, text=report.description, data=data)


def opened_event(ticket: Ticket, *, reopened: bool = False) -> IncidentOpened:
    """What others are told of a new incident."""
    return IncidentOpened(
        ticket_id=ticket.id,
        number=ticket.number,
        title=ticket.title,
        priority=ticket.priority,
        team_id=ticket.team_id,
        line=str(ticket.line),
        source=str(ticket.source),
        unit_id=ticket.unit_id,
        item_id=ticket.item_id,
        service_id=ticket.service_id,
        reporter_id=ticket.reporter_id,
        problem_key=ticket.problem_key,
        reopened=reopened,
        parent_id=ticket.parent_id,
    )


def _team(session: Session, report: Report) -> Team:
    if report.team_id is not None:
        return session.get_one(Team, report.team_id)
    return routing.first_team(session, report.unit_id, service_id=report.service_id)


def _new(session: Session, report: Report, team: Team, now: dt.datetime) -> Ticket:
    impact = report.impact or rules.impact(report.people_hit, report.services_hit)
    return Ticket(
        number=next_number(session, report.kind, now),
        kind=report.kind,
        state=INITIAL[report.kind],
        title=report.title,
        description=report.description,
        category=report.category,
        source=report.source,
        urgency=report.urgency,
        impact=impact,
        priority=rules.priority(report.urgency, impact),
        people_hit=report.people_hit,
        unit_id=report.unit_id,
        reporter_id=report.reporter_id,
        item_id=report.item_id,
        service_id=report.service_id,
        parent_id=report.parent_id,
        team_id=team.id,
        team=team,
        line=custody.line_of(team),
        opened_at=now,
        since=report.since,
        updated_at=now,
        problem_key=report.problem_key,
        facts=0,
        error_code=report.error_code or rules.error_code(f"{report.title}\n{report.description}"),
        answers=report.answers,
        major=False,
        handoff_pending=False,
        reopened=0,
        bounces=0,
        urged=0,
        definitions={"process": PROCESS_VERSION, "guide": guides.VERSION, "targets": clocking.targets_version(session)},
        **report.extra,
    )


def next_number(session: Session, kind: Kind, now: dt.datetime) -> str:
    """The next number of this kind and year; concurrent openings wait for each other."""
    return rules.number(kind, *take_numbers(session, kind, now, count=1))


def take_numbers(session: Session, kind: Kind, now: dt.datetime, *, count: int) -> tuple[int, int]:
    """Take `count` numbers at once: (year, the last of them)."""
    key = (rules.PREFIXES[kind], rules.local_year(now, clocking.ZONE))
    taking = (
        sa.update(TicketNumber)
        .where(TicketNumber.prefix == key[0], TicketNumber.year == key[1])
        .values(last=TicketNumber.last + count)
        .returning(TicketNumber.last)
        .execution_options(synchronize_session=False)
    )
    last = session.scalar(taking)
    if last is None:
        try:
            with session.begin_nested():
                session.add(TicketNumber(prefix=key[0], year=key[1], last=0))
        except sa.exc.IntegrityError:  # the year's first number was asked for twice at once
            pass
        last = session.execute(taking).scalar_one()
    return key[1], last
