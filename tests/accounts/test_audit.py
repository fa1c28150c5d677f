"""Of every write: who, what, before, after, from where. And the database itself keeps the trail from being changed."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import config
from accounts.audit import listener, part, retention
from accounts.models import AuditRow
from app.run import parts
from core import clock
from core.db import transaction
from tests.fixtures.world import World


def trail(world: World, verb: str) -> list[AuditRow]:
    with world.read() as session:
        return list(session.scalars(sa.select(AuditRow).where(AuditRow.verb == verb).order_by(AuditRow.id)))


def test_signing_out_is_recorded(world: World) -> None:
    client = world.client("lt-clerk")
    world.submit(client, "/logout")
    (row,) = trail(world, "sign-out")
    assert (row.actor, row.object, row.from_address) == ("lt-clerk", "person:lt-clerk", "127.0.0.1")


def test_signing_out_everywhere_is_recorded_with_how_many(world: World) -> None:
    one, _other = world.client("lt-clerk"), world.client("lt-clerk")
    world.submit(one, "/logout", {"everywhere": "1"})
    (row,) = trail(world, "sessions-ended")
    assert (row.actor, row.object, row.after) == ("lt-clerk", "person:lt-clerk", {"sessions": 2})


def test_forcing_somebody_out_is_recorded_with_who_did_it(world: World) -> None:
    world.client("lt-clerk")
    world.submit(world.client("sec-admin"), "/admin/people/lt-clerk/sessions/end")
    (row,) = trail(world, "sessions-ended")
    assert (row.actor, row.object, row.from_address) == ("sec-admin", "person:lt-clerk", "127.0.0.1")
    page = world.client("aud-admin").get("/admin/audit?verb=sessions-ended").get_data(as_text=True)
    assert "结束登录" in page
    assert "sessions-ended<" not in page


def test_nothing_is_recorded_where_nothing_ended(world: World) -> None:
    world.submit(world.client("sec-admin"), "/admin/people/zz-clerk/sessions/end")
    assert trail(world, "sessions-ended") == []


def put(engine: sa.Engine, days: float, verb: str = "test") -> None:
    """A row that was received so many days ago."""
    with transaction(engine) as session:
        at = clock.now() - dt.timedelta(days=days)
        row = {"at": at, "received_at": at, "actor": "x", "verb": verb, "object": "y", "from_address": ""}
        session.execute(sa.insert(AuditRow), [row])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "UPDATE audit SET received_at = '2000-01-01 00:00:00'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE verb = 'test'",
    ],
)
def test_the_database_refuses_to_change_or_delete_the_trail(engine: sa.Engine, statement: str) -> None:
    put(engine, 399)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT actor FROM audit WHERE verb = 'test'").scalars().all() == ["x"]


def test_the_trail_is_not_emptied_nor_overwritten_another_way(engine: sa.Engine) -> None:
    put(engine, 1)
    if engine.dialect.name == "postgresql":
        statement = "TRUNCATE audit"
    else:
        statement = (
            "INSERT OR REPLACE INTO audit (id, at, received_at, actor, verb, object, from_address) "
            "SELECT id, at, received_at, 'somebody else', verb, object, from_address FROM audit"
        )
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_what_is_older_than_400_days_goes_and_that_is_recorded(engine: sa.Engine) -> None:
    for days, verb in ((450, "old"), (399, "young"), (402, "old")):
        put(engine, days, verb)
    with transaction(engine) as session:
        session.info["actor"] = "job:audit.purge"
        assert retention.purge(session, now=clock.now()) == 2
    with transaction(engine) as session:
        assert retention.purge(session, now=clock.now()) == 0
        kept = session.scalars(sa.select(AuditRow).order_by(AuditRow.id)).all()
    assert [row.verb for row in kept if row.verb in {"old", "young"}] == ["young"]
    (purged,) = [row for row in kept if row.verb == "purge"]
    assert (purged.actor, purged.after and purged.after["rows"]) == ("job:audit.purge", 2)


def test_what_forgets_runs_beside_the_web(engine: sa.Engine, settings: config.Settings) -> None:
    put(engine, 450, "old")
    assert "accounts.audit.part:start" in {each.where for each in parts.STARTERS}
    part.keeper(engine, settings).round()
    with transaction(engine) as session:
        assert session.scalars(sa.select(AuditRow).where(AuditRow.verb == "old")).all() == []


def test_a_write_that_fails_leaves_no_row(world: World) -> None:
    with Session(world.engine) as session:
        listener.record(session, verb="lost", object_name="x", now=clock.now())
        session.rollback()
    assert trail(world, "lost") == []


def test_an_imported_ticket_is_recorded(world: World) -> None:
    """The importer writes past the listener."""
    past = {"kind": "incident", "title": "旧事", "category": "desktop", "opened_at": "2026-01-05T02:00:00Z"}
    made = world.api("integration").post("/tickets", past)
    assert made.status_code == 201, made.get_json()
    (row,) = trail(world, "import")
    assert (row.actor, row.after and row.after["number"]) == ("integration", made.get_json()["number"])


@pytest.mark.parametrize("title", ["2026-13-01T00:00:00Z", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59Z"])
def test_a_title_that_only_looks_like_an_instant_is_shown_as_it_is(world: World, title: str) -> None:
    """The trail is append-only: what breaks its page breaks it for ever."""
    past = {"kind": "incident", "title": title, "category": "desktop", "opened_at": "2026-01-05T02:00:00Z"}
    assert world.api("integration").post("/tickets", past).status_code == 201
    new = world.api("lt-clerk").post("/tickets", {"kind": "incident", "title": title, "category": "desktop"})
    assert new.status_code == 201, new.get_json()
    page = world.client("aud-admin").get("/admin/audit")
    assert page.status_code == 200
    assert title in page.get_data(as_text=True)
