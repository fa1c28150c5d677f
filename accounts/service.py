"""Verbs on units, people, teams and grants. None commits; all refuse what would widen a right by accident (R-03)."""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Team, TeamMember, Unit, UnitClosure, UnitLevel
from accounts.signin import service as signin
from accounts.validity import ends, in_force, lasting, standing
from core.errors import Conflict, Invalid, NotFound
from core.i18n import gettext as _

_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._-]{1,62}$")
_CODE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$")
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
) -> Unit:
    """Add a unit below `parent`. Raises Invalid for a bad code or a parent of the wrong level, Conflict for a taken code."""
    if not _CODE.match(code):
        raise Invalid.of("code", _("编码只能含字母、数字、点、横线和下划线，最多 39 位。"))
    if session.scalar(sa.select(Unit.id).where(Unit.code == code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用；编码全局唯一且永不改变。", code=code))
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

    Raises Conflict while grants hang on the unit or below it: moving would change what they reach (R-03).
    """
    below = list(session.scalars(sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id == unit.id)))
    if parent.id in below:
        raise Invalid.of("parent", _("不能把机构移到自己的下级之下。"))
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
    """End a unit's validity after the day `on`; it keeps its history.

    Raises Conflict while grants, active people or living units hang on it (R-03).
    """
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
    unit.valid_until = on
    unit.successor_id = successor.id if successor else None


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
) -> Person:
    """Add a person. Raises Invalid for a bad login or weak password, Conflict for a taken login."""
    if not _LOGIN.match(login):
        raise Invalid.of("login", _("登录名须为 2–63 位小写字母、数字、点、横线或下划线。"))
    if session.scalar(sa.select(Person.id).where(Person.login == login)) is not None:
        raise Conflict(_("登录名“%(login)s”已被使用。", login=login))
    person = Person(
        login=login,
        name=name,
        unit_id=unit.id,
        email=email,
        phone=phone,
        is_service=is_service,
        created_at=now,
        active=True,
    )
    if password is not None:
        person.password_hash = signin.new_password(login, password)
    session.add(person)
    session.flush()
    return person


def create_team(
    session: Session, *, code: str, name: str, unit: Unit, head: Person | None = None, is_default: bool = False
) -> Team:
    """Add a team of a unit. Raises Conflict for a taken code."""
    if not _CODE.match(code):
        raise Invalid.of("code", _("编码只能含字母、数字、点、横线和下划线，最多 39 位。"))
    if session.scalar(sa.select(Team.id).where(Team.code == code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=code))
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
    team.name = name
    if head is not None:
        join_team(session, team, head)
    team.head_id = head.id if head else None
    session.flush()
    team.is_default = is_default
    if is_default:
        _only_default(session, team)


def _only_default(session: Session, team: Team) -> None:
    """A unit has one default team."""
    others = sa.select(Team).where(Team.unit_id == team.unit_id, Team.id != team.id, Team.is_default)
    for other in session.scalars(others):
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

    Raises NotFound for an unknown role; Invalid where the place is missing or the end has passed; Conflict where somebody
    gives it to themselves, where the person would hold two kinds of administrator, or be an administrator and anything
    else (administrators read no matters).
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
    session.execute(
        sa.select(Person.id).where(Person.id == person.id).with_for_update()
    )  # two grants at once are one by one
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
        _refuse_last(session, row, now)
    row.valid_until = now
    session.get_one(Person, row.person_id).access_version += 1
    return row


def create_administrator(
    session: Session, *, login: str, name: str, kind: str, unit_code: str | None, password: str, now: dt.datetime
) -> Person:
    """Make one of the three separate administrators (system, security, audit), at the province.

    An existing login gets this password (its sessions end) and the role, once. Raises Conflict where it holds another.
    """
    if unit_code:
        unit = unit_by_code(session, unit_code)
    else:
        unit = session.scalar(sa.select(Unit).where(Unit.level == UnitLevel.PROVINCE).order_by(Unit.id)) or create_unit(
            session, code="00", name=_("省局"), level=UnitLevel.PROVINCE
        )
    person = session.scalar(sa.select(Person).where(Person.login == login))
    if person is None:
        person = create_person(session, login=login, name=name, unit=unit, now=now, password=password)
    else:
        signin.set_password(session, person, signin.new_password(login, password), now=now)
    if not _holds(session, person, f"{kind}-admin", unit.id, now):
        grant(session, person=person, role_code=f"{kind}-admin", unit=unit, now=now)
    return person


def _holds(session: Session, person: Person, role_code: str, unit_id: int, now: dt.datetime) -> bool:
    """Whether this very grant stands without an end."""
    same = (Grant.person_id == person.id, Grant.role_code == role_code, Grant.unit_id == unit_id)
    return session.scalar(sa.select(Grant.id).where(*same, in_force(now), ~ends()).limit(1)) is not None


def set_active(session: Session, person: Person, *, active: bool, now: dt.datetime) -> None:
    """Disable somebody (their sessions and tokens end) or let them in again.

    Raises Conflict for the last administrator of a kind: one local one always remains (R-03).
    """
    if not active:
        grants = session.scalars(
            sa.select(Grant)
            .join(Role, Role.code == Grant.role_code)
            .where(Grant.person_id == person.id, lasting(now), Role.administrator.is_not(None))
        )
        for held in grants:
            _refuse_last(session, held, now)
        signin.end_sessions(session, person.id, now=now)
    person.active = active
    person.access_version += 1


def _refuse_last(session: Session, held: Grant, now: dt.datetime) -> None:
    """Somebody else must hold this kind without an end. Locks the role: two who leave at once are judged one by one."""
    role = session.get_one(Role, held.role_code, with_for_update=True)
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
    if not others:
        raise Conflict(_("这是最后一名此类管理员，必须至少保留一名。"))
