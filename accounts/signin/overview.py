"""What a person sees and changes of their own account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.factor import queries as factors
from accounts.models import ApiToken, Grant, Person, Role, Team, TeamMember, Unit
from accounts.permissions import PERMISSIONS
from accounts.signin import service, sessions
from accounts.validity import in_force
from core.errors import Invalid
from core.i18n import gettext as _

TOKEN_DAYS = (30, 90, 180, 365)


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
        "sessions": sessions.living(session, person_id, now=now),
        "current_session": current_session,
        "has_factor": factors.confirmed(session, person_id) is not None,
        "codes_left": factors.codes_left(session, person_id),
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


def create_token(
    session: Session,
    person_id: int,
    *,
    name: str,
    scopes: Sequence[str],
    held: Sequence[str],
    days: int,
    now: dt.datetime,
) -> str:
    """A token for oneself, for so many days, limited to `scopes` (none: no limit) out of the permissions `held`.

    Raises Invalid for a permission one does not hold, and without a name.
    """
    if wrong := [p for p in scopes if p not in held]:
        names = "、".join(str(PERMISSIONS.get(p, p)) for p in wrong)
        raise Invalid.of("scopes", _("您没有这些权限：%(names)s。", names=names))
    person = session.get_one(Person, person_id)
    _row, token = service.create_token(
        session, person=person, name=name, scopes=list(scopes), expires_at=now + dt.timedelta(days=days), now=now
    )
    return token
