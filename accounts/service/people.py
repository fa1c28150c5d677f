"""Verbs on people: adding them, letting them in or not, and making administrators."""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Unit, UnitLevel
from accounts.service import holding
from accounts.service.rights import grant, refuse_last
from accounts.service.units import create_unit, unit_by_code
from accounts.signin import passwords
from accounts.signin import service as signin
from accounts.signin.models import FormerPassword
from accounts.signin.password_rules import Whose
from accounts.validity import ends, in_force, lasting
from core.errors import Conflict, Invalid
from core.i18n import gettext as _

_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")


def create_person(
    session: Session,
    *,
    login: str,
    name: str,
    unit: Unit,
    now: dt.datetime,
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
    is_service: bool = False,
    directory: bool = False,
) -> Person:
    """Add a person; of the `directory`: without a password.

    Raises Invalid for a bad login, a weak password or a unit that was retired, Conflict for a taken login.
    """
    if not _LOGIN.match(login):
        raise Invalid.of("login", _("登录名须为 2–63 位小写字母、数字、点、横线或下划线。"))
    if session.scalar(sa.select(Person.id).where(Person.login == login)) is not None:
        raise Conflict(_("登录名“%(login)s”已被使用。", login=login))
    holding.share(session, unit.id, now=now)
    person = Person(
        login=login,
        name=name,
        unit_id=unit.id,
        email=email,
        phone=phone,
        is_service=is_service,
        directory=directory,
        created_at=now,
        active=True,
    )
    if password is not None:
        person.password_hash = passwords.accept(passwords.Former(Whose(login, name)), password)
        person.password_set_at = now
    session.add(person)
    session.flush()
    return person


def set_active(session: Session, person: Person, *, active: bool, now: dt.datetime) -> None:
    """Disable somebody (their sessions and tokens end) or let them in again.

    Raises Conflict for the last administrator of a kind: one local one always remains (R-03).
    """
    if not active:
        _refuse_last_of_any_kind(session, person, now)
        signin.end_sessions(session, person.id, now=now)
    person.active, person.directory_left_at = active, None
    person.access_version += 1


def _refuse_last_of_any_kind(session: Session, person: Person, now: dt.datetime) -> None:
    grants = session.scalars(
        sa.select(Grant)
        .join(Role, Role.code == Grant.role_code)
        .where(Grant.person_id == person.id, lasting(now), Role.administrator.is_not(None))
    )
    for held in grants:
        refuse_last(session, held, now)


def set_directory(session: Session, person: Person, *, directory: bool, now: dt.datetime) -> None:
    """Give somebody's password to the directory (the one here is gone) or take them back (they get one here later).

    Their sessions end. Raises Conflict for the last administrator of a kind, who stays local (R-03), and for programs.
    """
    if person.directory is directory:
        return
    if person.is_service:
        raise Conflict(_("接口账号不由目录服务登录。"))
    if directory:
        _refuse_last_of_any_kind(session, person, now)
        session.execute(sa.delete(FormerPassword).where(FormerPassword.person_id == person.id))
        person.password_hash, person.password_due = None, False
    signin.end_sessions(session, person.id, now=now)
    person.directory = directory
    person.access_version += 1


def create_administrator(
    session: Session, *, login: str, name: str, kind: str, unit_code: str | None, password: str, now: dt.datetime
) -> Person:
    """Make one of the three separate administrators (system, security, audit), at the province.

    An existing login gets this password (its sessions end) and the role, once. Raises Conflict where it holds another, or
    where it is of the directory: administrators made here must get in while the directory is away.
    """
    if unit_code:
        unit = unit_by_code(session, unit_code)
    else:
        unit = session.scalar(sa.select(Unit).where(Unit.level == UnitLevel.PROVINCE).order_by(Unit.id)) or create_unit(
            session, code="00", name=_("省局"), level=UnitLevel.PROVINCE
        )
    holding.share(session, unit.id, now=now)  # before the person: units are locked first
    person = session.scalar(sa.select(Person).where(Person.login == login))
    if person is None:
        person = create_person(session, login=login, name=name, unit=unit, now=now, password=password)
    elif passwords.verify(person.password_hash, password):  # the command again: nothing new, and nobody stays signed in
        signin.end_sessions(session, person.id, now=now)
    else:
        signin.set_password(session, person, passwords.accept(passwords.former(session, person), password), now=now)
    if not _holds(session, person, f"{kind}-admin", unit.id, now):
        grant(session, person=person, role_code=f"{kind}-admin", unit=unit, now=now)
    return person


def _holds(session: Session, person: Person, role_code: str, unit_id: int, now: dt.datetime) -> bool:
    """Whether this very grant stands without an end."""
    same = (Grant.person_id == person.id, Grant.role_code == role_code, Grant.unit_id == unit_id)
    return session.scalar(sa.select(Grant.id).where(*same, in_force(now), ~ends()).limit(1)) is not None


def person_in_use(session: Session, login: str, *, field: str) -> Person:
    """The active person of this login; raises Invalid naming the field that asked."""
    found = session.scalar(sa.select(Person).where(Person.login == login, Person.active))
    if found is None:
        raise Invalid.of(field, _("没有登录名为“%(login)s”的在用人员。", login=login))
    return found
