"""Roles are data: what each may. The three administrators' roles are fixed, so that nobody can give themselves more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Unit, UnitLevel
from accounts.permissions import ADMINISTRATIVE, EVERYBODYS, PERMISSIONS
from accounts.validity import lasting
from core.errors import Conflict, Invalid
from core.i18n import gettext as _

REPORTER = "reporter"
SHOWN = 20


def allowed(role: Role | None) -> list[str]:
    """The permissions a role may contain; None: a new one. Nothing for an administrator's, which is fixed."""
    if role is not None and role.administrator:
        return []
    if role is not None and role.code == REPORTER:
        return list(EVERYBODYS)
    return [p for p in PERMISSIONS if p not in ADMINISTRATIVE]


def check(role: Role | None, permissions: Sequence[str]) -> list[str]:
    """The permissions in their usual order. Raises Conflict for an administrator's role, Invalid for what may not be in."""
    if role is not None and role.administrator:
        raise Conflict(_("管理员角色的权限是固定的，不能修改。"))
    may = allowed(role)
    if wrong := [p for p in permissions if p not in may]:
        names = "、".join(str(PERMISSIONS.get(p, p)) for p in wrong)
        raise Invalid.of("permissions", _("这个角色不能包含：%(names)s。", names=names))
    if not permissions:
        raise Invalid.of("permissions", _("请至少选择一项权限。"))
    return [p for p in may if p in permissions]


def create(session: Session, *, code: str, name: str, permissions: Sequence[str]) -> Role:
    """Add a role; nobody holds it yet. Raises Conflict for a taken code, and as `check`."""
    if session.get(Role, code) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=code))
    role = Role(code=code, name=name, permissions=check(None, permissions), administrator=None)
    session.add(role)
    session.flush()
    return role


def change(session: Session, role: Role, *, name: str, permissions: Sequence[str], seen: Sequence[str]) -> None:
    """Rename a role and set its permissions, for everybody who holds it, at once.

    Raises Conflict where somebody changed it since the preview, which showed `seen`; and as `check`.
    """
    session.refresh(role, with_for_update=True)  # two previews confirmed at once: the second sees the first
    wanted = check(role, permissions)
    if sorted(role.permissions) != sorted(seen):
        raise Conflict(_("预览之后此角色已被他人修改，请重新查看影响后再保存。"))
    role.name, role.permissions = name, wanted
    concerned = sa.update(Person).values(access_version=Person.access_version + 1)
    if role.code != REPORTER:
        concerned = concerned.where(Person.id.in_(sa.select(Grant.person_id).where(Grant.role_code == role.code)))
    session.execute(concerned, execution_options={"synchronize_session": False})


def ask_at_sign_in(role: Role, *, second_factor: bool, password_days: int | None) -> None:
    """What whoever holds this role is asked for at sign-in, the fixed roles of administrators included."""
    role.second_factor, role.password_days = second_factor, password_days


def holders(session: Session, role: Role, *, now: dt.datetime) -> tuple[int, Sequence[tuple[Person, Unit]]]:
    """How many active people have this role, now or from a later day, and the first of them with their units."""
    condition: sa.ColumnElement[bool] = Person.id.in_(
        sa.select(Grant.person_id).where(Grant.role_code == role.code, lasting(now))
    )
    if role.code == REPORTER:
        condition = sa.and_(~Person.is_service, Unit.level != UnitLevel.VENDOR)
    people = sa.select(Person, Unit).join(Unit, Unit.id == Person.unit_id).where(Person.active, condition)
    count = session.scalar(sa.select(sa.func.count()).select_from(people.subquery())) or 0
    first = session.execute(people.order_by(Unit.code, Person.login).limit(SHOWN)).all()
    return count, [(person, unit) for person, unit in first]
