"""Names into objects, for the API and the forms: what is named must exist and be the caller's to use."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, Unit
from accounts.scope import Viewer, covers
from cmdb.models import Item, Lifecycle, Service
from core.errors import Invalid
from core.i18n import gettext as _
from servicedesk.tickets import access
from servicedesk.tickets.models import Ticket

_UNITS = "taxops.units_by_code"
WORK_OR_IMPORT = ("ticket.work", "ticket.import")


def unit(session: Session, viewer: Viewer, code: str | None) -> Unit:
    """Where the trouble is: the caller's own unit, or one they work for. Raises Invalid naming the field."""
    if code is None or code == viewer.unit_code:
        return session.get_one(Unit, viewer.unit_id)
    known: dict[str, Unit | None] = session.info.setdefault(_UNITS, {})  # a list of a thousand names the same few
    if code not in known:
        known[code] = session.scalar(sa.select(Unit).where(Unit.code == code))
    found = known[code]
    if found is None or not any(covers(session, viewer, p, unit_id=found.id) for p in WORK_OR_IMPORT):
        raise Invalid.of("unit", _("没有编码为“%(code)s”的机构，或您不能代它报障。", code=code))
    return found


def reporter(session: Session, viewer: Viewer, login: str | None) -> Person | None:
    """Whose matter it is: the caller's own, or another's where they work for that unit; none for a program."""
    if login is None:
        return None if viewer.is_service else session.get_one(Person, viewer.person_id)
    found = session.scalar(sa.select(Person).where(Person.login == login, Person.active))
    if found is not None and found.id == viewer.person_id:
        return found
    if found is None or not any(covers(session, viewer, p, unit_id=found.unit_id) for p in WORK_OR_IMPORT):
        raise Invalid.of("reporter", _("没有登录名为“%(login)s”的人员，或您不能代其报障。", login=login))
    return found


def team(session: Session, code: str | None, *, field: str = "team") -> Team | None:
    """An active team by code; raises Invalid naming the field."""
    if code is None:
        return None
    found = session.scalar(sa.select(Team).where(Team.code == code, Team.active))
    if found is None:
        raise Invalid.of(field, _("没有编码为“%(code)s”的班组。", code=code))
    return found


def person(session: Session, login: str | None, *, field: str = "holder") -> Person | None:
    """A person by login; raises Invalid naming the field."""
    if login is None:
        return None
    found = session.scalar(sa.select(Person).where(Person.login == login))
    if found is None:
        raise Invalid.of(field, _("没有登录名为“%(login)s”的人员。", login=login))
    return found


def item(session: Session, item_id: int | None, *, field: str = "item") -> int | None:
    """An item that is not retired; raises Invalid naming the field."""
    if item_id is None:
        return None
    found = session.get(Item, item_id)
    if found is None or found.lifecycle is Lifecycle.RETIRED:
        raise Invalid.of(field, _("没有编号为 %(id)s 的配置项。", id=item_id))
    return item_id


def service(session: Session, item_id: int | None) -> int | None:
    """A service that is not retired; raises Invalid naming the field."""
    if item(session, item_id, field="service") is not None and session.get(Service, item_id) is None:
        raise Invalid.of("service", _("编号为 %(id)s 的配置项不是服务。", id=item_id))
    return item_id


def parent(session: Session, viewer: Viewer, number: str | None) -> Ticket | None:
    """A ticket the caller may see; raises Invalid naming the field."""
    if number is None:
        return None
    found = session.scalar(sa.select(Ticket).where(Ticket.number == number, access.visible(viewer)))
    if found is None:
        raise Invalid.of("parent", _("没有编号为“%(number)s”的事项，或您无权查看。", number=number))
    return found
