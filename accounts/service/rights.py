"""Verbs on rights: giving and taking them back."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Team, Unit
from accounts.service import holding
from accounts.validity import ends, in_force, lasting
from core.errors import Conflict, Invalid, NotFound
from core.i18n import gettext as _


def grant(
    session: Session,
    *,
    person: Person,
    role_code: str,
    now: dt.datetime,
    unit: Unit | None = None,
    team: Team | None = None,
    service_id: int | None = None,
    until: dt.datetime | None = None,
    by: int | None = None,
) -> Grant:
    """Give a role somewhere, from now `until` an instant or without an end; `by` is who gives it.

    Raises NotFound for an unknown role; Invalid where the place is missing or was retired, or the end has passed; Conflict
    where somebody gives it to themselves, where the person would hold two kinds of administrator, or be an administrator
    and anything else (administrators read no matters).
    """
    role = session.get(Role, role_code)
    if role is None:
        raise NotFound(_("没有名为“%(role)s”的角色。", role=role_code))
    if (unit is not None) + (team is not None) + (service_id is not None) != 1:
        raise Invalid.of("unit", _("授权须恰好指定一处：机构、班组或服务。"))
    if until is not None and until <= now:
        raise Invalid.of("until", _("到期时间已经过去。"))
    if by is not None and by == person.id:
        raise Conflict(_("不能给自己授权，请由另一名安全管理员操作。"))
    place = unit.id if unit else team.unit_id if team else None
    if place is not None:
        holding.share(session, place, now=now)
    one_by_one = sa.select(Person).where(Person.id == person.id).with_for_update()
    session.scalars(one_by_one, execution_options={"populate_existing": True}).one()  # two grants at once
    _refuse_mixture(session, person, role, now)
    made = Grant(
        person_id=person.id,
        role_code=role_code,
        unit_id=unit.id if unit else None,
        team_id=team.id if team else None,
        service_id=service_id,
        valid_from=now,
        valid_until=until,
        granted_by=by,
    )
    session.add(made)
    person.access_version += 1
    session.flush()
    return made


def _refuse_mixture(session: Session, person: Person, role: Role, now: dt.datetime) -> None:
    """An administrator of a kind holds that kind and nothing else."""
    kind = Role.administrator
    other = kind.is_distinct_from(role.administrator) if role.administrator else kind.is_not(None)
    held = session.scalar(
        sa.select(Role)
        .join(Grant, Grant.role_code == Role.code)
        .where(Grant.person_id == person.id, lasting(now), other)
        .limit(1)
    )
    if held is None:
        return
    if role.administrator and held.administrator:
        raise Conflict(_("系统、安全、审计三类管理员必须由不同的人担任，此人已是另一类管理员。"))
    raise Conflict(
        _(
            "管理员不能兼任其他角色，也不能看到事项；此人已是“%(role)s”，请先收回，或为其另建管理员账号。",
            role=held.name,
        )
    )


def revoke(session: Session, grant_id: int, *, now: dt.datetime) -> Grant:
    """End a grant now. Raises NotFound; raises Conflict for the last administrator of a kind (one local one remains)."""
    row = session.get(Grant, grant_id)
    if row is None or (row.valid_until is not None and row.valid_until <= now):
        raise NotFound(_("没有这项授权，或已收回。"))
    if session.get_one(Role, row.role_code).administrator:
        refuse_last(session, row, now)
    row.valid_until = now
    session.get_one(Person, row.person_id).access_version += 1
    return row


def refuse_last(session: Session, held: Grant, now: dt.datetime) -> None:
    """Somebody else must hold this kind without an end. Locks the role: two who leave at once are judged one by one."""
    session.get_one(Role, held.role_code, with_for_update=True)
    if is_last(session, held, now):
        raise Conflict(_("这是最后一名此类管理员，必须至少保留一名。"))


def is_last(session: Session, held: Grant, now: dt.datetime) -> bool:
    """Whether nobody else with a password here holds this kind of administrator without an end."""
    role = session.get_one(Role, held.role_code)
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(Grant)
        .join(Role, Role.code == Grant.role_code)
        .join(Person, Person.id == Grant.person_id)
        .where(
            Role.administrator == role.administrator,
            Grant.person_id != held.person_id,
            Person.active,
            Person.password_hash.is_not(None),
            in_force(now),
            ~ends(),
        )
    )
    return not others
