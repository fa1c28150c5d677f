"""What administrators set up on pages: roles, teams, units, rights for a time or at a service, tokens; and their home."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from accounts.models import ApiToken, Grant, Role, Team, Unit
from core import clock
from tests.fixtures.world import World

DAY = dt.timedelta(days=1)


def permissions(world: World, code: str) -> list[str]:
    with world.read() as session:
        return list(session.scalars(sa.select(Role.permissions).where(Role.code == code)).one())


def test_a_role_is_edited_after_seeing_whom_it_concerns(world: World) -> None:
    admin, leader = world.client("sec-admin"), world.client("leader")
    assert leader.get("/admin/units").status_code == 404
    before = permissions(world, "leader")
    wanted = [*[p for p in before if p != "oncall.read"], "unit.read"]
    preview = world.submit(admin, "/admin/roles/leader/edit", {"name": "领导", "permissions": wanted})
    text = preview.get_data(as_text=True)
    assert preview.status_code == 200
    assert all(word in text for word in ("影响 1 人", "陆局", "查看机构", "查看值班"))
    assert permissions(world, "leader") == before, "nothing is saved by looking"
    data = {"name": "局领导", "permissions": wanted, "seen": before, "confirmed": "true"}
    assert world.submit(admin, "/admin/roles/leader/edit", data).status_code == 303
    assert sorted(permissions(world, "leader")) == sorted(wanted)
    assert leader.get("/admin/units").status_code == 200, "at once, without signing in again"
    assert leader.get("/oncall").status_code == 404


def test_a_role_changed_since_the_preview_is_looked_at_again(world: World) -> None:
    data = {"name": "领导", "permissions": ["figures.read"], "seen": ["ticket.read"], "confirmed": "true"}
    answer = world.submit(world.client("sec-admin"), "/admin/roles/leader/edit", data)
    assert answer.status_code == 422
    assert "已被他人修改" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        ("security-admin", ["ticket.read"]),
        ("audit-admin", ["audit.read", "ticket.read"]),
        ("engineer", ["ticket.work", "grant.write"]),
        ("engineer", ["audit.read"]),
        ("engineer", ["no.such"]),
        ("engineer", []),
        ("reporter", ["ticket.report", "ticket.read"]),
    ],
)
def test_no_edit_makes_an_administrator_or_lets_one_read(world: World, role: str, wanted: list[str]) -> None:
    before = permissions(world, role)
    data = {"name": "x", "permissions": wanted, "seen": before, "confirmed": "true"}
    assert world.submit(world.client("sec-admin"), f"/admin/roles/{role}/edit", data).status_code == 422
    assert permissions(world, role) == before


def test_a_role_of_one_s_own(world: World) -> None:
    admin = world.client("sec-admin")
    data = {"code": "observer", "name": "观察员", "permissions": ["alert.read", "item.read"]}
    assert world.submit(admin, "/admin/roles/new", data).status_code == 303
    assert world.submit(admin, "/admin/roles/new", data).status_code == 422
    world.submit(admin, "/admin/people/lt-clerk/grants", {"role": "observer", "unit": "610122"})
    assert world.client("lt-clerk").get("/alerts").status_code == 200


def test_a_team_is_added_and_edited(world: World) -> None:
    admin = world.client("sec-admin")
    data = {"code": "X-LT2", "name": "蓝田二组", "unit": "610122", "head": "lt-engineer", "is_default": "true"}
    assert world.submit(admin, "/admin/teams/new", data).status_code == 303
    assert world.submit(admin, "/admin/teams/new", data).status_code == 422
    page = admin.get("/admin/teams/X-LT2").get_data(as_text=True)
    assert "蓝工" in page
    assert "默认班组" in page
    with world.read() as session:
        defaults = session.scalars(sa.select(Team.code).where(Team.unit_id == world.units["610122"], Team.is_default))
        assert defaults.all() == ["X-LT2"], "a unit has one default team"
    change = {"name": "蓝田运维", "head": "lt-head"}
    assert world.submit(admin, "/admin/teams/X-LT2/edit", change).status_code == 303
    with world.read() as session:
        row = session.scalars(sa.select(Team).where(Team.code == "X-LT2")).one()
        assert (row.name, row.head_id, row.is_default) == ("蓝田运维", world.people["lt-head"], False)
    assert world.submit(admin, "/admin/teams/X-LT2/edit", {"name": "x", "head": "nobody"}).status_code == 422
    assert world.client("lt-head").get("/admin/teams/new").status_code == 404


def test_R_03_the_page_explains_why_a_unit_cannot_be_moved(world: World) -> None:
    admin = world.client("sec-admin")
    page = admin.get("/admin/units/610122/edit").get_data(as_text=True)
    assert all(word in page for word in ("现在不能移动", "蓝大为", "组长/负责人", "蓝田县局"))
    refused = world.submit(admin, "/admin/units/610122/edit", {"name": "蓝田局", "parent": "6103"})
    assert refused.status_code == 422
    assert "lt-head" in refused.get_data(as_text=True)
    with world.read() as session:
        assert session.scalars(sa.select(Unit.name).where(Unit.code == "610122")).one() == "蓝田县局", (
            "nothing half done"
        )
    assert "可以移动" in admin.get("/admin/units/610122-01/edit").get_data(as_text=True)
    moved = world.submit(admin, "/admin/units/610122-01/edit", {"name": "汤峪所", "parent": "610124"})
    assert moved.status_code == 303
    with world.read() as session:
        row = session.scalars(sa.select(Unit).where(Unit.code == "610122-01")).one()
        assert (row.name, row.parent_id) == ("汤峪所", world.units["610124"])


def test_a_vendor_s_contract_has_a_last_day(world: World) -> None:
    admin, today = world.client("sec-admin"), clock.local_date(clock.now())
    assert world.viewer("v1-head").vendor_unit_id
    ended = {"name": "秦信软件", "valid_until": (today - DAY).isoformat()}
    assert world.submit(admin, "/admin/units/V1/edit", ended).status_code == 303
    assert world.viewer("v1-head").vendor_unit_id is None
    longer = world.api("sec-admin").patch("/units/V1", {"valid_until": (today + 30 * DAY).isoformat()})
    assert longer.status_code == 200, longer.get_json()
    assert world.viewer("v1-head").vendor_unit_id


def test_a_right_to_a_day_and_at_a_service(world: World) -> None:
    made = world.api("integration").post("/services", {"name": "社保征收", "unit": "61"})
    service_id = made.get_json()["id"]
    admin, today = world.client("sec-admin"), clock.local_date(clock.now())
    assert "社保征收" in admin.get("/admin/people/mx-clerk").get_data(as_text=True)
    data = {"role": "engineer", "service": service_id, "until": today.isoformat(), "unit": "610326"}
    assert world.submit(admin, "/admin/people/mx-clerk/grants", data).status_code == 303
    with world.read() as session:
        row = session.scalars(sa.select(Grant).where(Grant.person_id == world.people["mx-clerk"])).one()
        assert (row.service_id, row.unit_id, row.valid_until) == (service_id, None, clock.day_start(today + DAY))
    page = admin.get("/admin/people/mx-clerk").get_data(as_text=True)
    assert f"至 {today} 止" in page
    past = {"role": "engineer", "unit": "610326", "until": (today - DAY).isoformat()}
    assert world.submit(admin, "/admin/people/mx-clerk/grants", past).status_code == 422
    gone = {"role": "engineer", "service": 999_999}
    assert world.submit(admin, "/admin/people/mx-clerk/grants", gone).status_code == 422


def new_token(page: str) -> str:
    found = re.search(r"txo_[\w-]+", page)
    assert found
    return found[0]


def test_a_token_for_some_of_one_s_permissions_and_a_time(world: World) -> None:
    client = world.client("lt-engineer")
    data = {"name": "看告警", "scopes": ["alert.read"], "days": "30"}
    made = world.submit(client, "/profile/tokens", data)
    assert made.status_code == 200
    bearer = {"Authorization": f"Bearer {new_token(made.get_data(as_text=True))}"}
    program = world.app.test_client()
    assert program.get("/api/v1/alerts", headers=bearer).status_code == 200
    assert program.get("/api/v1/tickets", headers=bearer).get_json().get("items", []) == []
    with world.read() as session:
        row = session.scalars(sa.select(ApiToken).where(ApiToken.person_id == world.people["lt-engineer"])).one()
        assert row.expires_at is not None
        assert dt.timedelta(days=29) < row.expires_at - clock.now() <= dt.timedelta(days=30)
    for wrong in ({"name": "x", "scopes": ["grant.write"]}, {"name": ""}, {"name": "x", "days": "9999"}):
        assert world.submit(client, "/profile/tokens", wrong).status_code == 422, wrong


def test_a_token_makes_no_stronger_token_and_changes_no_password(world: World) -> None:
    api = world.api("lt-engineer", "alert.read")
    bearer = {"Authorization": f"Bearer {api.token}"}
    program = world.app.test_client()
    assert program.post("/profile/tokens", data={"name": "mehr"}, headers=bearer).status_code == 403
    assert program.post("/profile/password", data={"current": "x", "new": "y"}, headers=bearer).status_code == 403
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ApiToken)) == 1


def test_the_security_administrator_sees_and_ends_anybody_s_token(world: World) -> None:
    api, admin = world.api("lt-engineer"), world.client("sec-admin")
    assert api.get("/alerts").status_code == 200
    page = admin.get("/admin/tokens?q=lt-engineer").get_data(as_text=True)
    assert "蓝工" in page
    assert api.token not in page
    with world.read() as session:
        token_id = session.scalars(
            sa.select(ApiToken.id).where(ApiToken.person_id == world.people["lt-engineer"])
        ).one()
    assert world.submit(world.client("lt-head"), f"/admin/tokens/{token_id}/revoke").status_code == 404
    assert world.submit(admin, f"/admin/tokens/{token_id}/revoke").status_code == 303
    assert api.get("/alerts").status_code == 401


def test_an_administrator_of_a_county_sees_no_token_from_above(world: World) -> None:
    from tests.accounts.test_authority import give

    give(world, "lt-clerk-2", "security-admin", "610122")
    give(world, "lt-engineer", "leader", "61")
    for login in ("xa-engineer", "lt-engineer"):
        world.api(login)
    county = world.client("lt-clerk-2")
    page = county.get("/admin/tokens").get_data(as_text=True)
    assert "蓝工" in page
    assert "安工" not in page
    with world.read() as session:
        ids = dict(session.execute(sa.select(ApiToken.person_id, ApiToken.id)).all())
    assert world.submit(county, f"/admin/tokens/{ids[world.people['xa-engineer']]}/revoke").status_code == 404
    assert world.submit(county, f"/admin/tokens/{ids[world.people['lt-engineer']]}/revoke").status_code == 403


@pytest.mark.parametrize(
    ("login", "home"),
    [("sys-admin", "/admin/settings"), ("sec-admin", "/admin/settings"), ("aud-admin", "/admin/audit")],
)
def test_an_administrator_s_home(world: World, login: str, home: str) -> None:
    client = world.client(login)
    assert client.get("/").headers["Location"] == home
    assert client.get(home).status_code == 200


def test_the_home_says_what_is_misconfigured_and_where_to_mend_it(world: World) -> None:
    system = world.client("sys-admin").get("/admin/settings").get_data(as_text=True)
    assert "没有设置邮件服务器" in system
    assert "没有班组" not in system
    with world.write() as session:
        session.execute(sa.update(Team).where(Team.code == "X-LT").values(active=False))
    world.api("lt-engineer")
    system = world.client("sys-admin").get("/admin/settings").get_data(as_text=True)
    assert "1 个市、县局没有班组" in system
    assert 'href="/admin/teams"' in system
    security = world.client("sec-admin").get("/admin/settings").get_data(as_text=True)
    assert "1 个令牌永不过期" in security
    assert "邮件服务器" not in security
    assert world.client("lt-head").get("/admin/settings").status_code == 404
