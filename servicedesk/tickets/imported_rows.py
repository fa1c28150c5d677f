"""The rows of an imported matter: pure, so that history may be made in several processes at once.

Nothing here asks the database; what has to be known of it comes in as a Desk.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from accounts.scope import PrincipalKind
from core.calendar import WorkCalendar
from servicedesk.clocks import rules as clock_rules
from servicedesk.clocks import service as clocks
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.models import ClockRow
from servicedesk.clocks.targets import DEFAULT_TARGETS, TargetSet
from servicedesk.custody import service as custody
from servicedesk.custody.models import CustodySpan
from servicedesk.intake import guides
from servicedesk.tickets import clocking, opening, rules, story
from servicedesk.tickets.models import Source, Ticket, TicketFact, TicketPrincipal
from servicedesk.tickets.states import FINISHED, STATES_OF, Kind, State
from servicedesk.tickets.story import Past, Story

Row = dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """One ticket to import: what it was about, and its past."""

    past: Past
    title: str
    category: str
    unit_id: int
    kind: Kind = Kind.INCIDENT
    urgency: int = 3
    impact: int = 3
    service_id: int | None = None
    item_id: int | None = None
    people_hit: int = 0
    parent_id: int | None = None
    state: State | None = None  # for kinds whose states no story tells
    extra: dict[str, Any] | None = None


@dataclass(frozen=True)
class Written:
    """What one imported ticket became: for hand-offs (escalation.handoff.importer) and the caller's own links."""

    id: int
    number: str
    imported: Imported
    story: Story


@dataclass(frozen=True)
class Place:
    """A team's name, its unit, and whether that is a vendor."""

    team: str
    unit_id: int
    vendor: bool


Places = dict[int, Place]


@dataclass(frozen=True)
class Desk:
    """What the rows are made by: where each team stands, the calendar and its revision, the targets by version."""

    places: Places
    calendar: WorkCalendar
    revision: str
    targets: Mapping[int, TargetSet] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """A ticket's rows by table, each with every column its table needs."""

    written: Written
    by_table: Mapping[Any, list[Row]]


TABLES: tuple[Any, ...] = (Ticket, TicketFact, CustodySpan, TicketPrincipal, ClockRow)
"""In the order they are written."""


def rows_of(desk: Desk, one: Imported, *, ident: int, number: str, now: dt.datetime) -> Rows:
    """What the verbs would have left of this matter by `now`. Raises ValueError for a state its kind does not know."""
    written = Written(ident, number, one, story.tell(one.past, now))
    clock_rows = list(_clocks(desk, written, now))
    ticket = _ticket(one, written.story, number, desk)
    ticket["id"] = ident
    ticket["next_due_at"] = min((row["due_at"] for row in clock_rows if row["running_since"]), default=None)
    return Rows(
        written,
        {
            Ticket: [ticket],
            TicketFact: list(_facts(written, desk.places)),
            CustodySpan: list(_spans(written)),
            TicketPrincipal: list(_principals(written, desk.places)),
            ClockRow: clock_rows,
        },
    )


def _clocks(desk: Desk, one: Written, now: dt.datetime) -> Iterator[Row]:
    """As clocks.rebuild(tell=False) would write them: what is past counts as told."""
    if not _measured(one):
        return
    targets = desk.targets.get(one.imported.past.targets, DEFAULT_TARGETS)
    told = [Fact(fact.at, str(fact.kind), fact.data) for fact in one.story.facts]
    for position, clock in enumerate(clock_rules.clocks(told, now=now, calendar=desk.calendar, targets=targets)):
        row = SimpleNamespace(warned_at=None, breached_at=None, **clocks.values_of(clock, position, desk.revision))
        clocks.count_as_told(row, now)
        yield {"ticket_id": one.id, "name": clock.name, "round": clock.round, **vars(row)}


def _measured(one: Written) -> bool:
    """What is over is measured by its kind's promises; what is not runs only if somebody can take it up."""
    kind, state = one.imported.kind, one.imported.state or one.story.state
    return kind in clocks.CLOCKED or (kind in clocks.PROMISED and state in FINISHED)


def _auto_close_at(desk: Desk, resolved: dt.datetime) -> dt.datetime:
    return rules.auto_close_at(resolved, zone=clocking.ZONE, is_working_day=desk.calendar.is_working_day)


