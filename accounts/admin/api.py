"""/units, /people, /teams and /audit of the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import current_app
from sqlalchemy.orm import Session

from accounts import service
from accounts.admin import queries
from accounts.admin.authority import require, require_over, require_top
from accounts.admin.schemas import (
    AuditOut,
    AuditQuery,
    PersonChange,
    PersonIn,
    PersonOut,
    PersonQuery,
    TeamIn,
    TeamOut,
    UnitChange,
    UnitIn,
    UnitOut,
    UnitQuery,
)
from accounts.current import viewer
from accounts.models import Person, Team, Unit, UnitLevel
from core import clock
from core.errors import Invalid, NotFound
from web.api import Api, Created, ListQuery
from web.db import db
from web.paging import Page

api = Api("accounts", __name__)
# app's wiring sets this: which services a team looks after is known to cmdb, a room above
SERVICES_OF_TEAM = "taxops.services_of_team"
ServicesOfTeam = Callable[[Session, Sequence[int]], dict[int, list[int]]]


def _unit_out(row: Unit, parent: str | None) -> UnitOut:
    return UnitOut(
        code=row.code,
        name=row.name,
        level=row.level,
        parent=parent,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


@api.get("/units", needs="unit.read", query=UnitQuery, answer=UnitOut, listing=True)
def list_units(query: UnitQuery) -> Page[UnitOut]:
    """Units, by code."""
    found = queries.units(
        db.session(),
        viewer(),
        now=clock.now(),
        q=query.q,
        level=query.level,
        parent=query.parent,
        retired=query.retired,
        cursor=query.cursor,
        limit=query.limit,
    )
    return Page([_unit_out(row, parent) for row, parent in found.items], found.next)


@api.post("/units", needs="unit.write", body=UnitIn, answer=UnitOut, many=True)
def create_unit(body: UnitIn) -> Created:
    """Add a unit below a parent."""
    session = db.session()
    parent = _parent(body.parent)
    if parent is not None:
        require("unit.write", parent)
    else:
        require_top("unit.write")
    row = service.create_unit(
        session,
        code=body.code,
        name=body.name,
        level=body.level,
        parent=parent,
        valid_from=body.valid_from,
        valid_until=body.valid_until,
        now=clock.now(),
    )
    return Created(_unit_out(row, body.parent), f"/api/v1/units/{row.code}")


def _parent(code: str | None) -> Unit | None:
    if code is None:
        return None
    try:
        return service.unit_by_code(db.session(), code)
    except NotFound as error:
        raise Invalid.of("parent", error.message) from error


@api.get("/units/<code>", needs="unit.read", answer=UnitOut)
def get_unit(code: str) -> UnitOut:
    """One unit."""
    row = queries.unit(db.session(), viewer(), code)
    return _unit_out(row, row.parent.code if row.parent else None)


@api.patch("/units/<code>", needs="unit.write", body=UnitChange, answer=UnitOut)
def change_unit(code: str, body: UnitChange) -> UnitOut:
    """Rename, move or retire a unit; both are refused while grants hang on it. A vendor's last day is its contract's."""
    row = queries.unit(db.session(), viewer(), code)
    require("unit.write", row)
    if (
        "parent" in body.model_fields_set
        and (parent := _parent(body.parent)) is not None
        and parent.id != row.parent_id
    ):
        require("unit.write", parent)
        service.move_unit(db.session(), row, parent, now=clock.now())
    if body.valid_until is not None and row.level is UnitLevel.VENDOR:
        service.set_contract_end(db.session(), row, body.valid_until)
    elif body.valid_until is not None:
        service.retire_unit(db.session(), row, on=body.valid_until, now=clock.now())
    if body.name is not None:  # last: moving locks units in their order, and a changed name is a lock already
        row.name = body.name
    db.session().flush()
    return _unit_out(row, row.parent.code if row.parent else None)


@api.delete("/units/<code>", needs="unit.write")
def delete_unit(code: str) -> None:
    """Retire a unit from today; it keeps its history."""
    row = queries.unit(db.session(), viewer(), code)
    require("unit.write", row)
    now = clock.now()
    service.retire_unit(db.session(), row, on=clock.local_date(now), now=now)


def _people_out(rows: list[tuple[Person, Unit]]) -> list[PersonOut]:
    ids = [p.id for p, _unit in rows]
    roles, teams = queries.roles_of(db.session(), ids, now=clock.now()), queries.teams_of(db.session(), ids)
    return [
        PersonOut(
            login=p.login,
            name=p.name,
            unit=unit.code,
            email=p.email,
            phone=p.phone,
            roles=roles[p.id],
            teams=teams[p.id],
            active=p.active,
        )
        for p, unit in rows
    ]


@api.get("/people", needs="person.read", query=PersonQuery, answer=PersonOut, listing=True)
def list_people(query: PersonQuery) -> Page[PersonOut]:
    """People, by login."""
    found = queries.people(
        db.session(),
        viewer(),
        now=clock.now(),
        q=query.q,
        unit_code=query.unit,
        role=query.role,
        active=query.active,
        cursor=query.cursor,
        limit=query.limit,
    )
    return Page(_people_out(found.items), found.next)


@api.post("/people", needs="person.write", body=PersonIn, answer=PersonOut, many=True)
def create_person(body: PersonIn) -> Created:
    """Add a person."""
    try:
        unit = service.unit_by_code(db.session(), body.unit)
    except NotFound as error:
        raise Invalid.of("unit", error.message) from error
    require("person.write", unit)
    row = service.create_person(
        db.session(), login=body.login, name=body.name, unit=unit, email=body.email, phone=body.phone, now=clock.now()
    )
    return Created(_people_out([(row, unit)])[0], f"/api/v1/people/{row.login}")


@api.get("/people/<login>", needs="person.read", answer=PersonOut)
def get_person(login: str) -> PersonOut:
    """One person."""
    row = queries.person(db.session(), viewer(), login)
    return _people_out([(row, row.unit)])[0]


@api.patch("/people/<login>", needs="person.write", body=PersonChange, answer=PersonOut)
def change_person(login: str, body: PersonChange) -> PersonOut:
    """Change or disable a person; disabling ends their sessions."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    require_over("person.write", row)
    if body.name is not None:
        row.name = body.name
    for name in ("email", "phone"):
        if name in body.model_fields_set:
            setattr(row, name, getattr(body, name))
    if body.active is not None and body.active != row.active:
        service.set_active(db.session(), row, active=body.active, now=clock.now())
    db.session().flush()
    return _people_out([(row, row.unit)])[0]


