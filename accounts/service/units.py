"""Verbs on units: adding, moving and retiring them."""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Unit, UnitClosure, UnitLevel
from accounts.service import holding
from accounts.validity import lasting, standing, stands
from core.errors import Conflict, Invalid, NotFound
from core.i18n import gettext as _

A_DAY = dt.timedelta(days=1)
CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$")
PARENT_LEVELS = {
    UnitLevel.PROVINCE: (None,),
    UnitLevel.CITY: (UnitLevel.PROVINCE,),
    UnitLevel.COUNTY: (UnitLevel.CITY,),
    UnitLevel.OFFICE: (UnitLevel.COUNTY, UnitLevel.CITY),
    UnitLevel.VENDOR: (None,),
}


def unit_by_code(session: Session, code: str) -> Unit:
    """The unit of this code; raises NotFound."""
    found = session.scalar(sa.select(Unit).where(Unit.code == code))
    if found is None:
        raise NotFound(_("没有编码为“%(code)s”的机构。", code=code))
    return found


def create_unit(
    session: Session,
    *,
    code: str,
    name: str,
    level: UnitLevel,
    parent: Unit | None = None,
    valid_from: dt.date | None = None,
    valid_until: dt.date | None = None,
    short_name: str | None = None,
    now: dt.datetime | None = None,
) -> Unit:
    """Add a unit below `parent`, which stands at `now` (none: that of history, any).

    Raises Invalid for a bad code, a parent of the wrong level or one that was retired, Conflict for a taken code.
    """
    if not CODE.match(code):
        raise Invalid.of("code", _("编码只能含字母、数字、点、横线和下划线，最多 39 位。"))
    if session.scalar(sa.select(Unit.id).where(Unit.code == code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用；编码全局唯一且永不改变。", code=code))
    if parent is not None:
        holding.share(session, parent.id, now=now, field="parent")
    parent_level = parent.level if parent else None
    if parent_level not in PARENT_LEVELS[level]:
        raise Invalid.of("parent", _("这一级机构不能放在所选上级之下。"))
    unit = Unit(
        code=code,
        name=name,
        short_name=short_name,
        level=level,
        parent_id=parent.id if parent else None,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    session.add(unit)
    session.flush()
    session.add(UnitClosure(ancestor_id=unit.id, descendant_id=unit.id, depth=0))
    if parent is not None:
        above = session.execute(
            sa.select(UnitClosure.ancestor_id, UnitClosure.depth).where(UnitClosure.descendant_id == parent.id)
        ).all()
        session.add_all(UnitClosure(ancestor_id=a, descendant_id=unit.id, depth=d + 1) for a, d in above)
    session.flush()
    return unit


def move_unit(session: Session, unit: Unit, parent: Unit, *, now: dt.datetime) -> None:
    """Put `unit` with its subtree below another parent.

    Raises Conflict while grants hang on the unit or below it: moving would change what they reach (R-03). Whoever gives
    one there meanwhile waits, and so do we for them.
    """
    below = holding.subtree_alone(session, unit, parent)
    if parent.id in below:
        raise Invalid.of("parent", _("不能把机构移到自己的下级之下。"))
    if not stands(parent, now):
        raise Invalid.of("parent", _("该机构已撤并，请改用现有机构。"))
    if parent.level not in PARENT_LEVELS[unit.level]:
        raise Invalid.of("parent", _("这一级机构不能放在所选上级之下。"))
    _refuse_while_granted(session, below, now)
    session.execute(
        sa.delete(UnitClosure).where(UnitClosure.descendant_id.in_(below), UnitClosure.ancestor_id.not_in(below))
    )
    above = session.execute(
        sa.select(UnitClosure.ancestor_id, UnitClosure.depth).where(UnitClosure.descendant_id == parent.id)
    ).all()
    inside = session.execute(
        sa.select(UnitClosure.descendant_id, UnitClosure.depth).where(UnitClosure.ancestor_id == unit.id)
    ).all()
    session.add_all(
        UnitClosure(ancestor_id=a, descendant_id=d, depth=up + down + 1) for a, up in above for d, down in inside
    )
    unit.parent_id = parent.id
    _forget_rights_below(session, [*below, parent.id])


def retire_unit(session: Session, unit: Unit, *, on: dt.date, now: dt.datetime, successor: Unit | None = None) -> None:
    """End a unit: on the day `on` it stands no more. It keeps its history, and its people lose what it gave them.

    Raises Conflict while grants, active people or living units hang on it (R-03).
    """
    holding.alone(session, [unit.id])
    living = session.scalar(
        sa.select(sa.func.count()).select_from(Unit).where(Unit.parent_id == unit.id, standing(now))
    )
    if living:
        raise Conflict(_("该机构下还有 %(n)d 个有效的下级机构，请先处理。", n=living))
    people = session.scalar(
        sa.select(sa.func.count()).select_from(Person).where(Person.unit_id == unit.id, Person.active)
    )
    if people:
        raise Conflict(_("该机构还有 %(n)d 名在用人员，请先调离或停用。", n=people))
    _refuse_while_granted(session, [unit.id], now)
    unit.valid_until = on - A_DAY if unit.level is UnitLevel.VENDOR else on  # a contract's last day still counts
    unit.successor_id = successor.id if successor else None
    _forget_rights_below(session, [unit.id])


def set_contract_end(session: Session, vendor: Unit, until: dt.date | None) -> None:
    """Until which day, itself included, a vendor's contract runs. Raises Invalid for a unit of the organisation."""
    if vendor.level is not UnitLevel.VENDOR:
        raise Invalid.of("valid_until", _("只有供应商有合同期；机构请用“停用机构”。"))
    vendor.valid_until = until
    _forget_rights_below(session, [vendor.id])


def hanging_grants(session: Session, unit: Unit, *, now: dt.datetime) -> list[tuple[Person, Role, Unit]]:
    """Who holds what on the unit or below it: while there is any, the unit stays where it is (R-03)."""
    below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id == unit.id)
    rows = session.execute(
        sa.select(Person, Role, Unit)
        .select_from(Grant)
        .join(Person, Person.id == Grant.person_id)
        .join(Role, Role.code == Grant.role_code)
        .join(Unit, Unit.id == Grant.unit_id)
        .where(Grant.unit_id.in_(below), lasting(now))
        .order_by(Unit.code, Role.code, Person.login)
        .limit(50)
    )
    return [(person, role, place) for person, role, place in rows]


def _refuse_while_granted(session: Session, unit_ids: list[int], now: dt.datetime) -> None:
    hanging = session.execute(
        sa.select(Person.login, Role.name)
        .select_from(Grant)
        .join(Person, Person.id == Grant.person_id)
        .join(Role, Role.code == Grant.role_code)
        .where(Grant.unit_id.in_(unit_ids), lasting(now))
        .limit(5)
    ).all()
    if hanging:
        names = "、".join(f"{login}（{role}）" for login, role in hanging)
        raise Conflict(_("还有授权挂在该机构上：%(names)s。请先收回，以免权限随之扩大。", names=names))


def _forget_rights_below(session: Session, unit_ids: list[int]) -> None:
    session.execute(
        sa.update(Person).where(Person.unit_id.in_(unit_ids)).values(access_version=Person.access_version + 1)
    )
