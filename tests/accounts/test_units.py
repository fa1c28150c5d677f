"""Units that end, units at the top, and two who act on one unit at once."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Grant, Person, Team, Unit
from core import clock
from core.errors import Invalid
from escalation.handoff import receiving
from tests.accounts.test_authority import give
from tests.fixtures.world import ApiClient, World

DAY = dt.timedelta(days=1)


def today() -> dt.date:
    return clock.local_date(clock.now())


def codes(api: ApiClient) -> set[str]:
    return {unit["code"] for unit in api.get("/units?limit=200").get_json()["items"]}


def make(api: ApiClient, code: str, level: str, parent: str | None) -> None:
    made = api.post("/units", {"code": code, "name": code, "level": level, "parent": parent})
    assert made.status_code == 201, made.get_json()


def empty_vendor(world: World) -> None:
    """V1 with nobody active and no right left: ready to be retired."""
    people = sa.select(Person.id).join(Unit, Unit.id == Person.unit_id).where(Unit.code == "V1")
    with world.write() as session:
        session.execute(sa.update(Grant).where(Grant.person_id.in_(people)).values(valid_until=clock.now()))
        session.execute(sa.update(Person).where(Person.id.in_(people)).values(active=False))


def test_a_unit_retired_today_is_gone_today(world: World) -> None:
    api = world.api("integration")
    make(api, "610122-07", "office", "610122")
    assert "610122-07" in codes(api)
    assert api.delete("/units/610122-07").status_code == 204
    assert "610122-07" not in codes(api)
    assert "610122-07" in {u["code"] for u in api.get("/units?limit=200&retired=true").get_json()["items"]}
    assert "已停用" in world.client("sec-admin").get("/admin/units/610122-07").get_data(as_text=True)
    again = api.post("/units", {"code": "610122-08", "name": "x", "level": "office", "parent": "610122-07"})
    assert again.status_code == 422


def test_R_03_the_offices_and_then_their_county_are_retired_on_one_day(world: World) -> None:
    api = world.api("integration")
    make(api, "610199", "county", "6101")
    make(api, "610199-01", "office", "610199")
    assert api.delete("/units/610199").status_code == 409
    assert api.delete("/units/610199-01").status_code == 204
    assert api.delete("/units/610199").status_code == 204
    child = api.post("/units", {"code": "610199-02", "name": "x", "level": "office", "parent": "610199"})
    assert child.status_code == 422, "nothing is added below what has ended"
    assert api.patch("/units/610122-01", {"parent": "610199"}).status_code == 422


def test_a_vendor_counts_on_the_last_day_of_its_contract(world: World) -> None:
    api = world.api("sec-admin")
    assert api.patch("/units/V1", {"valid_until": today().isoformat()}).get_json()["valid_until"] == today().isoformat()
    assert "V1" in codes(api)
    assert world.viewer("v1-head").vendor_unit_id == world.units["V1"]
    with world.read() as session:
        team = session.scalars(sa.select(Team).where(Team.code == "T-V1")).one()
        assert receiving.stands(team, now=clock.now())
        assert not receiving.stands(team, now=clock.now() + DAY)


def test_a_vendor_whose_contract_ended_yesterday_loses_access_at_once(world: World) -> None:
    assert world.viewer("v1-engineer").vendor_unit_id
    ended = world.api("sec-admin").patch("/units/V1", {"valid_until": (today() - DAY).isoformat()})
    assert ended.status_code == 200, ended.get_json()
    assert world.viewer("v1-engineer").vendor_unit_id is None


def test_R_03_a_vendor_is_retired_at_once_and_its_people_get_nothing_back(world: World) -> None:
    api = world.api("sec-admin")
    assert api.delete("/units/V1").status_code == 409, "its people are there"
    empty_vendor(world)
    before = _version(world, "v1-head")
    assert api.delete("/units/V1").status_code == 204
    assert "V1" not in codes(api)
    assert _version(world, "v1-head") > before, "a viewer kept in memory is not used"
    assert api.patch("/people/v1-head", {"active": True}).status_code == 200
    assert world.viewer("v1-head").vendor_unit_id is None
    with pytest.raises(Invalid):
        give(world, "v1-head", "vendor", "V1")
    new = {"login": "v1-new", "name": "新人", "unit": "V1"}
    assert api.post("/people", new).status_code == 422


def _version(world: World, login: str) -> int:
    with world.read() as session:
        return session.scalars(sa.select(Person.access_version).where(Person.login == login)).one()


def test_a_team_of_an_office_retired_today_takes_nothing(world: World) -> None:
    with world.write() as session:
        session.execute(sa.update(Unit).where(Unit.code == "610124").values(valid_until=today()))
    with world.read() as session:
        assert not receiving.stands(session.scalars(sa.select(Team).where(Team.code == "X-ZZ")).one(), now=clock.now())


TOP = {"code": "V9", "name": "新供应商", "level": "vendor"}


def test_units_at_the_top_are_added_where_the_right_is_the_province_s(world: World) -> None:
    """Sitting in the province is not enough, and sitting elsewhere is no hindrance."""
    give(world, "lt-clerk-2", "security-admin", "610122")  # sits and administers in the county
    give(world, "ty-clerk", "security-admin", "61")  # sits in an office, administers the province
    with world.write() as session:
        province = session.get_one(Unit, world.units["61"])
        person = service.create_person(session, login="p-local", name="x", unit=province, now=clock.now())
        world.people["p-local"] = person.id
    give(world, "p-local", "security-admin", "610122")  # sits in the province, administers a county
    for login, status in (("lt-clerk-2", 403), ("p-local", 403), ("ty-clerk", 201)):
        assert world.api(login).post("/units", {**TOP, "code": f"V-{login}"}).status_code == status, login
        page = world.submit(world.client(login), "/admin/units/new", {**TOP, "code": f"W-{login}"})
        assert page.status_code == (303 if status == 201 else status), login
        seen = codes(world.api(login))
        assert ("V1" in seen) is (status == 201), login
        people = world.api(login).get("/people?limit=200").get_json()["items"]
        assert any(each["unit"] == "V1" for each in people) is (status == 201), login
        assert (world.api(login).get("/units/V1").status_code == 200) is (status == 201), login


@pytest.mark.parametrize("level", ["vendor", "province"])
def test_who_adds_a_unit_at_the_top_sees_it(world: World, level: str) -> None:
    api, page = world.api("sec-admin"), world.client("sec-admin")
    unit = {**TOP, "level": level, "valid_until": "2190-01-31"}
    assert api.post("/units", unit).status_code == 201
    assert world.submit(page, "/admin/units/new", {**unit, "code": "V10"}).status_code == 303
    for code in ("V9", "V10"):
        assert api.get(f"/units/{code}").get_json()["valid_until"] == "2190-01-31"
        assert code in codes(api)
        assert page.get(f"/admin/units/{code}").status_code == 200
    assert world.api("integration").get("/units/V9").status_code == 200
    assert world.api("sys-admin").get("/units/V9").status_code == (200 if level == "vendor" else 404)


def test_another_province_is_known_to_who_may_add_one_but_not_ruled(world: World) -> None:
    assert world.api("sec-admin").post("/units", {**TOP, "code": "62", "level": "province"}).status_code == 201
    with world.write() as session:
        other = service.unit_by_code(session, "62")
        person = service.create_person(session, login="gs-head", name="甘肃长", unit=other, now=clock.now())
        service.grant(session, person=person, role_code="head", unit=other, now=clock.now())
    page = world.client("sec-admin").get("/admin/units/62")
    assert page.status_code == 200
    assert "甘肃长" not in page.get_data(as_text=True)
    assert world.api("sec-admin").get("/people/gs-head").status_code == 404
    assert world.api("sec-admin").patch("/units/62", {"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/admin/units/new", {"code": "610124-09", "name": "x", "level": "office", "parent": "610124"}),
        ("/admin/people/new", {"login": "x-new", "name": "x", "unit": "610124"}),
        ("/admin/teams/new", {"code": "X-9", "name": "x", "unit": "610124"}),
        ("/admin/people/lt-clerk/grants", {"role": "engineer", "unit": "610124"}),
    ],
)
def test_what_is_forbidden_is_said_to_be_and_not_beside_a_field(world: World, path: str, data: dict[str, str]) -> None:
    give(world, "lt-clerk-2", "security-admin", "610122")
    assert world.submit(world.client("lt-clerk-2"), path, data).status_code == 403
