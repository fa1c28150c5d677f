"""What a person holds in this room: rights, teams and tokens. They end; a team they led goes to the heir."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import ApiToken, Grant, Person, Role, Team, TeamMember, Unit
from accounts.moving.registry import Held
from accounts.service import rights
from accounts.validity import lasting
from core.i18n import gettext as _
from core.i18n import lazy


def _member(session: Session, team: Team, heir: Person | None) -> bool:
    return heir is not None and session.get(TeamMember, (team.id, heir.id)) is not None


class Grants:
    """Roles given at a unit, for a team or a service."""

    code = "1-grants"
    label = lazy("权限")

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:  # noqa: ARG002
        """All end: the heir needs rights of their own."""
        rows = session.execute(
            sa.select(Role.name, Unit.name, Team.name)
            .select_from(Grant)
            .join(Role, Role.code == Grant.role_code)
            .outerjoin(Unit, Unit.id == Grant.unit_id)
            .outerjoin(Team, Team.id == Grant.team_id)
            .where(Grant.person_id == person.id, lasting(now))
            .order_by(Grant.id)
        )
        return [Held(f"{role} · {unit or team or _('服务')}", _("收回")) for role, unit, team in rows]

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:  # noqa: ARG002
        """End them. Raises Conflict for the last administrator of a kind."""
        ids = session.scalars(sa.select(Grant.id).where(Grant.person_id == person.id, lasting(now)).order_by(Grant.id))
        for grant_id in list(ids):
            rights.revoke(session, grant_id, now=now)


class Teams:
    """Teams somebody is in or leads."""

    code = "2-teams"
    label = lazy("班组")

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:  # noqa: ARG002
        """Led teams go to the heir who is in them; else they have no head until one is named."""
        return [Held(team.name, self._to(session, person, team, heir)) for team in self._teams(session, person)]

    @staticmethod
    def _to(session: Session, person: Person, team: Team, heir: Person | None) -> str:
        if team.head_id != person.id:
            return _("退出班组")
        if heir is not None and _member(session, team, heir):
            return _("组长改为%(name)s", name=heir.name)
        return _("退出班组，组长空缺，待指定")

    @staticmethod
    def _teams(session: Session, person: Person) -> Sequence[Team]:
        mine = sa.select(TeamMember.team_id).where(TeamMember.person_id == person.id)
        wanted = sa.or_(Team.id.in_(mine), Team.head_id == person.id)
        return session.scalars(sa.select(Team).where(wanted).order_by(Team.code)).all()

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:  # noqa: ARG002
        """Leave them."""
        for team in self._teams(session, person):
            if team.head_id == person.id:
                team.head_id = heir.id if heir is not None and _member(session, team, heir) else None
            if (row := session.get(TeamMember, (team.id, person.id))) is not None:
                session.delete(row)
        session.flush()


class Tokens:
    """API tokens: they spoke for the old post."""

    code = "3-tokens"
    label = lazy("API 令牌")

    @staticmethod
    def _living(person: Person) -> sa.Select[ApiToken]:
        return (
            sa.select(ApiToken)
            .where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
            .order_by(ApiToken.id)
        )

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:  # noqa: ARG002
        """All end."""
        return [Held(f"{row.name} ({row.prefix}…)", _("吊销")) for row in session.scalars(self._living(person))]

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:  # noqa: ARG002
        """Revoke them."""
        for row in session.scalars(self._living(person)).all():
            row.revoked_at = now


OWN = (Grants(), Teams(), Tokens())
