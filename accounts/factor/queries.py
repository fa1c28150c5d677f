"""Who has a second factor, and who has to."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.factor.models import RecoveryCode, SecondFactor
from accounts.models import Grant, Person, Role, Unit, UnitLevel
from accounts.validity import in_force

REPORTER = "reporter"


def confirmed(session: Session, person_id: int) -> SecondFactor | None:
    """The authenticator in use, if any."""
    row = session.get(SecondFactor, person_id)
    return row if row is not None and row.secret is not None else None


def required(session: Session, person: Person, *, now: dt.datetime) -> bool:
    """Whether a role this person holds now asks for a second factor; `reporter` is everybody's."""
    held = sa.select(Grant.role_code).where(Grant.person_id == person.id, in_force(now))
    asked = list(session.scalars(sa.select(Role.code).where(Role.second_factor, Role.code.in_(held))))
    if asked:
        return True
    if person.is_service or session.get_one(Unit, person.unit_id).level is UnitLevel.VENDOR:
        return False
    return bool(session.scalar(sa.select(Role.second_factor).where(Role.code == REPORTER)))


def codes_left(session: Session, person_id: int) -> int:
    """How many recovery codes were not used yet."""
    left = sa.select(sa.func.count()).select_from(RecoveryCode)
    return session.scalar(left.where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))) or 0


def without(session: Session, role_code: str, *, now: dt.datetime) -> tuple[int, int]:
    """(active holders of a role that was granted, those of them without a second factor)."""
    holders = (
        sa.select(Person.id)
        .join(Grant, Grant.person_id == Person.id)
        .where(Grant.role_code == role_code, in_force(now), Person.active)
        .distinct()
        .subquery()
    )
    have = sa.select(SecondFactor.person_id).where(SecondFactor.secret.is_not(None))
    count = session.scalar(sa.select(sa.func.count()).select_from(holders)) or 0
    lacking = sa.select(sa.func.count()).select_from(holders).where(holders.c.id.not_in(have))
    return count, session.scalar(lacking) or 0
