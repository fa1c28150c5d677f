"""The sync with a real directory: looked at first, whole or not at all, never too far, with its trail (R-03)."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import config
from accounts import service
from accounts.directory import client, findings, part
from accounts.directory.models import DirectoryRun, Outcome
from accounts.models import AuditRow, Person, Role, Unit
from app.cli import directory as commands
from core import clock
from core.errors import Conflict
from tests.accounts.directory.people import ENTRIES, SECRET, use
from tests.accounts.test_realms import come
from tests.fixtures.world import World
from tests.servers.slapd import Slapd

NEW = {
    "li-xin": {"cn": "李新", "departmentNumber": "周至县局", "mail": "li-xin@example.test", "userPassword": SECRET},
    "wang-er": {"cn": "王二", "departmentNumber": "没有这个局", "userPassword": SECRET},
    "sec-admin": {"cn": "假安全员", "departmentNumber": "61", "userPassword": SECRET},
}
MOVED = {**ENTRIES, "lt-clerk": {**ENTRIES["lt-clerk"], "cn": "李兰兰", "departmentNumber": "610124"}}


def person(world: World, login: str) -> Person | None:
    with world.read() as session:
        return session.scalar(sa.select(Person).where(Person.login == login))


def look(world: World, admin: Any) -> tuple[str, str]:
    """The page of what would be done, and what stands for it."""
    page = world.submit(admin, "/admin/directory/look").get_data(as_text=True)
    seen = re.search(r'name="seen" value="(\w+)"', page)
    return page, seen[1] if seen else ""


def test_R_03_it_is_looked_at_first_and_then_does_that_and_nothing_else(directory_world: World, slapd: Slapd) -> None:
    world = directory_world
    use(world, slapd.url, slapd)
    slapd.put({**MOVED, **NEW})
    admin = world.client("sec-admin")
    page, seen = look(world, admin)
    assert seen
    for told in ("li-xin", "李兰 → 李兰兰", "610122 → 610124", "没有这个局", "本平台已有同名的本地人员"):
        assert told in page, told
    assert person(world, "li-xin") is None, "looking changes nothing"
    slapd.put({**MOVED, **NEW, "zz-clerk": {**ENTRIES["zz-clerk"], "cn": "改了名"}})
    changed = world.submit(admin, "/admin/directory/sync", {"seen": seen})
    assert changed.status_code == 409
    assert "请重新查看" in changed.get_data(as_text=True)
    assert person(world, "li-xin") is None
    _page, seen = look(world, admin)
    assert world.submit(admin, "/admin/directory/sync", {"seen": seen}).status_code == 303
    new, moved, local = (person(world, login) for login in ("li-xin", "lt-clerk", "sec-admin"))
    assert new is not None
    assert moved is not None
    assert local is not None
    assert (new.unit_id, new.directory, new.email) == (world.units["610124"], True, "li-xin@example.test")
    assert (moved.name, moved.unit_id) == ("李兰兰", world.units["610124"])
    assert (local.name, local.directory) == ("安全员", False), "nobody local is taken over"
    assert person(world, "wang-er") is None
    assert come(world, "/login", "li-xin", SECRET)[0] == 303
    with world.read() as session:
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.actor == "sec-admin").order_by(AuditRow.id)).all()
        assert {"name": "李兰兰"}.items() <= next(r.after for r in rows if r.object == f"person:{moved.id}").items()
        assert next(r.after for r in rows if r.verb == "directory-sync")["add"] == 1
        assert [run.outcome for run in session.scalars(sa.select(DirectoryRun))] == [Outcome.DONE]
    assert "没有要改的" in look(world, admin)[0]


def test_R_03_it_stops_rather_than_disable_too_many(directory_world: World, slapd: Slapd) -> None:
    world = directory_world
    directory = use(world, slapd.url, slapd)
    slapd.put({login: ENTRIES[login] for login in list(ENTRIES)[:3]} | {"li-xin": NEW["li-xin"]})
    admin = world.client("sec-admin")
    page, seen = look(world, admin)
    assert "同步已停止" in page
    assert not seen, "there is no button"
    with pytest.raises(Conflict, match="同步已停止"):
        part.run(world.engine, directory, most=10, by="job")
    slapd.put({})
    with pytest.raises(Conflict, match="一个人也没有找到"):
        part.run(world.engine, directory, most=100, by="job")
    gone, new = person(world, "v1-engineer"), person(world, "li-xin")
    assert gone is not None
    assert gone.active
    assert new is None, "nothing of it was done"
    with world.read() as session:
        assert [run.outcome for run in session.scalars(sa.select(DirectoryRun))] == [Outcome.STOPPED] * 2
        assert [found.state for found in findings.findings(session)] == ["critical"]


def test_who_left_is_out_and_comes_back_without_rights_only(directory_world: World, slapd: Slapd) -> None:
    """Who was disabled by a person stays out; who holds rights is left to a person; no administrator is lost."""
    world = directory_world
    directory = use(world, slapd.url, slapd)
    clerk = world.client("zz-clerk")
    with world.write() as session:
        now = clock.now()
        stray = service.create_person(
            session,
            login="only-one",
            name="独一",
            unit=session.get_one(Unit, world.units["61"]),
            directory=True,
            now=now,
        )
        session.add(Role(code="odd", name="独种管理员", permissions=[], administrator="odd"))
        session.flush()
        service.grant(session, person=stray, role_code="odd", unit=session.get_one(Unit, world.units["61"]), now=now)
    slapd.put({login: ENTRIES[login] for login in ("lt-clerk", "lt-engineer")})
    part.run(world.engine, directory, most=50, by="sec-admin")
    assert clerk.get("/profile").status_code == 303, "sessions end at once"
    states = {login: getattr(person(world, login), "active", None) for login in (*ENTRIES, "only-one")}
    assert states == {
        "lt-clerk": True, "lt-engineer": True, "zz-clerk": False, "v1-engineer": False, "only-one": True,
    }  # fmt: skip
    with world.write() as session:
        service.set_active(session, session.get_one(Person, world.people["lt-clerk"]), active=False, now=clock.now())
    slapd.put(ENTRIES)
    part.run(world.engine, directory, most=50, by="sec-admin")
    states = {login: getattr(person(world, login), "active", None) for login in ENTRIES}
    assert states == {"lt-clerk": False, "lt-engineer": True, "zz-clerk": True, "v1-engineer": False}


def test_only_who_may_change_people_everywhere_sees_it(directory_world: World) -> None:
    world = directory_world
    assert world.client("sec-admin").get("/admin/directory").status_code == 200
    for stranger in ("lt-head", "lt-clerk", "sys-admin", "aud-admin", "v1-head", "p-head"):
        client_ = world.client(stranger)
        assert client_.get("/admin/directory").status_code == 404, stranger
        for path in ("/admin/directory/look", "/admin/directory/sync"):
            assert world.submit(client_, path, {"seen": "x"}).status_code == 404, (stranger, path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_by_command_and_by_itself(
    directory_world: World, slapd: Slapd, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = directory_world
    directory = use(world, slapd.url, slapd)
    slapd.put({**ENTRIES, "li-xin": NEW["li-xin"]})
    given = dataclasses.replace(world.app.config["TAXOPS"], database_url=settings.database_url, ldap_sync_hours="6")
    monkeypatch.setattr(config, "load", lambda: given)
    dry = CliRunner().invoke(commands.directory, ["sync", "--dry-run", "--json"])
    assert dry.exit_code == 0, dry.output
    assert json.loads(dry.output)["counts"]["add"] == 1
    assert "directory-reader-secret" not in dry.output
    assert person(world, "li-xin") is None
    keeper = part.Keeper(world.engine, directory, given)
    assert keeper.round() is not None
    assert person(world, "li-xin") is not None
    assert keeper.round() is None, "six hours have not passed"
    slapd.put({"li-xin": NEW["li-xin"]})
    stopped = CliRunner().invoke(commands.directory, ["sync"])
    assert stopped.exit_code == 1
    slapd.stop()
    client.patience.forget()
    with clock.frozen(clock.now() + keeper._every):
        assert keeper.round() is None, "it goes on another time"
    with world.read() as session:
        last = session.scalars(sa.select(DirectoryRun).order_by(DirectoryRun.id.desc()).limit(1)).one()
        assert last.outcome is Outcome.FAILED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_imported_people_are_handed_over_by_command(
    directory_world: World, slapd: Slapd, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = directory_world
    use(world, slapd.url, slapd)
    with world.write() as session:
        for login in ("lt-clerk", "zz-clerk"):
            service.set_directory(
                session, session.get_one(Person, world.people[login]), directory=False, now=clock.now()
            )
        session.get_one(Person, world.people["p-head"]).password_hash = None  # not in the directory
    given = dataclasses.replace(world.app.config["TAXOPS"], database_url=settings.database_url)
    monkeypatch.setattr(config, "load", lambda: given)
    dry = CliRunner().invoke(commands.directory, ["adopt", "--without-password", "--dry-run"])
    assert dry.output.split() == ["lt-clerk", "zz-clerk", "2", "people", "would", "be"]
    assert not getattr(person(world, "lt-clerk"), "directory", None)
    assert CliRunner().invoke(commands.directory, ["adopt", "lt-clerk"]).exit_code == 0
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 303
    assert come(world, "/login", "zz-clerk", SECRET)[0] == 401
    refused = CliRunner().invoke(commands.directory, ["adopt", "zz-clerk", "sec-admin"])
    assert "sec-admin" in str(refused.exception), "nobody who is not there, and then nobody at all"
    assert not getattr(person(world, "zz-clerk"), "directory", None)
