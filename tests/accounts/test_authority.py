"""What an administrator may not do: read matters, give themselves rights, reach above their own place."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Grant, Person, Unit
from core import clock
from core.errors import Conflict
from tests.fixtures.world import World

PASSWORD = {"password": "Xin-Kou-Ling-9"}


def give(world: World, login: str, role: str, unit: str, **more: Any) -> int:
    with world.write() as session:
        person, place = session.get_one(Person, world.people[login]), session.get_one(Unit, world.units[unit])
        return service.grant(session, person=person, role_code=role, unit=place, now=clock.now(), **more).id


def rights(world: World, login: str) -> set[str]:
    with world.read() as session:
        return set(session.scalars(sa.select(Grant.role_code).where(Grant.person_id == world.people[login])))


@pytest.fixture
def county_admin(world: World) -> str:
    """Security administrator of 蓝田 and nothing above."""
    give(world, "lt-clerk-2", "security-admin", "610122")
    return "lt-clerk-2"


def test_nobody_gives_themselves_a_right(world: World) -> None:
    client = world.client("sec-admin")
    for role in ("engineer", "security-admin"):
        answer = world.submit(client, "/admin/people/sec-admin/grants", {"role": role, "unit": "6101"})
        assert answer.status_code == 422, role
    assert rights(world, "sec-admin") == {"security-admin"}
    assert client.get("/desk/tickets").status_code == 404


@pytest.mark.parametrize(("login", "role"), [("aud-admin", "engineer"), ("lt-engineer", "audit-admin")])
def test_an_administrator_holds_no_other_role_and_nobody_else_becomes_one(world: World, login: str, role: str) -> None:
    with pytest.raises(Conflict):
        give(world, login, role, "61")
    answer = world.submit(world.client("sec-admin"), f"/admin/people/{login}/grants", {"role": role, "unit": "61"})
    assert answer.status_code == 422
    assert role not in rights(world, login)


def test_the_other_kind_is_open_again_once_the_first_was_taken_back(world: World) -> None:
    held = give(world, "lt-clerk", "engineer", "610122")
    admin = world.client("sec-admin")
    assert world.submit(admin, f"/admin/people/lt-clerk/grants/{held}/revoke").status_code == 303
    give(world, "lt-clerk", "audit-admin", "61")


def test_a_grant_above_one_s_place_is_not_taken_back(world: World, county_admin: str) -> None:
    above = give(world, "lt-clerk", "leader", "6101")
    client = world.client(county_admin)
    assert world.submit(client, f"/admin/people/lt-clerk/grants/{above}/revoke").status_code == 403
    own = give(world, "lt-clerk", "engineer", "610122-01")
    assert world.submit(client, f"/admin/people/lt-clerk/grants/{own}/revoke").status_code == 303


def test_somebody_with_rights_above_one_s_place_is_out_of_reach(world: World, county_admin: str) -> None:
    """Their password would open what the administrator may not: a page, a form and the API refuse alike."""
    give(world, "lt-engineer", "leader", "61")
    client, api = world.client(county_admin), world.api(county_admin)
    before = _hash(world, "lt-engineer")
    assert world.submit(client, "/admin/people/lt-engineer/password", PASSWORD).status_code == 403
    assert world.submit(client, "/admin/people/lt-engineer/active").status_code == 403
    assert world.submit(client, "/admin/people/lt-engineer/sessions/end").status_code == 403
    assert api.patch("/people/lt-engineer", {"active": False}).status_code == 403
    assert api.patch("/people/lt-engineer", {"email": "me@example.test"}).status_code == 403
    assert _hash(world, "lt-engineer") == before
    assert world.submit(client, "/admin/people/lt-clerk/password", PASSWORD).status_code == 303
    assert api.patch("/people/lt-clerk", {"phone": "1"}).status_code == 200


def test_a_right_at_a_team_of_a_unit_above_is_above_too(world: World, county_admin: str) -> None:
    from accounts.models import Team

    with world.write() as session:
        service.grant(
            session, person=session.get_one(Person, world.people["lt-clerk"]), role_code="engineer",
            team=session.get_one(Team, world.teams["C-XA"]), now=clock.now(),
        )  # fmt: skip
    assert world.submit(world.client(county_admin), "/admin/people/lt-clerk/password", PASSWORD).status_code == 403


def test_one_s_own_password_is_changed_by_knowing_it(world: World) -> None:
    before = _hash(world, "sec-admin")
    answer = world.submit(world.client("sec-admin"), "/admin/people/sec-admin/password", PASSWORD)
    assert answer.status_code == 409
    assert _hash(world, "sec-admin") == before


def _hash(world: World, login: str) -> str | None:
    with world.read() as session:
        return session.scalar(sa.select(Person.password_hash).where(Person.login == login))
