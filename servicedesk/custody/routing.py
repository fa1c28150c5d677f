"""Which team a matter goes to: at its start, and one line up. Source: policies.md, Tickets; domain.md, three lines."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Team, Unit, UnitLevel
from cmdb import queries as cmdb
from core.errors import Invalid
from core.i18n import gettext as _


def first_team(session: Session, unit_id: int, *, service_id: int | None = None) -> Team:
    """The team that takes a matter of this unit first: its own line's; in the province the service's team.

    A unit without a team passes it to the next above. Raises Invalid when nobody up to the root has one.
    """
    line_unit = accounts.line_unit(session, unit_id)
    if line_unit.level is UnitLevel.PROVINCE and (team := team_of_service(session, service_id, unit_id=line_unit.id)):
        return team
    for unit in accounts.ancestors(session, line_unit.id):
        if team := accounts.default_team(session, unit.id):
            return team
    raise Invalid.of("unit", _("该单位及其上级都没有可受理的班组，请先在“机构与人员”中设置。"))


def team_of_service(session: Session, service_id: int | None, *, unit_id: int | None = None) -> Team | None:
    """The active team that looks after a service, if it belongs to `unit_id` (where one is given)."""
    if service_id is None:
        return None
    team_id = cmdb.team_of_service(session, service_id)
    team = session.get(Team, team_id) if team_id is not None else None
    if team is None or not team.active or (unit_id is not None and team.unit_id != unit_id):
        return None
    return team


def team_of_vendor(session: Session, service_id: int | None) -> Team | None:
    """The team of the vendor that stands behind a service, or None."""
    if service_id is None or (vendor_unit_id := cmdb.vendor_of_service(session, service_id)) is None:
        return None
    return accounts.default_team(session, vendor_unit_id)


def team_one_line_up(session: Session, team: Team, *, service_id: int | None = None) -> Team | None:
    """Where a hand-up goes by itself: county → city → province (team by service) → vendor of the service."""
    if team.unit.level is UnitLevel.PROVINCE:
        return team_of_vendor(session, service_id)
    for unit in accounts.ancestors(session, team.unit_id)[1:]:
        if unit.level is UnitLevel.PROVINCE and (found := team_of_service(session, service_id, unit_id=unit.id)):
            return found
        if found := accounts.default_team(session, unit.id):
            return found
    return None


def team_named(session: Session, code: str, *, service_id: int | None = None) -> Team | None:
    """The team of this code, or the one that takes matters at the unit of this code; None when there is neither."""
    team = session.scalar(sa.select(Team).where(Team.code == code, Team.active))
    if team is not None:
        return team
    unit = session.scalar(sa.select(Unit).where(Unit.code == code))
    if unit is None:
        return None
    return team_of_service(session, service_id, unit_id=unit.id) or accounts.default_team(session, unit.id)
