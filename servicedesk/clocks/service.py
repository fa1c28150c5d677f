"""Keeps the clocks' rows in step with the facts, and tells warning and breach exactly once each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.calendar import WorkCalendar
from core.events.clocks import ClockBreached, ClockWarned
from core.outbox import record
from servicedesk.calendar import service as calendars
from servicedesk.clocks import rules
from servicedesk.clocks.facts import Fact
from servicedesk.clocks.models import ClockRow, TargetVersion
from servicedesk.clocks.rules import Clock
from servicedesk.clocks.targets import DEFAULT_TARGETS, Basis, TargetSet, targets_from_dict, targets_to_dict
from servicedesk.tickets.models import Ticket, TicketFact
from servicedesk.tickets.states import FINISHED, Kind, has_process

PROMISED = frozenset({Kind.INCIDENT, Kind.REQUEST})  # problems and changes have plans, not promises
"""Kinds whose history is measured, also where it is imported."""
CLOCKED = frozenset(kind for kind in PROMISED if has_process(kind))
"""Kinds whose clocks run: nothing runs down that nobody can take up yet."""
BATCH = 1000
_MICROSECOND = dt.timedelta(microseconds=1)


# --- targets -------------------------------------------------------------------------------------------------------


def targets_version(session: Session) -> int:
    """The version that tickets opened now begin with; 0 while none was ever stored."""
    return session.scalar(sa.select(sa.func.max(TargetVersion.version))) or 0


def targets_of(session: Session, version: int | None) -> TargetSet:
    """The targets of a version; the shipped ones where it is unknown."""
    known: dict[int, TargetSet] = session.info.setdefault("taxops.targets", {})  # a version never changes
    if version and version not in known and (row := session.get(TargetVersion, version)):
        known[version] = _targets(json.dumps(row.data, sort_keys=True))
    return known.get(version or 0, DEFAULT_TARGETS)


def publish_targets(session: Session, targets: TargetSet, *, now: dt.datetime) -> int:
    """Store another version; tickets opened from now on begin with it. Returns its number."""
    version = targets_version(session) + 1
    session.add(TargetVersion(version=version, data=targets_to_dict(targets), since=now))
    session.flush()
    return version


@lru_cache(maxsize=64)
def _targets(text: str) -> TargetSet:
    return targets_from_dict(json.loads(text))


# --- the projection ------------------------------------------------------------------------------------------------


def compute(session: Session, ticket: Ticket, *, now: dt.datetime, calendar: WorkCalendar | None = None) -> list[Clock]:
    """The ticket's clocks from its facts alone; nothing is written. `calendar`: the current one, if at hand."""
    if ticket.kind not in CLOCKED:
        return []
    calendar = calendar or calendars.current(session)
    rows = session.execute(
        sa.select(TicketFact.at, TicketFact.kind, TicketFact.data)
        .where(TicketFact.ticket_id == ticket.id)
        .order_by(TicketFact.seq)
    )
    facts = [Fact(at, kind, data) for at, kind, data in rows]
    targets = targets_of(session, ticket.definitions.get("targets"))
    return rules.clocks(facts, now=now, calendar=calendar, targets=targets)


def rebuild(session: Session, ticket_id: int, *, now: dt.datetime, tell: bool = True) -> list[ClockRow]:
    """Write the ticket's clocks anew from its facts, in the transaction of whoever added one; nothing is committed.

    Also sets the ticket's `next_due_at`, and tells a warning or breach that is due at `now` and was not told. What was
    told stays told. Repeating it changes nothing. `tell` False: history is being imported, what is past counts as told.
    """
    session.flush()
    ticket = session.get_one(Ticket, ticket_id)
    if ticket.kind not in CLOCKED and ticket.state in FINISHED:
        return []  # imported history stays as it was written
    calendar, revision = calendars.counting(session)
    locked = sa.select(ClockRow).where(ClockRow.ticket_id == ticket_id).with_for_update()
    there = {(row.name, row.round): row for row in session.scalars(locked.execution_options(populate_existing=True))}
    rows = []
    for position, clock in enumerate(compute(session, ticket, now=now, calendar=calendar)):
        row = there.pop((clock.name, clock.round), None)
        if row is None:
            session.add(row := ClockRow(ticket_id=ticket_id, name=clock.name, round=clock.round))
        project(row, clock, position, revision)
        _tell(session, row, ticket, calendar, now=now, silently=not tell)
        rows.append(row)
    for orphan in there.values():
        session.delete(orphan)
    ticket.next_due_at = _next_due(rows)
    session.flush()
    return rows


def begin(session: Session, tickets: Sequence[tuple[Ticket, TicketFact]], *, now: dt.datetime) -> list[list[Any]]:
    """The clocks of tickets that are only about to be stored, each from its first fact: nothing has to be read back.

    Sets each ticket's `next_due_at`; `begun` stores what is returned once it has its id. As `rebuild` would.
    """
    if not any(ticket.kind in CLOCKED for ticket, _opened in tickets):
        return [[] for _ticket in tickets]
    calendar, revision = calendars.counting(session)
    return [_first(session, *each, calendar, revision, now) if each[0].kind in CLOCKED else [] for each in tickets]


