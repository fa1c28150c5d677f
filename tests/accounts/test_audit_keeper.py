"""Sealing and verifying as people meet them: the duty beside the web, the page, the doctor and the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import config
from accounts.audit import anchor, looks, sealer
from accounts.audit.models import AuditLook
from accounts.audit.part import Keeper
from accounts.models import AuditRow
from app.cli.main import cli
from core import clock
from core.db import transaction
from tests.accounts.test_audit_chain import KEEP, add, as_its_administrator, ids
from tests.fixtures.world import World


@pytest.fixture
def keeper(engine: sa.Engine, settings: config.Settings) -> Keeper:
    return Keeper(engine, secret_key=settings.secret_key, home=settings.home, keep=KEEP)


def test_the_keeper_seals_looks_and_keeps_the_anchor(world: World, keeper: Keeper, settings: config.Settings) -> None:
    world.submit(world.client("lt-clerk"), "/logout")
    keeper.round()
    with world.read() as session:
        found = looks.standing(session)
        last = sealer.last_seal(session)
    assert found.verdict is not None
    assert (found.verdict.whole, found.under_way, found.unsealed) == (True, False, 0)
    assert last is not None
    assert anchor.read(settings.home) == anchor.Anchor(last.seq, last.hash)
    assert keeper.look() is False, "once a day is enough"


def test_a_damaged_anchor_is_as_none(tmp_path: Path) -> None:
    for text in ("", "{", "[]", "{}", '{"seal": "x", "hash": 1}', "null"):
        (tmp_path / anchor.NAME).write_text(text)
        assert anchor.read(tmp_path) is None


def test_one_of_several_does_the_verification(engine: sa.Engine) -> None:
    now = clock.now()
    with transaction(engine) as session:
        asked = looks.ask(session, by="aud-admin", now=now).id
        assert looks.ask(session, by="aud-admin", now=now).id == asked, "a double click asks once"
    with transaction(engine) as session:
        assert looks.claim(session, now=now) == asked
    with transaction(engine) as session:
        assert looks.claim(session, now=now) is None
        assert looks.claim(session, now=now + looks.GIVEN_UP * 2) == asked, "whoever claimed it died"


def press(world: World, keeper: Keeper) -> str:
    client = world.client("aud-admin")
    assert world.submit(client, "/admin/audit/verify").status_code == 303
    assert "正在核对" in client.get("/admin/audit").get_data(as_text=True)
    keeper.round()
    return client.get("/admin/audit").get_data(as_text=True)


def test_the_audit_administrator_sees_that_it_is_whole_and_may_ask(world: World, keeper: Keeper) -> None:
    page = press(world, keeper)
    assert "审计链完整" in page
    with world.read() as session:
        (row,) = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "audit-verify")).all()
        assert (row.actor, session.scalars(sa.select(AuditLook.asked_by)).first()) == ("aud-admin", "aud-admin")
    add(world.engine, 4)
    assert "4 行尚未封存" in world.client("aud-admin").get("/admin/audit").get_data(as_text=True)


def test_the_audit_administrator_and_the_doctor_are_told_where_it_broke(world: World, keeper: Keeper) -> None:
    add(world.engine, 4)
    keeper.seal()
    victim = ids(world.engine)[-2]
    with as_its_administrator(world.engine) as connection:
        connection.exec_driver_sql(f"UPDATE audit SET actor = 'x' WHERE id = {victim}")
    assert f"第 {victim} 行被改动过" in press(world, keeper)
    with world.read() as session:
        (finding,) = looks.findings(session, now=clock.now())
    assert (finding.state, str(victim) in finding.text) == ("critical", True)


def test_rows_left_unsealed_are_told(world: World) -> None:
    add(world.engine, 3, days=0.5)
    with world.read() as session:
        (finding,) = looks.findings(session, now=clock.now())
    assert finding.state == "warning"
    assert "没有封存" in finding.text


@pytest.mark.parametrize("login", ["sys-admin", "sec-admin", "lt-head", "integration"])
def test_nobody_else_may_ask(world: World, login: str) -> None:
    assert world.submit(world.client(login), "/admin/audit/verify").status_code == 404


@pytest.fixture
def command(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("TAXOPS_HOME", str(settings.home))
    monkeypatch.setenv("TAXOPS_DATABASE_URL", settings.database_url)
    return lambda *arguments: CliRunner().invoke(cli, ["audit", "verify", *arguments])


def test_the_command_says_whole_and_where_it_broke(world: World, keeper: Keeper, command: Callable[..., Any]) -> None:
    add(world.engine, 4)
    keeper.seal()
    done = command()
    assert (done.exit_code, done.stdout.startswith("whole until ")) == (0, True), done.output
    victim = ids(world.engine)[-2]
    with as_its_administrator(world.engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM audit WHERE id = {victim}")
    done = command("--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["whole"], found["problems"]) == (
        1,
        False,
        [{"kind": "missing", "row": victim, "seal": 1}],
    )
    assert command().stdout.startswith(f"BROKEN: row {victim} is missing")
