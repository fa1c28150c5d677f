"""A province that came back from a backup taken while it was worked in; the journey is then walked on it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.db import make_engine
from tests.chaos.load import Reporter, tickets
from tests.journey.province import Province, Template, running
from tests.servers.base import wait_until
from tests.servers.postgresql import PostgreSQL
from tests.servers.taxops import TaxopsServer

REPORTERS = 2


def restored(template: Template, home: Path, cluster: PostgreSQL | None) -> Template:
    """Work in a copy of `template`, back it up meanwhile, lose it, restore it elsewhere, and see that all is there."""
    file = home / "backup.tar.gz"
    with running(template, home / "first", cluster) as province:
        reporters = [
            Reporter(province.server.port, province.tokens["integration"], f"b{n}", n, files=True, unit="610122",
                     reporter=province.login("county-clerk"))
            for n in range(REPORTERS)
        ]  # fmt: skip
        answered = _backed_up(province, reporters, file)
        assert [fault for reporter in reporters for fault in reporter.faults] == []
    url = cluster.create_database() if cluster is not None else None
    server = TaxopsServer(home / "second", database_url=url)
    found = server.run_json("restore", str(file))
    _is_whole(server, url, found, answered)
    state = home / "template"
    shutil.copytree(server.state, state)
    database = None
    if cluster is not None and url is not None:
        database = url.rsplit("/", 1)[-1]
    return replace(template, state=state, database=database)


def _backed_up(province: Province, reporters: list[Reporter], file: Path) -> set[str]:
    """Numbers answered before the backup began, taken while the reporters go on."""
    for reporter in reporters:
        reporter.start()
    wait_until(lambda: sum(len(reporter.done) for reporter in reporters) > 30, "some work", seconds=60)
    answered = {number for reporter in reporters for number in tickets(list(reporter.done))}
    province.server.run("backup", str(file))
    after = sum(len(reporter.done) for reporter in reporters)
    wait_until(lambda: sum(len(reporter.done) for reporter in reporters) > after, "the work to go on", seconds=30)
    for reporter in reporters:
        reporter.stop()
    return answered


def _is_whole(server: TaxopsServer, url: str | None, found: Any, answered: set[str]) -> None:
    engine = make_engine(url or f"sqlite:///{server.state / 'taxops.db'}")
    with engine.connect() as connection:
        numbers = set(connection.scalars(sa.text("SELECT number FROM ticket")))
        hashes = set(connection.scalars(sa.text("SELECT sha256 FROM ticket_attachment")))
    engine.dispose()
    assert answered <= numbers, "what was answered before the backup began is in it"
    assert hashes, "no attachment was made: nothing was proven about them"
    assert found["attachments"] == len(hashes)
    for digest in hashes:
        content = (server.state / "attachments" / digest[:2] / digest).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    assert found["documents"] >= len(numbers)
    assert found["remarks"] == []
    assert "whole" in server.run("audit", "verify").stdout
