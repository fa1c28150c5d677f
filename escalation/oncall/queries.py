"""Reads of on-call, limited to the viewer's units and teams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Person
from accounts.scope import Viewer, covers, in_scope
from core.errors import NotFound
from core.i18n import gettext as _
from escalation.oncall import rules, service
from escalation.oncall.models import Chain, ChainState, Override, PagingEntry, Policy, Schedule

ROSTER_DAYS = 14


@dataclass(frozen=True)
class Bar:
    """One shift on the roster's drawing: `left` and `width` in thousandths of the whole."""

    left: int
    width: int
    name: str
    gap: bool
    by_override: bool
    from_at: dt.datetime
    until_at: dt.datetime


@dataclass(frozen=True)
class Duty:
    """A schedule as the page shows it."""

    schedule: Schedule
    person: Person | None
    until_at: dt.datetime
    bars: list[Bar]
    overrides: Sequence[Override]
    gaps: list[Bar]
    may_change: bool


def schedules(session: Session, viewer: Viewer, permission: str = "oncall.read") -> Sequence[Schedule]:
    """Schedules the viewer may see."""
    return session.scalars(
        sa.select(Schedule)
        .where(Schedule.active, in_scope(viewer, permission, unit=Schedule.unit_id, team=Schedule.team_id))
        .order_by(Schedule.name, Schedule.id)
    ).all()


def schedule(session: Session, viewer: Viewer, schedule_id: int, permission: str = "oncall.read") -> Schedule:
    """One schedule; raises NotFound where the viewer may not see it."""
    found = session.scalar(
        sa.select(Schedule).where(
            Schedule.id == schedule_id,
            Schedule.active,
            in_scope(viewer, permission, unit=Schedule.unit_id, team=Schedule.team_id),
        )
    )
    if found is None:
        raise NotFound(_("没有这个值班表，或您无权查看。"))
    return found


def duty(session: Session, viewer: Viewer, row: Schedule, now: dt.datetime) -> Duty:
    """Who is on duty, and the roster of the coming fortnight."""
    stand_ins = service.stand_ins_of(session, row.id)
    rotation = service.rotation_of(row)
    until = now + dt.timedelta(days=ROSTER_DAYS)
    roster = rules.shifts(rotation, stand_ins, now, until)
    known = accounts.names(session, [s.person_id or 0 for s in roster])
    whole = (until - now).total_seconds()
    bars = []
    for shift in roster:
        left = round((shift.from_at - now).total_seconds() / whole * 1000)
        right = round((shift.until_at - now).total_seconds() / whole * 1000)
        name = known.get(shift.person_id or 0, _("无人值班"))
        gap = shift.person_id is None
        bars.append(Bar(left, max(2, right - left), name, gap, shift.by_override, shift.from_at, shift.until_at))
    overrides = session.scalars(
        sa.select(Override)
        .where(Override.schedule_id == row.id, Override.cancelled_at.is_(None), Override.until_at > now)
        .order_by(Override.from_at)
    ).all()
    may_change = covers(session, viewer, "oncall.write", unit_id=row.unit_id, team_id=row.team_id)
    return Duty(
        row,
        service.person_on_call(session, row, now),
        roster[0].until_at,
        bars,
        overrides,
        [b for b in bars if b.gap],
        may_change,
    )


def candidates(session: Session, row: Schedule) -> Sequence[Person]:
    """Who may stand in: the people of the rotation and of the schedule's team."""
    people = {p.id: p for p in session.scalars(sa.select(Person).where(Person.id.in_(row.people), Person.active))}
    if row.team_id is not None:
        people |= {p.id: p for p in accounts.members(session, row.team_id)}
    return sorted(people.values(), key=lambda p: (p.name, p.id))


def policies(session: Session, viewer: Viewer) -> Sequence[Policy]:
    """Policies the viewer may see."""
    return session.scalars(
        sa.select(Policy)
        .where(Policy.active, in_scope(viewer, "oncall.read", unit=Policy.unit_id, team=Policy.team_id))
        .order_by(Policy.name, Policy.id)
    ).all()


def step_words(session: Session, step: dict[str, Any]) -> str:
    """A step of a policy in plain words."""
    words = []
    for target in step["targets"]:
        if target["kind"] == "schedule":
            found = session.get(Schedule, target["id"])
            words.append(_("%(name)s 的值班人", name=found.name if found else "?"))
        elif target["kind"] == "person":
            person = session.get(Person, target["id"])
            words.append(person.name if person else "?")
        elif target["kind"] == "team":
            words.append(_("全组"))
        else:
            words.append(_("组长"))
    return "、".join(words)


def chain_of(session: Session, ticket_id: int) -> tuple[Chain, list[tuple[PagingEntry, str]]] | None:
    """The newest chain of a ticket with what it did, in words."""
    chain = session.scalar(sa.select(Chain).where(Chain.ticket_id == ticket_id).order_by(Chain.id.desc()).limit(1))
    if chain is None:
        return None
    entries = session.scalars(
        sa.select(PagingEntry).where(PagingEntry.chain_id == chain.id).order_by(PagingEntry.id)
    ).all()
    known = accounts.names(session, [p for e in entries for p in e.people])
    return chain, [(e, "、".join(known.get(p, "?") for p in e.people)) for e in entries]


def running_chains(session: Session, viewer: Viewer) -> Sequence[Chain]:
    """Chains that page right now, for tickets of the viewer's units."""
    from servicedesk.tickets.models import Ticket

    return session.scalars(
        sa.select(Chain)
        .join(Ticket, Ticket.id == Chain.ticket_id)
        .where(
            Chain.state == ChainState.RUNNING, in_scope(viewer, "ticket.read", unit=Ticket.unit_id, team=Ticket.team_id)
        )
        .order_by(Chain.id.desc())
        .limit(50)
    ).all()
