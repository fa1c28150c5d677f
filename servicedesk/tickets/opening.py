"""Opening tickets: numbers, the one open incident per problem key, custody and clocks from the first instant."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from core.events.base import Event
from core.events.servicedesk import IncidentOpened
from core.outbox import record_many
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


def first_open(session: Session, problem_keys: Iterable[str], *, lock: bool = False) -> dict[str, Ticket]:
    """The tickets that are not closed or cancelled for these problem keys, by key; `lock` for who will change them."""
    keys = sorted(set(problem_keys))
    if not keys:
        return {}
    still_open = sa.select(Ticket).where(Ticket.problem_key.in_(keys), Ticket.state.not_in(sorted(ENDED)))
    if lock:
        still_open = still_open.with_for_update(of=Ticket).execution_options(populate_existing=True)
    rows = session.scalars(still_open)
    return {ticket.problem_key: ticket for ticket in rows if ticket.problem_key}


def open_ticket(session: Session, report: Report, *, by: int | None, now: dt.datetime) -> Ticket:
    """Open a ticket, or return the one still open for the problem key.

    Custody, clocks and readers begin in the same transaction; clocks and calls only for a kind that has a process.
    Raises Invalid when nobody could take it.
    """
    return open_many(session, [report], by=by, now=now)[0]


def open_many(session: Session, reports: Sequence[Report], *, by: int | None, now: dt.datetime) -> list[Ticket]:
    """The same for several at once, in their order, with a handful of statements for all of them.

    Reports of one problem key become one ticket: the first. Raises Invalid when one of them could be taken by nobody.
    """
    there: dict[str, Ticket | _Beginning] = dict(_still_open(session, reports))
    teams: dict[tuple[int | None, int, int | None], Team] = {}
    found: list[Ticket | _Beginning] = []
    for report in reports:
        known = there.get(report.problem_key) if report.problem_key else None
        if known is None:
            place = (report.team_id, report.unit_id, report.service_id)
            if place not in teams:
                teams[place] = first_team(session, report)
            known = _Beginning(report, teams[place])
            if report.problem_key:
                there[report.problem_key] = known
        found.append(known)
    beginnings = list({id(each): each for each in found if isinstance(each, _Beginning)}.values())
    try:
        _store(session, beginnings, by=by, now=now)
    except sa.exc.IntegrityError:
        if not _still_open(session, [each.report for each in beginnings]):
            raise
        # Somebody else was first with one of the keys: theirs stands, the others are opened one by one.
        if len(reports) == 1:
            return list(_still_open(session, reports).values())
        return [open_ticket(session, report, by=by, now=now) for report in reports]
    return [each.ticket if isinstance(each, _Beginning) else each for each in found]


@dataclass
class _Beginning:
    """A report on its way to a ticket."""

    report: Report
    team: Team
    ticket: Ticket = field(init=False)
    opened: TicketFact = field(init=False)


def _still_open(session: Session, reports: Iterable[Report]) -> dict[str, Ticket]:
    return first_open(session, [report.problem_key for report in reports if report.problem_key])


def _store(session: Session, beginnings: Sequence[_Beginning], *, by: int | None, now: dt.datetime) -> None:
    if not beginnings:
        return
    numbers = _numbers(session, [each.report.kind for each in beginnings], now)
    versions = {"process": PROCESS_VERSION, "guide": guides.VERSION, "targets": clocking.targets_version(session)}
    services = {each.report.service_id for each in beginnings}
    tax = {service_id: clocking.is_tax(session, service_id) for service_id in services}
    for each, number in zip(beginnings, numbers, strict=True):
        each.ticket = _new(each.report, each.team, number, versions, now)
        each.opened = _opened(each.ticket, each.report, by, now, tax=tax[each.report.service_id])
    clocks = clocking.begin(session, [(each.ticket, each.opened) for each in beginnings], now=now)
    tickets = [each.ticket for each in beginnings]
    _insert(session, tickets)
    custody.begin(session, [(each.ticket, each.team) for each in beginnings], now=now)
    custody.admit_first(session, [(each.ticket, each.team, each.report.reporter_id) for each in beginnings], now=now)
    for each in beginnings:
        each.opened.ticket_id = each.ticket.id
    session.execute(sa.insert(TicketFact), [facts.as_row(each.opened) for each in beginnings])
    clocking.begun(session, list(zip(tickets, clocks, strict=True)), now=now)
    told: list[Event] = [opened_event(ticket) for ticket in tickets if ticket.kind is Kind.INCIDENT]
    record_many(session, [*told, *(facts.change(ticket, What.OPENED, now=now) for ticket in tickets)], now=now)


def _numbers(session: Session, kinds: Sequence[Kind], now: dt.datetime) -> list[str]:
    """A number for each, taken at once for those of a kind."""
    next_of: dict[Kind, tuple[int, int]] = {}
    for kind, count in Counter(kinds).items():
        year, last = take_numbers(session, kind, now, count=count)
        next_of[kind] = (year, last - count)
    found = []
    for kind in kinds:
        year, before = next_of[kind]
        next_of[kind] = (year, before + 1)
        found.append(rules.number(kind, year, before + 1))
    return found


def _insert(session: Session, tickets: Sequence[Ticket]) -> None:
    """Where a problem key could be raced for, the partial unique index settles it, behind a savepoint."""
    if not any(ticket.problem_key for ticket in tickets):
        session.add_all(tickets)
        session.flush()
        return
    with session.begin_nested():
        session.add_all(tickets)
        session.flush()


def _opened(ticket: Ticket, report: Report, by: int | None, now: dt.datetime, *, tax: bool) -> TicketFact:
    """The first fact; made before its ticket is stored, so that the ticket is stored once, with its next due time."""
    data = {
        "priority": ticket.priority,
        "line": str(ticket.line),
        "team": ticket.team_id,
        "source": str(report.source),
        "tax": tax,
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


def first_team(session: Session, report: Report) -> Team:
    """Who takes it first: the team named, else by unit and service. Raises Invalid when nobody could."""
    if report.team_id is not None:
        return session.get_one(Team, report.team_id)
    return routing.first_team(session, report.unit_id, service_id=report.service_id)


def _new(report: Report, team: Team, number: str, versions: dict[str, int], now: dt.datetime) -> Ticket:
    impact = report.impact or rules.impact(report.people_hit, report.services_hit)
    return Ticket(
        number=number,
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
        definitions=dict(versions),
        **report.extra,
    )


def take_numbers(session: Session, kind: Kind, now: dt.datetime, *, count: int) -> tuple[int, int]:
    """Take `count` numbers at once: (year, the last of them); concurrent openings wait for each other."""
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