def _first(
    session: Session, ticket: Ticket, opened: TicketFact, calendar: WorkCalendar, revision: str, now: dt.datetime
) -> list[Any]:
    facts = [Fact(opened.at, opened.kind, opened.data)]
    targets = targets_of(session, ticket.definitions.get("targets"))
    rows = [
        SimpleNamespace(
            name=clock.name,
            round=clock.round,
            warned_at=None,
            breached_at=None,
            wake_at=clock.warn_at,
            **values_of(clock, position, revision),
        )
        for position, clock in enumerate(rules.clocks(facts, now=now, calendar=calendar, targets=targets))
    ]
    ticket.next_due_at = _next_due(rows)
    return rows


def begun(session: Session, tickets: Sequence[tuple[Ticket, list[Any]]], *, now: dt.datetime) -> None:
    """Store the clocks of tickets just stored, and tell what is due already."""
    stored = []
    for ticket, rows in tickets:
        for row in rows:
            if row.warn_at <= now or row.crossed:
                _tell(session, row, ticket, calendars.current(session), now=now)
            stored.append({"ticket_id": ticket.id, **vars(row)})
    if stored:
        session.execute(sa.insert(ClockRow), stored)


def count_as_told(row: Any, now: dt.datetime) -> None:
    """For imported history: what is past counts as told, what is to come will be told. `row`: shaped as ClockRow."""
    _mark(row, now)


def project(row: ClockRow, clock: Clock, position: int, revision: str) -> None:
    """Write a clock into its row."""
    for name, value in values_of(clock, position, revision).items():
        setattr(row, name, value)


def values_of(clock: Clock, position: int, revision: str) -> dict[str, Any]:
    """A clock as the columns of its row; which ticket, name and round it is, and what was told, stand beside them."""
    return {
        "position": position,
        "purpose": clock.purpose,
        "line": clock.line,
        "basis": clock.target.basis,
        "limit_s": int(clock.target.limit.total_seconds()),
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "warn_at": clock.warn_at,
        "stopped_at": clock.stopped_at,
        "running_since": clock.running_since,
        "outcome": clock.outcome,
        "worked_us": clock.banked // _MICROSECOND,
        "crossed": clock.breached,
        "counted_by": revision,
    }


def _next_due(rows: Iterable[Any]) -> dt.datetime | None:
    return min((row.due_at for row in rows if row.running_since), default=None)


# --- told once -----------------------------------------------------------------------------------------------------


def tick(session: Session, now: dt.datetime) -> int:
    """Tell what became due; returns how many clocks were looked at. The caller commits.

    The rows are locked, and what was told is written in the same transaction as the events, so several workers and
    restarts tell each warning and each breach exactly once.
    """
    due = session.scalars(
        sa.select(ClockRow)
        .where(ClockRow.wake_at <= now)
        .order_by(ClockRow.wake_at, ClockRow.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    calendar = calendars.current(session)
    for row in due:
        _tell(session, row, session.get_one(Ticket, row.ticket_id), calendar, now=now)
    session.flush()
    return len(due)


def _tell(
    session: Session, row: Any, ticket: Ticket, calendar: WorkCalendar, *, now: dt.datetime, silently: bool = False
) -> None:
    """Record what is due and was not told, and note when to look again."""
    warn, breach = _mark(row, now)
    if silently or not (warn or breach):
        return
    about = _about(row, ticket, calendar, now)
    if warn:
        record(session, ClockWarned(**about, overtaken=breach), now=now)
    if breach:
        record(session, ClockBreached(**about, ended=row.outcome is not None), now=now)


def _mark(row: Any, now: dt.datetime) -> tuple[bool, bool]:
    """Note what is due as told; returns whether the warning and the breach are to be told now."""
    runs = row.running_since is not None
    warn = row.warned_at is None and runs and row.warn_at <= now
    breach = row.breached_at is None and (row.crossed or (runs and row.due_at <= now))
    if warn:
        row.warned_at = now
    if breach:
        row.breached_at, row.crossed = now, True
    row.wake_at = _wake_at(row) if runs else None
    return warn, breach


def _about(row: Any, ticket: Ticket, calendar: WorkCalendar, now: dt.datetime) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id,
        "number": ticket.number,
        "clock": row.name,
        "round": row.round,
        "line": row.line,
        "purpose": str(row.purpose),
        "due_at": row.due_at,
        "at": now,
        "priority": ticket.priority,
        "on_duty_only": row.basis is Basis.CALENDAR and not calendar.is_working(now),
    }


def _wake_at(row: Any) -> dt.datetime | None:
    found: dt.datetime | None = (
        row.warn_at if row.warned_at is None else row.due_at if row.breached_at is None else None
    )
    return found


def recount(session: Session, now: dt.datetime, *, most: int = 200) -> int:
    """Rebuild tickets whose living clocks were counted by an older calendar; returns how many. The caller commits."""
    _calendar, revision = calendars.counting(session)
    behind = session.scalars(
        sa.select(ClockRow.ticket_id)
        .where(ClockRow.outcome.is_(None), ClockRow.counted_by != revision)
        .distinct()
        .limit(most)
    ).all()
    for ticket_id in behind:
        rebuild(session, ticket_id, now=now)
    return len(behind)