def _ticket(one: Imported, told: Story, number: str, desk: Desk) -> dict[str, Any]:
    last, past = told.ledger[-1], one.past
    state = one.state if one.state is not None and one.kind is not Kind.INCIDENT else told.state
    if state not in STATES_OF[one.kind]:
        raise ValueError(f"{one.kind} has no state {state}")
    resolved = told.resolved_at or (past.resolved_at if one.kind is not Kind.INCIDENT else None)
    return {
        "number": number,
        "kind": one.kind,
        "state": state,
        "title": one.title,
        "description": past.description,
        "category": one.category,
        "source": Source(past.source),
        "urgency": one.urgency,
        "impact": one.impact,
        "priority": past.priority,
        "major": False,
        "people_hit": one.people_hit,
        "unit_id": one.unit_id,
        "reporter_id": past.reporter_id,
        "item_id": one.item_id,
        "service_id": one.service_id,
        "parent_id": one.parent_id,
        "team_id": last.team,
        "holder_id": last.holder,
        "line": last.line,
        "opened_at": past.opened_at,
        "since": past.opened_at,
        "accepted_at": told.accepted_at,
        "resolved_at": resolved,
        "closed_at": told.closed_at,
        "auto_close_at": _auto_close_at(desk, resolved) if state is State.RESOLVED and resolved else None,
        "updated_at": told.facts[-1].at,
        "next_due_at": None,
        "problem_key": None,
        "error_code": rules.error_code(f"{one.title}\n{past.description}"),
        "answers": None,
        "definitions": {"process": opening.PROCESS_VERSION, "guide": guides.VERSION, "targets": past.targets},
        "solution": past.solution if told.resolved_at else None,
        "cause": past.cause if told.resolved_at else None,
        "article": past.article if told.resolved_at else None,
        "stars": past.stars if told.closed_at else None,
        "handoff_pending": told.pending,
        "reopened": told.reopened,
        "bounces": told.bounces,
        "urged": 0,
        "facts": len(told.facts),
        **_empty(one.extra),
    }


def _empty(extra: dict[str, Any] | None) -> dict[str, Any]:
    names = ("planned_start", "planned_end", "actual_start", "actual_end", "items")
    return {name: (extra or {}).get(name) for name in names}


def _facts(one: Written, units: Places) -> Iterator[dict[str, Any]]:
    for seq, fact in enumerate(one.story.facts, start=1):
        named = {"to": units[fact.data["to_team"]].team} if "to_team" in fact.data else {}
        yield {
            "ticket_id": one.id,
            "seq": seq,
            "at": fact.at,
            "received_at": fact.at,
            "kind": str(fact.kind),
            "actor_id": fact.by,
            "data": fact.data | named,
            "text": fact.text,
            "internal": False,
        }


def _spans(one: Written) -> Iterator[dict[str, Any]]:
    for seq, span in enumerate(one.story.ledger, start=1):
        yield {
            "ticket_id": one.id,
            "seq": seq,
            "team_id": span.team,
            "holder_id": span.holder,
            "line": span.line,
            "since": span.since,
            "until": span.until,
            "waiting_for": span.waiting_for,
            "waiting_team_id": span.waiting_team,
            "why": "imported",
        }


def _principals(one: Written, units: Places) -> Iterator[dict[str, Any]]:
    seen: dict[tuple[PrincipalKind, int], tuple[dt.datetime, dt.datetime | None, str]] = {
        (PrincipalKind.UNIT, one.imported.unit_id): (one.imported.past.opened_at, None, "unit"),
    }
    if one.imported.past.reporter_id is not None:
        seen[PrincipalKind.PERSON, one.imported.past.reporter_id] = (one.imported.past.opened_at, None, "reporter")
    held = {span.team for span in one.story.ledger}
    for team_id, (since, until) in sorted(_teams(one.story).items(), key=lambda team: team[0] not in held):
        place = units[team_id]
        kind = PrincipalKind.VENDOR if place.vendor else PrincipalKind.UNIT
        why = "holder" if team_id in held else custody.OFFERED
        seen[PrincipalKind.TEAM, team_id] = (since, until if place.vendor else None, why)
        seen.setdefault((kind, place.unit_id), (since, until if place.vendor else None, why))
    for (kind, principal), (since, until, why) in seen.items():
        yield {
            "ticket_id": one.id,
            "kind": kind,
            "principal_id": principal,
            "why": why,
            "from_at": since,
            "until_at": until,
        }


def _teams(told: Story) -> dict[int, tuple[dt.datetime, dt.datetime | None]]:
    """Each team that held it or is offered it still, from when, and until when it had it."""
    found: dict[int, tuple[dt.datetime, dt.datetime | None]] = {}
    ends: dict[int, dt.datetime | None] = defaultdict(lambda: None)
    for passing in told.passings:
        if passing.accepted_at is None and passing.returned_at is not None:
            continue  # offered and not taken: that side reads nothing of it
        found.setdefault(passing.receiver.team_id, (passing.sent_at, passing.returned_at))
        ends[passing.receiver.team_id] = passing.returned_at
    for span in told.ledger:
        since, _until = found.get(span.team, (span.since, None))
        found[span.team] = (min(since, span.since), None)
    last = told.ledger[-1]
    return {
        team: (since, None if team == last.team or told.pending else ends[team] or until)
        for team, (since, until) in found.items()
    }
