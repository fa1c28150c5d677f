"""Verbs on teams and who is in them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, TeamMember, Unit
from accounts.service import holding
from accounts.service.units import CODE
from core.errors import Conflict, Invalid
from core.i18n import gettext as _


def create_team(
    session: Session, *, code: str, name: str, unit: Unit, head: Person | None = None, is_default: bool = False
) -> Team:
    """Add a team of a unit. Raises Conflict for a taken code."""
    if not CODE.match(code):
        raise Invalid.of("code", _("编码只能含字母、数字、点、横线和下划线，最多 39 位。"))
    if session.scalar(sa.select(Team.id).where(Team.code == code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=code))
    if is_default:
        holding.alone(session, [unit.id])
    team = Team(
        code=code, name=name, unit_id=unit.id, head_id=head.id if head else None, is_default=is_default, active=True
    )
    session.add(team)
    session.flush()
    if is_default:
        _only_default(session, team)
    return team


def change_team(session: Session, team: Team, *, name: str, head: Person | None, is_default: bool) -> None:
    """Rename a team, name its head (who joins it), and make it the one that takes what its unit gets, or not."""
    if is_default:
        holding.alone(session, [team.unit_id])
    team.name = name
    if head is not None:
        join_team(session, team, head)
    team.head_id = head.id if head else None
    session.flush()
    team.is_default = is_default
    if is_default:
        _only_default(session, team)


def _only_default(session: Session, team: Team) -> None:
    """A unit has one default team. The caller holds the unit alone: two at once would leave two."""
    others = sa.select(Team).where(Team.unit_id == team.unit_id, Team.id != team.id, Team.is_default)
    for other in session.scalars(others, execution_options={"populate_existing": True}):
        other.is_default = False


def join_team(session: Session, team: Team, person: Person) -> None:
    """Put a person into a team; nothing happens when they are in it."""
    if session.get(TeamMember, (team.id, person.id)) is None:
        session.add(TeamMember(team_id=team.id, person_id=person.id))
        person.access_version += 1


def leave_team(session: Session, team: Team, person: Person) -> None:
    """Take a person out of a team. Raises Conflict for its head."""
    if team.head_id == person.id:
        raise Conflict(_("组长不能直接移出班组，请先更换组长。"))
    if (row := session.get(TeamMember, (team.id, person.id))) is not None:
        session.delete(row)
        person.access_version += 1
