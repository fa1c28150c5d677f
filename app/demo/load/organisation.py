"""Units with their tree, people, teams and grants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Team, TeamMember, Unit, UnitClosure, UnitLevel
from accounts.signin.passwords import hash_password
from app.demo.cast import DemoPerson, cast, password
from app.demo.catalogue import teams
from app.demo.load.bulk import add, add_with_ids, ids_by
from app.demo.people import people
from app.demo.units import Scale, units
from core.db import reading, transaction

DEFAULT_PROVINCE_TEAM = "p-core"  # takes what reaches the province and no service names a team for
MAIL_DOMAIN = "demo.example"


def load(
    engine: sa.Engine,
    *,
    secret: str,
    now: dt.datetime,
    scale: Scale,
    seed: int,
    progress: Callable[[str, int, int], None],
) -> dict[str, int]:
    """Add what is missing of the organisation; returns how many of each kind were added."""
    with transaction(engine) as session:
        added = {"units": _units(session, scale, seed)}
    everybody = list(people(scale, seed))
    progress("people", 0, len(everybody))
    hashes = _hashes(engine, secret)  # slow by design, so not while others wait to write
    with transaction(engine) as session:
        added["people"] = _people(session, everybody, hashes, now, lambda n: progress("people", n, len(everybody)))
    progress("people", len(everybody), len(everybody))
    with transaction(engine) as session:
        added["teams"] = _teams(session, everybody, scale, seed)
        added["grants"] = _grants(session, everybody, now)
    return added


def _units(session: Session, scale: Scale, seed: int) -> int:
    known = ids_by(session, Unit.code, Unit.id)
    missing = [unit for unit in units(scale, seed) if unit.code not in known]
    for level in UnitLevel:  # parents before children
        batch = [unit for unit in missing if unit.level == level]
        rows = [
            {
                "code": unit.code, "name": unit.name, "short_name": unit.name, "level": UnitLevel(unit.level),
                "parent_id": known[unit.parent] if unit.parent else None,
            }
            for unit in batch
        ]  # fmt: skip
        known |= dict(zip((unit.code for unit in batch), add_with_ids(session, Unit, rows), strict=True))
    above = {unit.code: unit.parent for unit in units(scale, seed)}
    closure = []
    for unit in missing:
        at: str | None = unit.code
        depth = 0
        while at is not None:
            closure.append({"ancestor_id": known[at], "descendant_id": known[unit.code], "depth": depth})
            at, depth = above[at], depth + 1
    add(session, UnitClosure, closure)
    return len(missing)


def _hashes(engine: sa.Engine, secret: str) -> dict[str, str]:
    """The password hashes of the people to try who are not there yet."""
    with reading(engine) as session:
        known = set(session.scalars(sa.select(Person.login)))
    return {p.login: hash_password(password(p.login, secret)) for p in cast() if p.login not in known}


def _people(
    session: Session, everybody: list[DemoPerson], hashes: dict[str, str], now: dt.datetime, step: Callable[[int], None]
) -> int:
    known = ids_by(session, Person.login, Person.id)
    places = ids_by(session, Unit.code, Unit.id)
    rows = [
        {
            "login": person.login, "name": person.name, "unit_id": places[person.unit], "created_at": now, "active": True,
            "is_service": person.service_account, "email": f"{person.login}@{MAIL_DOMAIN}" if person.part else None,
            "password_hash": hashes.get(person.login),
        }
        for person in everybody
        if person.login not in known
    ]  # fmt: skip
    add(session, Person, rows, step)
    return len(rows)


def _teams(session: Session, everybody: list[DemoPerson], scale: Scale, seed: int) -> int:
    known = ids_by(session, Team.code, Team.id)
    places = ids_by(session, Unit.code, Unit.id)
    logins = ids_by(session, Person.login, Person.id)
    heads = {team: logins[person.login] for person in everybody for team in person.head_of}
    missing = [team for team in teams(units(scale, seed)) if team.code not in known]
    rows = [
        {
            "code": team.code, "name": team.name, "unit_id": places[team.unit], "head_id": heads.get(team.code), "active": True,
            "is_default": not team.code.startswith("p-") or team.code == DEFAULT_PROVINCE_TEAM,
        }
        for team in missing
    ]  # fmt: skip
    known |= dict(zip((team.code for team in missing), add_with_ids(session, Team, rows), strict=True))
    inside = {tuple(row) for row in session.execute(sa.select(TeamMember.team_id, TeamMember.person_id))}
    wanted = {(known[team], logins[person.login]) for person in everybody for team in person.teams}
    add(session, TeamMember, [{"team_id": team, "person_id": person} for team, person in sorted(wanted - inside)])
    return len(missing)


def _grants(session: Session, everybody: list[DemoPerson], now: dt.datetime) -> int:
    places = ids_by(session, Unit.code, Unit.id)
    groups = ids_by(session, Team.code, Team.id)
    logins = ids_by(session, Person.login, Person.id)
    given = {
        tuple(row) for row in session.execute(sa.select(Grant.person_id, Grant.role_code, Grant.unit_id, Grant.team_id))
    }
    rows = []
    for person in everybody:
        for grant in person.grants:
            unit, team = places.get(grant.unit or ""), groups.get(grant.team or "")
            if (logins[person.login], grant.role, unit, team) not in given:
                rows.append({
                    "person_id": logins[person.login], "role_code": grant.role, "unit_id": unit, "team_id": team,
                    "valid_from": now,
                })  # fmt: skip
    add(session, Grant, rows)
    return len(rows)