def _teams_out(rows: Sequence[tuple[Team, Unit]]) -> list[TeamOut]:
    """Teams with their services and members, in two queries however many they are."""
    of_teams: ServicesOfTeam | None = current_app.extensions.get(SERVICES_OF_TEAM)
    ids = [row.id for row, _unit in rows]
    services = of_teams(db.session(), ids) if of_teams else {}
    members = queries.logins_of_members(db.session(), ids)
    return [
        TeamOut(
            code=row.code,
            name=row.name,
            unit=unit.code,
            services=services.get(row.id, []),
            members=members[row.id],
            head=row.head.login if row.head else None,
        )
        for row, unit in rows
    ]


@api.get("/teams", needs="unit.read", query=ListQuery, answer=TeamOut, listing=True)
def list_teams(query: ListQuery) -> Page[TeamOut]:
    """Teams, by code."""
    found = queries.teams(db.session(), viewer(), q=query.q, cursor=query.cursor, limit=query.limit)
    return Page(_teams_out(found.items), found.next)


@api.post("/teams", needs="unit.write", body=TeamIn, answer=TeamOut, many=True)
def create_team(body: TeamIn) -> Created:
    """Add a team with its members and head."""
    session = db.session()
    try:
        unit = service.unit_by_code(session, body.unit)
    except NotFound as error:
        raise Invalid.of("unit", error.message) from error
    require("unit.write", unit)
    head = service.person_in_use(session, body.head, field="head") if body.head else None
    members = [service.person_in_use(session, login, field=f"members[{n}]") for n, login in enumerate(body.members)]
    row = service.create_team(session, code=body.code, name=body.name, unit=unit, head=head)
    for person in {p.id: p for p in [*members, *([head] if head else [])]}.values():
        service.join_team(session, row, person)
    session.flush()
    return Created(_teams_out([(row, unit)])[0], f"/api/v1/teams/{row.code}")


@api.get("/teams/<code>", needs="unit.read", answer=TeamOut)
def get_team(code: str) -> TeamOut:
    """One team."""
    row = queries.team(db.session(), viewer(), code)
    return _teams_out([(row, row.unit)])[0]


@api.get("/audit", needs="audit.read", query=AuditQuery, answer=AuditOut, listing=True)
def list_audit(query: AuditQuery) -> Page[AuditOut]:
    """Every write, newest first."""
    found = queries.audit(
        db.session(),
        actor=query.actor,
        object_name=query.object or query.q,
        verb=query.verb,
        since=query.since,
        until=query.until,
        cursor=query.cursor,
        limit=query.limit,
    )
    return Page([AuditOut.model_validate(row) for row in found.items], found.next)
