"""Reads for administration, limited to the units the viewer was granted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from accounts.factor import queries as factors
from accounts.models import ApiToken, AuditRow, Grant, Person, Role, Team, TeamMember, Unit, UnitLevel
from accounts.scope import Viewer, in_scope
from accounts.signin import sessions
from accounts.validity import in_force, lasting, standing
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from core.outbox import OutboxRow
from web.paging import Key, Page, page

MOST_EXPORTED = 50_000


def units(
    session: Session,
    viewer: Viewer,
    *,
    now: dt.datetime,
    q: str | None = None,
    level: UnitLevel | None = None,
    parent: str | None = None,
    retired: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Any]:
    """(Unit, parent's code) by code."""
    above = aliased(Unit)
    statement = (
        sa.select(Unit, above.code)
        .outerjoin(above, above.id == Unit.parent_id)
        .options(contains_eager(Unit.parent.of_type(above)))
        .where(_listed(viewer), *_matching(q, Unit.code, Unit.name))
    )
    if level is not None:
        statement = statement.where(Unit.level == level)
    if parent is not None:
        statement = statement.where(above.code == parent)
    if not retired:
        statement = statement.where(standing(now))
    return page(session, statement, [Key(Unit.code)], cursor=cursor, limit=limit, scalars=False)


def unit_scope(viewer: Viewer, permission: str = "unit.read") -> sa.ColumnElement[bool]:
    """Units below a grant; vendors stand beside the tree and are seen by whoever administers a province."""
    below = in_scope(viewer, permission, unit=Unit.id)
    if viewer.at_province(permission):
        return sa.or_(below, Unit.level == UnitLevel.VENDOR)
    return below


def _listed(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Units whose existence is known: whoever may add one at the top sees those at the top, not what hangs on them."""
    if viewer.can("unit.read") and viewer.at_province("unit.write"):
        return sa.or_(unit_scope(viewer), Unit.parent_id.is_(None))
    return unit_scope(viewer)


def _matching(q: str | None, *columns: Any) -> list[sa.ColumnElement[bool]]:
    if not q:
        return []
    return [sa.or_(*(c.contains(q, autoescape=True) for c in columns))]


def unit(session: Session, viewer: Viewer, code: str) -> Unit:
    """One unit; raises NotFound outside the viewer's scope."""
    found = session.scalar(sa.select(Unit).where(Unit.code == code, _listed(viewer)))
    if found is None:
        raise NotFound(_("没有编码为“%(code)s”的机构，或您无权查看。", code=code))
    return found


def unit_overview(session: Session, viewer: Viewer, row: Unit, *, now: dt.datetime) -> dict[str, Any]:
    """What hangs on a unit: children, teams, number of people, grants; nothing where the viewer has no right."""
    seen = unit_scope(viewer)
    return {
        "parent": session.get(Unit, row.parent_id) if row.parent_id else None,
        "children": session.scalars(
            sa.select(Unit).where(Unit.parent_id == row.id, seen).order_by(Unit.code).limit(200)
        ).all(),
        "teams": session.scalars(
            sa.select(Team).join(Team.unit).where(Unit.id == row.id, seen, Team.active).order_by(Team.code)
        ).all(),
        "people": session.scalar(
            sa.select(sa.func.count())
            .select_from(Person)
            .join(Person.unit)
            .where(Unit.id == row.id, seen, Person.active)
        ),
        "grants": session.execute(
            sa.select(Grant, Role, Person)
            .join(Role, Role.code == Grant.role_code)
            .join(Person, Person.id == Grant.person_id)
            .join(Unit, Unit.id == Grant.unit_id)
            .where(Unit.id == row.id, seen, lasting(now))
            .order_by(Role.code, Person.login)
            .limit(100)
        ).all(),
    }


def person_scope(viewer: Viewer, permission: str = "person.read") -> sa.ColumnElement[bool]:
    """People of units below a grant, and of the vendors for whoever administers a province."""
    below = in_scope(viewer, permission, unit=Person.unit_id)
    if viewer.at_province(permission):
        vendors = sa.select(Unit.id).where(Unit.level == UnitLevel.VENDOR)
        return sa.or_(below, Person.unit_id.in_(vendors))
    return below


def people(
    session: Session,
    viewer: Viewer,
    *,
    now: dt.datetime,
    q: str | None = None,
    unit_code: str | None = None,
    role: str | None = None,
    active: bool | None = True,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Any]:
    """(Person, Unit) by login."""
    statement = (
        sa.select(Person, Unit)
        .join(Unit, Unit.id == Person.unit_id)
        .where(person_scope(viewer), *_matching(q, Person.login, Person.name))
    )
    if unit_code:
        statement = statement.where(Unit.code == unit_code)
    if active is not None:
        statement = statement.where(Person.active == active)
    if role:
        held = sa.select(Grant.person_id).where(Grant.role_code == role, in_force(now))
        statement = statement.where(Person.id.in_(held))
    return page(session, statement, [Key(Person.login)], cursor=cursor, limit=limit, scalars=False)


def person(session: Session, viewer: Viewer, login: str, *, lock: bool = False) -> Person:
    """One person; raises NotFound outside the viewer's scope."""
    statement = sa.select(Person).where(Person.login == login, person_scope(viewer))
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(_("没有登录名为“%(login)s”的人员，或您无权查看。", login=login))
    return found


def person_scope_covers(session: Session, viewer: Viewer, row: Person) -> bool:
    """Whether the viewer administers this person."""
    condition = sa.and_(Person.id == row.id, person_scope(viewer))
    return session.scalar(sa.select(Person.id).where(condition)) is not None


def person_overview(session: Session, row: Person, *, now: dt.datetime) -> dict[str, Any]:
    """A person's unit, grants, teams and open sessions."""
    return {
        "unit": session.get_one(Unit, row.unit_id),
        "grants": session.execute(
            sa.select(Grant, Role, Unit, Team)
            .join(Role, Role.code == Grant.role_code)
            .outerjoin(Unit, Unit.id == Grant.unit_id)
            .outerjoin(Team, Team.id == Grant.team_id)
            .where(Grant.person_id == row.id, lasting(now))
        ).all(),
        "teams": session.scalars(
            sa.select(Team).join(TeamMember).where(TeamMember.person_id == row.id, Team.active)
        ).all(),
        "sessions": sessions.living(session, row.id, now=now),
        "has_factor": factors.confirmed(session, row.id) is not None,
        "factor_required": factors.required(session, row, now=now),
    }


def tokens(
    session: Session, viewer: Viewer, *, q: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Any]:
    """(ApiToken, Person, Unit) of tokens not revoked, newest first; also those that expired, until they are revoked."""
    statement = (
        sa.select(ApiToken, Person, Unit)
        .join(Person, Person.id == ApiToken.person_id)
        .join(Unit, Unit.id == Person.unit_id)
        .where(
            ApiToken.revoked_at.is_(None),
            person_scope(viewer, "token.write"),
            *_matching(q, Person.login, Person.name, ApiToken.name, ApiToken.prefix),
        )
    )
    return page(session, statement, [Key(ApiToken.id, descending=True)], cursor=cursor, limit=limit, scalars=False)


def token(session: Session, viewer: Viewer, token_id: int) -> tuple[ApiToken, Person]:
    """One token and whom it speaks for; raises NotFound outside the viewer's scope."""
    found = session.execute(
        sa.select(ApiToken, Person)
        .join(Person, Person.id == ApiToken.person_id)
        .where(ApiToken.id == token_id, person_scope(viewer, "token.write"))
    ).one_or_none()
    if found is None:
        raise NotFound(_("没有这个令牌。"))
    return found[0], found[1]


def roles_of(session: Session, person_ids: Sequence[int], *, now: dt.datetime) -> dict[int, list[str]]:
    """Person id → role codes in force."""
    found: dict[int, list[str]] = {i: [] for i in person_ids}
    rows = session.execute(
        sa.select(Grant.person_id, Grant.role_code)
        .where(Grant.person_id.in_(person_ids), in_force(now))
        .distinct()
        .order_by(Grant.role_code)
    )
    for person_id, code in rows:
        found[person_id].append(code)
    return found


def teams_of(session: Session, person_ids: Sequence[int]) -> dict[int, list[str]]:
    """Person id → codes of the teams they are in."""
    found: dict[int, list[str]] = {i: [] for i in person_ids}
    rows = session.execute(
        sa.select(TeamMember.person_id, Team.code)
        .join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.person_id.in_(person_ids), Team.active)
        .order_by(Team.code)
    )
    for person_id, code in rows:
        found[person_id].append(code)
    return found


def logins_of_members(session: Session, team_ids: Sequence[int]) -> dict[int, list[str]]:
    """Team id → logins of its active members, by name."""
    found: dict[int, list[str]] = {i: [] for i in team_ids}
    rows = session.execute(
        sa.select(TeamMember.team_id, Person.login)
        .join(Person, Person.id == TeamMember.person_id)
        .where(TeamMember.team_id.in_(team_ids), Person.active)
        .order_by(Person.name, Person.id)
    )
    for team_id, login in rows:
        found[team_id].append(login)
    return found


def teams(
    session: Session, viewer: Viewer, *, q: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[Any]:
    """(Team, Unit) by code."""
    statement = (
        sa.select(Team, Unit)
        .join(Unit, Unit.id == Team.unit_id)
        .where(unit_scope(viewer), Team.active, *_matching(q, Team.code, Team.name))
        .options(joinedload(Team.head))
    )
    return page(session, statement, [Key(Team.code)], cursor=cursor, limit=limit, scalars=False)


def team(session: Session, viewer: Viewer, code: str) -> Team:
    """One team; raises NotFound outside the viewer's scope."""
    found = session.scalar(
        sa.select(Team).join(Unit, Unit.id == Team.unit_id).where(Team.code == code, unit_scope(viewer))
    )
    if found is None:
        raise NotFound(_("没有编码为“%(code)s”的班组，或您无权查看。", code=code))
    return found


def audit(
    session: Session,
    *,
    actor: str | None = None,
    object_name: str | None = None,
    verb: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AuditRow]:
    """The audit trail, newest first."""
    statement = _trail(actor, object_name, verb, since, until)
    return page(session, statement, [Key(AuditRow.id, descending=True)], cursor=cursor, limit=limit)


def audit_export(
    session: Session,
    *,
    actor: str | None = None,
    object_name: str | None = None,
    verb: str | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> Sequence[AuditRow]:
    """The same for a file, newest first. Raises Invalid where it would be more than MOST_EXPORTED rows."""
    trail = _trail(actor, object_name, verb, since, until)
    found = session.scalars(trail.order_by(AuditRow.id.desc()).limit(MOST_EXPORTED + 1)).all()
    if len(found) > MOST_EXPORTED:
        raise Invalid.of("day", _("符合条件的超过 %(n)d 行，请按日期、操作人或对象缩小范围。", n=MOST_EXPORTED))
    return found


def _trail(
    actor: str | None, object_name: str | None, verb: str | None, since: dt.datetime | None, until: dt.datetime | None
) -> sa.Select[AuditRow]:
    statement = sa.select(AuditRow)
    if actor:
        statement = statement.where(AuditRow.actor == actor)
    if object_name:
        statement = statement.where(AuditRow.object.startswith(object_name, autoescape=True))
    if verb:
        statement = statement.where(AuditRow.verb == verb)
    if since:
        statement = statement.where(AuditRow.at >= since)
    if until:
        statement = statement.where(AuditRow.at < until)
    return statement


def failed_rows(session: Session) -> tuple[Sequence[OutboxRow], Sequence[OutboxRow], int]:
    """(dead rows, rows that failed and will be tried again, how many wait) of the outbox."""
    dead = session.scalars(
        sa.select(OutboxRow).where(OutboxRow.dead_at.is_not(None)).order_by(OutboxRow.dead_at.desc()).limit(100)
    ).all()
    waiting = sa.and_(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
    trying = session.scalars(
        sa.select(OutboxRow).where(waiting, OutboxRow.attempts > 0).order_by(OutboxRow.next_try_at).limit(100)
    ).all()
    return dead, trying, session.scalar(sa.select(sa.func.count()).select_from(OutboxRow).where(waiting)) or 0
