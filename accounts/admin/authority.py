"""Where an administrator may act, and on whom: asked by pages and API alike."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin import places
from accounts.current import viewer
from accounts.models import Grant, Person, Team, Unit, UnitLevel
from accounts.scope import Viewer, covers
from accounts.validity import lasting
from core import clock
from core.errors import Forbidden, NotFound
from core.i18n import gettext as _
from web.db import db


def reaches(session: Session, who: Viewer, permission: str, unit: Unit) -> bool:
    """Whether `permission` is held at this unit; vendors stand beside the tree and are a province's."""
    if covers(session, who, permission, unit_id=unit.id):
        return True
    return unit.level is UnitLevel.VENDOR and who.at_province(permission)


def require(permission: str, unit: Unit) -> None:
    """Raise Forbidden unless the viewer holds `permission` at this unit."""
    if not reaches(db.session(), viewer(), permission, unit):
        raise Forbidden(_("您不能在这个机构下做此操作。"))


def require_top(permission: str) -> None:
    """Raise Forbidden unless the viewer holds `permission` at a province: for units that have none above them."""
    if not viewer().at_province(permission):
        raise Forbidden(_("只有省局可以添加省级机构和供应商。"))


def require_everywhere(permission: str) -> None:
    """Raise NotFound unless the viewer holds `permission` at a province: for what concerns people of every unit."""
    if not viewer().at_province(permission):
        raise NotFound(_("没有这个页面，或您无权查看。"))


def require_at(permission: str, grant: Grant) -> None:
    """Raise Forbidden unless the viewer holds `permission` at the place of this grant."""
    if not _reaches_place(db.session(), viewer(), permission, grant):
        raise Forbidden(_("这项授权在您的管辖范围之外。"))


def require_over(permission: str, person: Person) -> None:
    """Raise Forbidden unless the viewer holds `permission` at the person's unit and wherever the person has rights.

    Who may reset a password or change an address could become that person: so never of somebody with rights above.
    """
    require(permission, person.unit)
    session, who = db.session(), viewer()
    for held in session.scalars(sa.select(Grant).where(Grant.person_id == person.id, lasting(clock.now()))):
        if not _reaches_place(session, who, permission, held):
            raise Forbidden(_("此人在您的管辖范围之外另有权限，请由上级管理员操作。"))


def _reaches_place(session: Session, who: Viewer, permission: str, grant: Grant) -> bool:
    unit_id = grant.unit_id
    if grant.team_id is not None:
        unit_id = session.get_one(Team, grant.team_id).unit_id
    elif grant.service_id is not None:
        found = places.services(session, [grant.service_id]).get(grant.service_id)
        unit_id = found.unit_id if found else None
    unit = session.get(Unit, unit_id) if unit_id is not None else None
    return unit is not None and reaches(session, who, permission, unit)
