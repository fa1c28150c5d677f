"""What an administrator may not do: read matters, give themselves rights, reach above their own place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Grant, Person, Role, SignInFailure, Team, Unit
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
    assert world.submit(client, "/admin/people/lt-engineer/active", {"active": "false"}).status_code == 403
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


def test_roles_are_everybody_s_so_a_county_edits_none(world: World, county_admin: str) -> None:
    """`engineer` is held in the whole province: the preview would name its people, the change would reach them."""
    county, province = world.client(county_admin), world.client("sec-admin")
    with world.read() as session:
        before = list(session.get_one(Role, "engineer").permissions)
    change = {"name": "工程师", "permissions": ["alert.read"], "seen": before}
    made = {"code": "mine", "name": "我的", "permissions": ["alert.read"]}
    for client, seen, done in ((county, 404, 404), (province, 200, 303)):
        assert client.get("/admin/roles/engineer/edit").status_code == seen
        assert client.get("/admin/roles/new").status_code == seen
        assert world.submit(client, "/admin/roles/engineer/edit", change).status_code == seen
        assert world.submit(client, "/admin/roles/engineer/edit", {**change, "confirmed": "true"}).status_code == done
        assert world.submit(client, "/admin/roles/new", made).status_code == done
        with world.read() as session:
            assert (session.get_one(Role, "engineer").permissions == before) is (client is county)
    for client, may in ((county, False), (province, True)):
        page = client.get("/admin/roles").get_data(as_text=True)
        assert "运维" in page, "who gives roles reads what they are"
        assert ("/admin/roles/new" in page) is may
        assert ("/admin/roles/leader/edit" in page) is may


def test_T_05_a_county_s_home_counts_what_is_the_county_s(world: World, county_admin: str) -> None:
    """Counts, too, are of what one may see."""
    soon = clock.now() + dt.timedelta(days=3)
    give(world, "mx-clerk", "engineer", "610326", until=soon)
    give(world, "lt-clerk", "engineer", "610122", until=soon)
    for login in ("mx-engineer", "bj-engineer", "lt-engineer"):
        world.api(login)
    with world.write() as session:
        session.execute(sa.update(Person).where(Person.login.in_(["bj-head", "lt-engineer"])).values(active=False))
        session.execute(sa.update(Team).where(Team.code.in_(["X-LT", "X-MX"])).values(active=False))
        session.execute(sa.update(Person).where(Person.login == "aud-admin").values(password_hash=None))
        session.add_all(
            SignInFailure(login=login, failures=5, last_at=clock.now(), locked_until=soon)
            for login in ("bj-head", "lt-clerk", "0" * 64)
        )
    county, province = (
        world.client(each).get("/admin/settings").get_data(as_text=True) for each in (county_admin, "sec-admin")
    )
    words = {
        "项授权将在 14 天内到期": (1, 2), "项授权仍挂在已停用": (1, 2), "个令牌永不过期": (1, 3),
        "个登录名因连续输错": (1, 3), "个市、县局没有班组": (1, 2),
    }  # fmt: skip
    for text, (here, everywhere) in words.items():
        assert f"{here} {text}" in county, text
        assert f"{everywhere} {text}" in province, text
    assert "没有审计管理员" in province
    assert "没有审计管理员" not in county, "whether there is one is the province's affair"
