"""Doors: vendors apart from staff where an administrator says so, networks, and contracts that ended."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.models import AuditRow, Person, SignInFailure, Unit
from accounts.realms import rules
from core import clock
from tests.accounts.test_second_factor import post
from tests.fixtures.world import PASSWORD, World

WRONG = "登录名或口令不正确"


def come(world: World, door: str, login: str, password: str = PASSWORD, address: str = "127.0.0.1") -> tuple[int, str]:
    client = world.app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    answer: Any = post(client, door, {"login": login, "password": password}, page=door)
    return answer.status_code, answer.get_data(as_text=True)


def test_as_shipped_both_doors_are_open_to_both(world: World) -> None:
    assert come(world, "/login", "v1-engineer")[0] == 303
    assert come(world, "/vendor/login", "v1-engineer")[0] == 303
    assert "/vendor/login" not in world.app.test_client().get("/login").get_data(as_text=True)


def test_apart_each_comes_in_at_their_own_door_only(world: World) -> None:
    admin = world.client("sec-admin")
    assert world.submit(admin, "/admin/doors/vendor", {"apart": "true", "networks": ""}).status_code == 303
    status, page = come(world, "/login", "v1-engineer")
    assert status == 401
    assert "请从供应商入口登录" in page
    assert 'href="/vendor/login"' in page
    assert come(world, "/vendor/login", "v1-engineer")[0] == 303
    status, page = come(world, "/vendor/login", "lt-clerk")
    assert status == 401
    assert "工作人员入口" in page
    assert come(world, "/login", "lt-clerk")[0] == 303
    assert WRONG in come(world, "/login", "v1-engineer", "wrong")[1], "who does not know the password learns nothing"
    with world.read() as session:
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "sign-in-refused")).all()
        assert {r.object for r in rows} == {"person:v1-engineer", "person:lt-clerk"}
        assert session.get(SignInFailure, "lt-clerk") is None, "a right password is no failed guess"


def test_networks_are_asked_after_the_password(world: World) -> None:
    admin = world.client("sec-admin")
    networks = "10.62.0.0/16\n192.0.2.7"
    assert world.submit(admin, "/admin/doors/vendor", {"networks": networks}).status_code == 303
    for address, status in (("10.62.3.4", 303), ("192.0.2.7", 303), ("::ffff:10.62.3.4", 303), ("10.63.0.1", 401)):
        assert come(world, "/vendor/login", "v1-engineer", address=address)[0] == status, address
        assert come(world, "/login", "lt-clerk", address=address)[0] == 303, "staff are not concerned"
    assert "10.63.0.1" in come(world, "/vendor/login", "v1-engineer", address="10.63.0.1")[1]
    assert WRONG in come(world, "/vendor/login", "v1-engineer", "wrong", address="10.63.0.1")[1]


def test_a_door_is_not_shut_behind_oneself_and_what_is_no_network_is_refused(world: World) -> None:
    admin = world.client("sec-admin")
    shut = world.submit(admin, "/admin/doors/staff", {"networks": "10.61.0.0/16"})
    assert shut.status_code == 422
    assert "您自己也登录不了" in shut.get_data(as_text=True)
    wrong = world.submit(admin, "/admin/doors/vendor", {"networks": "10.61.0.1/16"})
    assert wrong.status_code == 422
    assert "10.61.0.1/16" in wrong.get_data(as_text=True)
    assert world.submit(admin, "/admin/doors/staff", {"networks": "10.61.0.0/16, 127.0.0.0/8"}).status_code == 303
    assert come(world, "/login", "lt-clerk", address="10.99.0.1")[0] == 401
    assert world.submit(admin, "/admin/doors/nowhere", {}).status_code == 404
    for stranger in ("lt-head", "sys-admin", "aud-admin", "v1-head"):
        assert world.client(stranger).get("/admin/doors").status_code == 404, stranger
        assert world.submit(world.client(stranger), "/admin/doors/vendor", {"apart": "true"}).status_code == 404


def test_E_12_an_ended_contract_and_a_disabled_contact_are_told_so(world: World) -> None:
    with world.write() as session:
        session.get_one(Unit, world.units["V1"]).valid_until = clock.local_date(clock.now()) - dt.timedelta(days=1)
        session.get_one(Person, world.people["v2-engineer"]).active = False
        session.get_one(Person, world.people["lt-clerk"]).active = False
    for door in ("/login", "/vendor/login"):
        status, page = come(world, door, "v1-engineer")
        assert status == 401
        assert "秦信软件 的合同已于" in page
        assert "联系人账号已停用" in come(world, door, "v2-engineer")[1]
        assert WRONG in come(world, door, "v1-engineer", "wrong")[1]
        assert WRONG in come(world, door, "v2-engineer", "wrong")[1]
    assert WRONG in come(world, "/login", "lt-clerk")[1], "of staff a disabled login reads like a wrong one"
    assert come(world, "/vendor/login", "v2-head")[0] == 303


@pytest.mark.parametrize("address", ["", "unix:", "10.61.0.0/16", "x"])
def test_what_is_no_address_is_in_no_network(address: str) -> None:
    assert not rules.within(address, ["0.0.0.0/0", "::/0"])
