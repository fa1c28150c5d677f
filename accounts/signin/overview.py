"""What a person sees and changes of their own account."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import ApiToken, Grant, Person, Role, SignInSession, Team, TeamMember, Unit
from accounts.signin import service
from accounts.validity import in_force

TOKEN_DAYS = 365


def of(session: Session, person_id: int, current_session: int | None, *, now: dt.datetime) -> dict[str, Any]:
    """Person, unit, grants, teams, open sessions (the current one marked) and tokens."""
    person = session.get_one(Person, person_id)
    return {
        "person": person,
        "unit": session.get_one(Unit, person.unit_id),
        "grants": session.execute(
            sa.select(Grant, Role, Unit, Team)
            .join(Role, Role.code == Grant.role_code)
            .outerjoin(Unit, Unit.id == Grant.unit_id)
            .outerjoin(Team, Team.id == Grant.team_id)
            .where(Grant.person_id == person_id, in_force(now))
        ).all(),
        "teams": session.scalars(sa.select(Team).join(TeamMember).where(TeamMember.person_id == person_id)).all(),
        "sessions": session.scalars(
            sa.select(SignInSession)
            .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
            .order_by(SignInSession.last_seen_at.desc())
            .limit(20)
        ).all(),
        "current_session": current_session,
        "tokens": session.scalars(
            sa.select(ApiToken)
            .where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.id.desc())
        ).all(),
    }


def change_password(
    session: Session, person_id: int, *, proven: str, hashed: str, keep_session: int | None, now: dt.datetime
) -> bool:
    """Set a new password, `hashed`, where the stored one still is `proven`, which was verified; other sessions end."""
    person = session.get_one(Person, person_id, with_for_update=True)
    if person.password_hash != proven:
        return False
    service.set_password(session, person, hashed, now=now, keep_session=keep_session)
    return True


def create_token(session: Session, person_id: int, *, name: str, now: dt.datetime) -> str:
    """A token for oneself, valid for a year; raises Invalid without a name."""
    person = session.get_one(Person, person_id)
    _row, token = service.create_token(
        session, person=person, name=name, scopes=[], expires_at=now + dt.timedelta(days=TOKEN_DAYS), now=now
    )
    return token
