"""Rights with an end, contracts with an end, and whose midnight counts."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Grant, Person, Team, Unit, UnitLevel
from accounts.signin import overview
from core import clock
from core.errors import Conflict
from tests.fixtures.world import World

MONTH = dt.timedelta(days=30)


def give(world: World, login: str, role: str, unit: str, *, until: dt.datetime | None = None) -> int:
    """A grant for a time, in force at once."""
    with world.write() as session:
        person, place = session.get_one(Person, world.people[login]), session.get_one(Unit, world.units[unit])
        return service.grant(
            session, person=person, role_code=role, unit=place, until=until, now=clock.now()
        ).id  # fmt: skip


def test_R_03_a_unit_with_a_grant_for_a_month_is_not_moved_nor_retired(world: World) -> None:
    give(world, "zz-clerk", "leader", "610122-01", until=clock.now() + MONTH)
    with world.write() as session:
        session.execute(sa.update(Person).where(Person.login == "ty-clerk").values(active=False))
    api = world.api("sec-admin")
    moved = api.patch("/units/610122-01", {"parent": "610124"})
    assert moved.status_code == 409
    assert "zz-clerk" in moved.get_json()["detail"]
    assert api.delete("/units/610122-01").status_code == 409


def test_R_03_a_grant_that_ended_holds_nothing_back(world: World) -> None:
    give(world, "zz-clerk", "leader", "610122-01", until=clock.now() + dt.timedelta(hours=1))
    with clock.frozen(clock.now() + dt.timedelta(hours=2)):
        assert world.api("sec-admin").patch("/units/610122-01", {"parent": "610124"}).status_code == 200


def test_nobody_holds_two_kinds_of_administrator_even_for_a_time(world: World) -> None:
    give(world, "lt-clerk", "system-admin", "61", until=clock.now() + MONTH)
    with pytest.raises(Conflict):
        give(world, "lt-clerk", "audit-admin", "61")
    with clock.frozen(clock.now() + MONTH + dt.timedelta(days=1)):
        assert give(world, "lt-clerk", "audit-admin", "61")


def test_R_03_the_last_administrator_for_a_time_is_not_disabled(world: World) -> None:
    with world.write() as session:
        session.execute(
            sa.update(Grant).where(Grant.role_code == "audit-admin").values(valid_until=clock.now() + MONTH)
        )
    client = world.client("sec-admin")
    assert world.submit(client, "/admin/people/aud-admin/active", {"active": "false"}).status_code == 409


def test_R_03_one_administrator_without_an_end_remains(world: World) -> None:
    """The other one's right would end by itself, and nobody would be left."""
    give(world, "lt-clerk", "audit-admin", "61", until=clock.now() + MONTH)
    with world.write() as session:
        session.execute(sa.update(Person).where(Person.login == "lt-clerk").values(password_hash="x"))
    admin = world.client("sec-admin")
    assert world.submit(admin, "/admin/people/aud-admin/active", {"active": "false"}).status_code == 409
    give(world, "zz-clerk", "audit-admin", "61")
    assert world.submit(admin, "/admin/people/aud-admin/active", {"active": "false"}).status_code == 303


def test_a_grant_for_a_time_is_shown_wherever_rights_are_shown_and_gone_when_it_ended(world: World) -> None:
    give(world, "lt-clerk", "engineer", "610122", until=clock.now() + MONTH)
    admin, own = world.client("sec-admin"), world.client("lt-clerk")
    pages = {
        "/admin/units/610122": admin, "/admin/people/lt-clerk": admin, "/profile": own,
        "/admin/people?role=engineer&q=lt-clerk": admin,
    }  # fmt: skip
    for path, client in pages.items():
        assert "运维工程师</span>" in client.get(path).get_data(as_text=True), path
    assert world.api("sec-admin").get("/people/lt-clerk").get_json()["roles"] == ["engineer"]
    with clock.frozen(clock.now() + MONTH + dt.timedelta(hours=1)):
        assert world.api("sec-admin").get("/people/lt-clerk").get_json()["roles"] == []
        with world.read() as session:
            assert overview.of(session, world.people["lt-clerk"], None, now=clock.now())["grants"] == []


def test_R_03_a_right_ends_on_the_minute_although_viewers_are_kept(world: World) -> None:
    until = clock.now() + dt.timedelta(seconds=20)
    give(world, "lt-clerk", "engineer", "610122", until=until)
    clerk = world.client("lt-clerk")
    assert clerk.get("/oncall").status_code == 200
    with clock.frozen(until):
        assert clerk.get("/oncall").status_code == 404


def contract(world: World, until: dt.date | None) -> None:
    with world.write() as session:
        session.execute(sa.update(Unit).where(Unit.code == "V1").values(valid_until=until))


def test_a_vendor_whose_contract_runs_is_a_living_unit(world: World) -> None:
    contract(world, clock.local_date(clock.now()))
    api, page = world.api("sec-admin"), world.client("sec-admin")
    assert "V1" in {u["code"] for u in api.get("/units?limit=200").get_json()["items"]}
    assert "秦信软件" in page.get("/admin/units").get_data(as_text=True)
    assert "已停用" not in page.get("/admin/units/V1").get_data(as_text=True)
    contract(world, clock.local_date(clock.now()) - dt.timedelta(days=1))
    assert "V1" not in {u["code"] for u in api.get("/units?limit=200").get_json()["items"]}
    assert "已停用" in page.get("/admin/units/V1").get_data(as_text=True)


def test_R_03_a_unit_whose_child_still_runs_is_not_retired(world: World) -> None:
    with world.write() as session:
        parent = service.create_unit(
            session, code="610198", name="新县局", level=UnitLevel.COUNTY, parent=session.get_one(Unit, world.units["6101"])
        )  # fmt: skip
        today = clock.local_date(clock.now())
        service.create_unit(
            session, code="610198-1", name="新所", level=UnitLevel.OFFICE, parent=parent,
            valid_until=today + dt.timedelta(days=9),
        )  # fmt: skip
        with pytest.raises(Conflict):
            service.retire_unit(session, parent, on=today, now=clock.now())


EARLY = dt.datetime(2027, 3, 4, 23, 30, tzinfo=dt.UTC)  # half past seven in the morning of the 5th in Shanghai


def test_a_unit_retired_before_eight_is_retired_today(world: World) -> None:
    world.api("integration").post(
        "/units", {"code": "610122-07", "name": "焦岱所", "level": "office", "parent": "610122"}
    )
    with clock.frozen(EARLY):
        api = world.api("integration")
        assert api.delete("/units/610122-07").status_code == 204
    with world.read() as session:
        ended = session.scalars(sa.select(Unit.valid_until).where(Unit.code == "610122-07")).one()
    assert ended == dt.date(2027, 3, 5)


def test_a_vendor_s_access_ends_at_midnight_here(world: World) -> None:
    contract(world, dt.date(2027, 3, 4))
    with clock.frozen(EARLY - dt.timedelta(hours=8)):
        assert world.viewer("v1-head").vendor_unit_id == world.units["V1"]
    with clock.frozen(EARLY):
        assert world.viewer("v1-head").vendor_unit_id is None


def test_a_right_at_a_team_for_a_time_is_shown_too(world: World) -> None:
    with world.write() as session:
        person = session.get_one(Person, world.people["mx-clerk"])
        team = session.get_one(Team, world.teams["P-APP"])
        service.grant(
            session, person=person, role_code="engineer", team=team, until=clock.now() + MONTH, now=clock.now()
        )
    assert "engineer" in world.api("sec-admin").get("/people/mx-clerk").get_json()["roles"]
