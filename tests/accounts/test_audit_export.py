"""The audit trail at a real syslog receiver (rsyslog): understood, whole, and nothing lost while it is away."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.audit import chain, export, listener, sealer, syslog
from accounts.audit.models import AuditExport, AuditSeal
from accounts.audit.receiver import Receiver
from accounts.models import AuditRow, Person
from core import clock
from tests.fixtures.world import World
from tests.servers.base import wait_until
from tests.servers.rsyslog import Rsyslog
from tests.servers.tls import Authority

KEY = chain.key_of("x" * 32)
AT = dt.datetime(2026, 11, 27, 3, 4, 5, 6, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rsyslog]:
    home = tmp_path_factory.mktemp("rsyslog")
    with Rsyslog(home / "server", Authority(home / "authority")) as server:
        yield server


@pytest.fixture
def rsyslog(running: Rsyslog) -> Rsyslog:
    """The running receiver with an empty file."""
    if not running.alive():
        running.start()
    path = running.home / "received.jsonl"
    if path.exists():
        path.write_bytes(b"")
    return running


def write(world: World, *objects: str) -> None:
    """Rows in the trail, sealed."""
    with world.write() as session:
        session.info["actor"] = "sec-admin"
        for name in objects:
            listener.record(session, verb="change", object_name=name, after={"name": "李兰"}, now=clock.now())
    with world.write() as session:
        while sealer.seal(session, key=KEY, now=clock.now()):
            pass


def rows_of(received: list[dict[str, Any]]) -> list[int]:
    return [int(found[1]) for one in received if (found := re.search(r' row="(\d+)"', one["data"]))]


def sealed(world: World) -> list[int]:
    with world.read() as session:
        return list(session.scalars(sa.select(AuditRow.id).order_by(AuditRow.id)))


def place(world: World) -> AuditExport | None:
    with world.read() as session:
        return session.get(AuditExport, export.THE_ONE)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["udp", "tcp", "tls"])
def test_every_row_arrives_and_is_understood(world: World, rsyslog: Rsyslog, kind: str) -> None:
    write(world, "before")
    with world.write() as session:  # a few rows only: UDP may lose what a busy machine does not take at once
        session.add(AuditExport(id=export.THE_ONE, seal=session.scalar(sa.select(sa.func.max(AuditSeal.seq)))))
    before = set(sealed(world))
    with world.write() as session:
        session.info["actor"] = "sec-admin"
        session.get_one(Person, world.people["lt-clerk"]).password_hash = "hash-of-a-password"
        listener.record(session, verb="sign-in-failed", object_name='person:"x] \\\nfake', now=clock.now())
    write(world, "one", "two")
    exporter = export.Exporter(world.engine, Receiver(rsyslog.url(kind), str(rsyslog.authority.ca_file)))
    assert exporter.round() > 0
    wanted = [row for row in sealed(world) if row not in before]
    assert len(wanted) == 4
    wait_until(lambda: set(rows_of(rsyslog.received())) == set(wanted), "all rows to arrive")
    assert exporter.round() == 0
    exporter.leave()
    received = rsyslog.received()
    assert rows_of(received) == wanted, "in their order, each once"
    assert {one["app"] for one in received} == {"taxops"}
    changed = next(one for one in received if 'object="two"' in one["data"])
    assert 'actor="sec-admin"' in changed["data"]
    assert json.loads(changed["msg"].lstrip("\ufeff")) == {"after": {"name": "李兰"}}
    failed = next(one for one in received if one["msgid"] == "sign-in-failed")
    assert (failed["pri"], changed["pri"]) == ("108", "109")
    assert r'object="person:\"x\] \\ fake"' in failed["data"], "what people type makes no message of its own"
    with world.read() as session:
        last = session.scalars(sa.select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)).one()
    assert f'hash="{last.hash}"' in received[-1]["data"]
    assert "hash-of-a-password" not in json.dumps(received)


def test_nothing_is_lost_while_the_receiver_is_away_or_dies(
    world: World, rsyslog: Rsyslog, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = export.Exporter(world.engine, Receiver(rsyslog.url("tcp")))
    write(world, "before")
    assert exporter.round() > 0
    rsyslog.kill9()
    write(world, "while it is away")
    for _round in range(2):
        exporter.round()
    kept = place(world)
    assert kept is not None
    assert kept.error_since is not None
    assert kept.seal == 0, "what was sent to whoever died is not sure"
    later = clock.now() + export.LATE + dt.timedelta(minutes=1)
    with world.read() as session:
        assert [found.state for found in export.findings(session, now=later)] == ["warning"]
    rsyslog.start()
    monkeypatch.setattr(export, "SURE_S", 0.0)
    exporter.round()
    wait_until(lambda: set(sealed(world)) <= set(rows_of(rsyslog.received())), "all rows to arrive")
    wait_until(lambda: not exporter.round() and not exporter._unsure, "the receiver's machine to have all")
    kept = place(world)
    assert kept is not None
    with world.read() as session:
        newest = session.scalar(sa.select(sa.func.max(AuditSeal.seq)))
    assert (kept.seal, kept.error_since) == (newest, None)
    exporter.leave()
    rsyslog.home.joinpath("received.jsonl").write_bytes(b"")
    write(world, "after a restart")
    again = export.Exporter(world.engine, Receiver(rsyslog.url("tcp")))
    assert again.round() == 1, "it goes on where it was"
    wait_until(lambda: rows_of(rsyslog.received()) == sealed(world)[-1:], "the new row to arrive")
    again.leave()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_said_to_a_receiver_that_is_not_proven(world: World, rsyslog: Rsyslog, tmp_path: Path) -> None:
    write(world, "one")
    stranger = Authority(tmp_path / "stranger")
    exporter = export.Exporter(world.engine, Receiver(rsyslog.url("tls"), str(stranger.ca_file)))
    assert exporter.round() == 0
    kept = place(world)
    assert kept is not None
    assert kept.error is not None
    assert "certificate verify failed" in kept.error
    assert rsyslog.received() == []


def test_a_message_is_cut_at_a_letter_and_says_so() -> None:
    made = syslog.message(
        host="运维 1", at=AT, name="change 口令", values={"row": 7}, body={"after": {"text": "税" * 3000}}, most=2000
    )
    text = made.decode()
    assert len(made) <= 2000
    assert text.startswith(
        '<109>1 2026-11-27T03:04:05.000006Z ???1 taxops - change??? [taxops@32473 row="7" cut="yes"] \ufeff{'
    )
    assert text.endswith("税")
    assert syslog.counted(b"abc") == b"3 abc"
