"""Reads that other rooms need of units, people and teams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Team, TeamMember, Unit, UnitClosure, UnitLevel
from accounts.validity import in_force

LINES = {UnitLevel.OFFICE: UnitLevel.COUNTY}  # tax offices have no line: their matters start at the county


def ancestors(session: Session, unit_id: int) -> list[Unit]:
    """The unit and everything above it, nearest first."""
    return list(
        session.scalars(
            sa.select(Unit)
            .join(UnitClosure, UnitClosure.ancestor_id == Unit.id)
            .where(UnitClosure.descendant_id == unit_id)
            .order_by(UnitClosure.depth)
        )
    )


def line_unit(session: Session, unit_id: int) -> Unit:
    """The unit whose first line takes this unit's matters: itself, or for an office its county (or city)."""
    for unit in ancestors(session, unit_id):
        if unit.level is not UnitLevel.OFFICE:
            return unit
    raise LookupError(f"unit {unit_id} has no line above it")


def default_team(session: Session, unit_id: int) -> Team | None:
    """The team that takes what a unit gets: its default one, else its oldest."""
    return session.scalar(
        sa.select(Team).where(Team.unit_id == unit_id, Team.active).order_by(Team.is_default.desc(), Team.id).limit(1)
    )


def members(session: Session, team_id: int) -> Sequence[Person]:
    """Active members of a team, by name."""
    return session.scalars(
        sa.select(Person)
        .join(TeamMember, TeamMember.person_id == Person.id)
        .where(TeamMember.team_id == team_id, Person.active)
        .order_by(Person.name, Person.id)
    ).all()


def holders_of(session: Session, permission: str, unit_id: int, *, now: dt.datetime) -> list[Person]:
    """Active people who hold `permission` at this unit by a grant on it or on a unit above, nearest first."""
    rows = session.execute(
        sa.select(Person, Role.permissions, UnitClosure.depth)
        .join(Grant, Grant.person_id == Person.id)
        .join(Role, Role.code == Grant.role_code)
        .join(UnitClosure, UnitClosure.ancestor_id == Grant.unit_id)
        .where(
            UnitClosure.descendant_id == unit_id,
            Person.active,
            in_force(now),
        )
        .order_by(UnitClosure.depth, Person.id)
    ).all()
    found: dict[int, Person] = {}
    for person, permissions, _depth in rows:
        if permission in permissions:
            found.setdefault(person.id, person)
    return list(found.values())


def head_of_unit(session: Session, unit_id: int, *, now: dt.datetime) -> Person | None:
    """Who answers for a unit: the head of its default team, else the nearest holder of ticket.arbitrate."""
    team = default_team(session, unit_id)
    if team is not None and team.head_id is not None:
        head = session.get(Person, team.head_id)
        if head is not None and head.active:
            return head
    people = holders_of(session, "ticket.arbitrate", unit_id, now=now)
    return people[0] if people else None


def names(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    """Person id → name."""
    wanted = sorted({i for i in person_ids if i})
    if not wanted:
        return {}
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def principals_of_unit(session: Session, unit_id: int) -> frozenset[str]:
    """The audience strings of a record that belongs to a unit: `unit:ID` of the unit and of all above it."""
    return frozenset(
        f"unit:{u}"
        for u in session.scalars(sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == unit_id))
    )
