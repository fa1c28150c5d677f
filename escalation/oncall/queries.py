"""Reads of on-call, limited to the viewer's units and teams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts import queries as accounts
from accounts.models import Person, Team, Unit
from accounts.scope import Viewer, covers, in_scope
from core.errors import NotFound
from core.i18n import gettext as _
from escalation.oncall import roster, rules
from escalation.oncall.models import Chain, ChainState, Override, PagingEntry, Policy, Schedule
from escalation.oncall.schemas import SetupQuery
from web.paging import Key, Page, page

ROSTER_DAYS = 14
M = TypeVar("M", Schedule, Policy)


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
    disabled: list[str]  # names of people in the rotation who were disabled: their turns are gaps (E-08)
    may_change: bool


def _seen(viewer: Viewer, model: type[M], permission: str) -> sa.Select[M]:
    return (
        sa.select(model)
        .options(joinedload(model.unit), joinedload(model.team))
        .where(in_scope(viewer, permission, unit=model.unit_id, team=model.team_id))
    )


def schedules(session: Session, viewer: Viewer, permission: str = "oncall.read") -> Sequence[Schedule]:
    """Schedules the viewer may see."""
    statement = _seen(viewer, Schedule, permission).where(Schedule.active)
    return session.scalars(statement.order_by(Schedule.name, Schedule.id)).all()


def listed(session: Session, viewer: Viewer, model: type[M], query: SetupQuery) -> Page[M]:
    """One page of the schedules or policies the viewer may see, by name; `q` looks into name and code."""
    statement = _seen(viewer, model, "oncall.read")
    if not query.retired:
        statement = statement.where(model.active)
    if query.unit is not None:
        statement = statement.where(model.unit_id.in_(sa.select(Unit.id).where(Unit.code == query.unit)))
    if query.team is not None:
        statement = statement.where(model.team_id.in_(sa.select(Team.id).where(Team.code == query.team)))
    if query.q and (sought := query.q.strip().lower()):
        columns = (model.name, model.code)
        statement = statement.where(sa.or_(*(sa.func.lower(c).contains(sought, autoescape=True) for c in columns)))
    return page(session, statement, [Key(model.name), Key(model.id)], cursor=query.cursor, limit=query.limit)


def schedule(session: Session, viewer: Viewer, schedule_id: int, permission: str = "oncall.read") -> Schedule:
    """One schedule; raises NotFound where the viewer may not see it."""
    found = session.scalar(_seen(viewer, Schedule, permission).where(Schedule.id == schedule_id, Schedule.active))
    if found is None:
        raise NotFound(_("没有这个值班表，或您无权查看。"))
    return found


def policy(session: Session, viewer: Viewer, policy_id: int, permission: str = "oncall.read") -> Policy:
    """One policy; raises NotFound where the viewer may not see it."""
    found = session.scalar(_seen(viewer, Policy, permission).where(Policy.id == policy_id, Policy.active))
    if found is None:
        raise NotFound(_("没有这个呼叫策略，或您无权查看。"))
    return found


def duty(session: Session, viewer: Viewer, row: Schedule, now: dt.datetime) -> Duty:
    """Who is on duty, and the roster of the coming fortnight."""
    stand_ins = roster.stand_ins_of(session, row.id)
    rotation = roster.rotation_of(row)
    until = now + dt.timedelta(days=ROSTER_DAYS)
    turns = rules.shifts(rotation, stand_ins, now, until)
    named = {s.person_id or 0 for s in turns} | set(row.people)
    people = {p.id: p for p in session.scalars(sa.select(Person).where(Person.id.in_(named)))}
    whole = (until - now).total_seconds()
    bars = []
    for shift in turns:
        left = round((shift.from_at - now).total_seconds() / whole * 1000)
        right = round((shift.until_at - now).total_seconds() / whole * 1000)
        person = people.get(shift.person_id or 0)
        gap = person is None or not person.active
        name = _("无人值班") if person is None else person.name if person.active else _off(person)
        bars.append(Bar(left, max(2, right - left), name, gap, shift.by_override, shift.from_at, shift.until_at))
    overrides = session.scalars(
        sa.select(Override)
        .where(Override.schedule_id == row.id, Override.cancelled_at.is_(None), Override.until_at > now)
        .order_by(Override.from_at)
    ).all()
    return Duty(
        row,
        roster.person_on_call(session, row, now),
        turns[0].until_at,
        bars,
        overrides,
        [b for b in bars if b.gap],
        [people[p].name for p in dict.fromkeys(row.people) if p in people and not people[p].active],
        may_change(session, viewer, row),
    )


def _off(person: Person) -> str:
    return _("%(name)s（已停用）", name=person.name)


def may_change(session: Session, viewer: Viewer, row: Schedule | Policy) -> bool:
    """Whether the viewer may change a roster or policy."""
    return covers(session, viewer, "oncall.write", unit_id=row.unit_id, team_id=row.team_id)


def candidates(session: Session, row: Schedule) -> Sequence[Person]:
    """Who may stand in: the people of the rotation and of the schedule's team."""
    people = {p.id: p for p in session.scalars(sa.select(Person).where(Person.id.in_(row.people), Person.active))}
    if row.team_id is not None:
        people |= {p.id: p for p in accounts.members(session, row.team_id)}
    return sorted(people.values(), key=lambda p: (p.name, p.id))


def policies(session: Session, viewer: Viewer) -> Sequence[Policy]:
    """Policies the viewer may see."""
    statement = _seen(viewer, Policy, "oncall.read").where(Policy.active)
    return session.scalars(statement.order_by(Policy.name, Policy.id)).all()


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
            team = session.get(Team, target["id"])
            words.append(_("%(name)s全组", name=team.name if team else "?"))
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
