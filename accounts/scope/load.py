"""Building a viewer from the grants in force, and keeping recent ones in memory.

A viewer is kept under (person, access_version): whatever changes rights raises the version, so a stale one is never
used. It is loaded anew after a minute, or as soon as a grant of this person begins or ends.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Team, TeamMember, Unit, UnitLevel
from accounts.permissions import PERMISSIONS
from accounts.scope.viewer import NOWHERE, Viewer
from accounts.validity import lasting, stands

KEEP = dt.timedelta(seconds=60)
KEEP_MOST = 4000
REPORTER = "reporter"

_cache: dict[tuple[int, int, int], tuple[dt.datetime, dt.datetime, Viewer]] = {}  # kept from, until


_weighers: dict[str, Callable[[Session, Viewer], bool]] = {}


def weigh(sort: str, sees_many: Callable[[Session, Viewer], bool]) -> None:
    """Have `sees_many` asked for each viewer loaded: may they see very many records of this `sort`? (For wiring.)"""
    _weighers[sort] = sees_many


def forget_viewers() -> None:
    """Drop all kept viewers (tests, restored databases)."""
    _cache.clear()


def viewer_for(
    session: Session, person: Person, *, now: dt.datetime, token_scopes: frozenset[str] | None = None
) -> Viewer:
    """The viewer that `person` is at `now`, limited to a token's scopes where one is given."""
    key = (id(session.get_bind().engine), person.id, person.access_version)
    kept = _cache.get(key)
    if kept and kept[0] <= now < kept[1]:
        viewer = kept[2]
    else:
        viewer, until = _load(session, person, now)
        if len(_cache) >= KEEP_MOST:
            _cache.clear()
        _cache[key] = (now, until, viewer)
    return replace(viewer, token_scopes=token_scopes) if token_scopes else viewer


def _load(session: Session, person: Person, now: dt.datetime) -> tuple[Viewer, dt.datetime]:
    """The viewer, and how long it stays true: to the next beginning or end of a grant, at most a minute."""
    unit = session.get_one(Unit, person.unit_id)
    known = session.execute(
        sa.select(Grant, Role, Unit.level)
        .join(Role, Role.code == Grant.role_code)
        .outerjoin(Unit, Unit.id == Grant.unit_id)
        .where(Grant.person_id == person.id, lasting(now))
    ).all()
    grants = [(grant, role, level) for grant, role, level in known if grant.valid_from <= now]
    turns = [at for grant, *_more in known for at in (grant.valid_from, grant.valid_until) if at and at > now]
    units: dict[str, set[int]] = defaultdict(set)
    teams: dict[str, set[int]] = defaultdict(set)
    services: dict[str, set[int]] = defaultdict(set)
    administrator: str | None = None
    for grant, role, _level in grants:
        administrator = administrator or role.administrator
        for permission in role.permissions:
            for places, where in ((units, grant.unit_id), (teams, grant.team_id), (services, grant.service_id)):
                if where is not None:
                    places[permission].add(where)
    viewer = Viewer(
        person_id=person.id,
        login=person.login,
        name=person.name,
        unit_id=unit.id,
        unit_code=unit.code,
        unit_name=unit.name,
        unit_level=unit.level,
        locale=person.locale,
        is_service=person.is_service,
        own=_own(session, person, unit),
        units={p: frozenset(ids) for p, ids in units.items()},
        teams={p: frozenset(ids) for p, ids in teams.items()},
        services={p: frozenset(ids) for p, ids in services.items()},
        provinces=frozenset(g.unit_id for g, _role, level in grants if g.unit_id and level is UnitLevel.PROVINCE),
        roles=frozenset(grant.role_code for grant, *_more in grants),
        member_of=frozenset(
            session.scalars(
                sa.select(TeamMember.team_id).join(Team).where(TeamMember.person_id == person.id, Team.active)
            )
        ),
        vendor_unit_id=_vendor_unit(unit, now),
        administrator=administrator,
    )
    many = frozenset(sort for sort, sees_many in _weighers.items() if sees_many(session, viewer))
    return replace(viewer, sees_many=many), min([now + KEEP, *turns])


def _vendor_unit(unit: Unit, now: dt.datetime) -> int | None:
    """The vendor this person works for, while its contract lasts."""
    if unit.level is not UnitLevel.VENDOR:
        return None
    return unit.id if stands(unit, now) else None


def _own(session: Session, person: Person, unit: Unit) -> frozenset[str]:
    """Everybody reports and follows their own matters, except vendors and service accounts."""
    if person.is_service or unit.level is UnitLevel.VENDOR:
        return frozenset()
    role = session.get(Role, REPORTER)
    return frozenset(role.permissions) if role else frozenset()


def system_viewer(unit: Unit) -> Viewer:
    """A viewer for background duties: every permission from `unit` downwards. Never given to a request."""
    return Viewer(
        person_id=0,
        login="system",
        name="system",
        unit_id=unit.id,
        unit_code=unit.code,
        unit_name=unit.name,
        unit_level=unit.level,
        is_service=True,
        units={p: frozenset({unit.id}) for p in PERMISSIONS},
        provinces=frozenset({unit.id}) if unit.level is UnitLevel.PROVINCE else NOWHERE,
    )
