"""A database of each earlier release, with data, becomes one of this program and goes on working."""

from __future__ import annotations

import lzma
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app import migrate
from core.db import make_engine
from core.db.base import Base
from tests.servers.postgresql import PostgreSQL
from tests.servers.taxops import TaxopsServer

RELEASES = Path(__file__).with_name("releases")
KEPT = sorted(path.name.removesuffix(".sql.xz").rsplit("-", 1) for path in RELEASES.glob("*.sql.xz"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(params=KEPT, ids="-".join)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TaxopsServer]:
    """A home of an earlier release on each database, as its program left it."""
    release, kind = request.param
    text = lzma.decompress((RELEASES / f"{release}-{kind}.sql.xz").read_bytes()).decode()
    if kind == "sqlite":
        server = TaxopsServer(tmp_path)
        server.state.mkdir(parents=True)
        with closing(sqlite3.connect(server.state / "taxops.db")) as database:
            database.executescript(text)
        yield server
        return
    cluster: PostgreSQL = request.getfixturevalue("postgresql")
    url = cluster.create_database()
    with cluster.connect(url.rsplit("/", 1)[-1]) as connection:
        connection.execute("\n".join(line for line in text.splitlines() if not line.startswith("\\")).encode())
    try:
        yield TaxopsServer(tmp_path, database_url=url)
    finally:
        cluster.drop_database(url)


def url_of(server: TaxopsServer) -> str:
    return server.environment().get("TAXOPS_DATABASE_URL") or f"sqlite:///{server.state / 'taxops.db'}"


def rows(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        names = set(sa.inspect(connection).get_table_names()) & set(Base.metadata.tables)
        return {name: connection.scalar(sa.text(f'SELECT count(*) FROM "{name}"')) for name in names}


def test_both_databases_of_a_release_are_kept() -> None:
    assert {kind for _release, kind in KEPT} == {"sqlite", "postgresql"}


def test_it_is_upgraded_loses_nothing_and_is_worked_with(old: TaxopsServer) -> None:
    engine = make_engine(url_of(old))
    before = rows(engine)
    assert before["ticket"] >= 60, "a database without data proves nothing"
    old.run("init")
    assert migrate.current(engine) == migrate.head()
    after = rows(engine)
    gone = {name: (count, after.get(name)) for name, count in before.items() if after.get(name, 0) < count}
    assert gone == {}, "shipped data may be added, nothing goes"
    engine.dispose()
    people = {row["role"]: row for row in old.run_json("demo", "people")}
    token = old.run_json("token", "create", "--person", people["province-head"]["login"], "--name", "upgrade")["token"]
    old.start()
    try:
        with httpx.Client(
            base_url=f"{old.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ) as api:
            works(api)
    finally:
        old.stop()


def works(api: httpx.Client) -> None:
    """What was there can be read whole, and what is new can be made."""
    listed = api.get("/tickets", params={"limit": 20}).raise_for_status().json()["items"]
    assert len(listed) == 20
    for ticket in listed[:5]:
        for part in ("", "/timeline", "/custody", "/handoffs"):
            api.get(f"/tickets/{ticket['number']}{part}").raise_for_status()
    made = api.post("/tickets", json={"kind": "incident", "title": "升级后的第一件", "category": "desktop"})
    assert made.status_code == 201, made.text
    assert made.json()["team"]
