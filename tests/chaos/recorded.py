"""The real program under strace, with people reporting to it: its writes, flushes and answers in order."""

from __future__ import annotations

import re
import signal
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos import trace
from tests.chaos.disk import Disk
from tests.chaos.load import Reporter, Request, tickets
from tests.chaos.province import settle
from tests.servers.base import wait_until
from tests.servers.nursery import Nursery
from tests.servers.taxops import TaxopsServer

#: Makes every SQLite connection of the program careless, whatever it asks for: the counter-proof of the power cuts.
_CARELESS = """
import sqlite3
_connect = sqlite3.connect
class Cursor(sqlite3.Cursor):
    def execute(self, sql, *rest):
        return super().execute(sql.replace("synchronous=FULL", "synchronous=OFF"), *rest)
class Connection(sqlite3.Connection):
    def cursor(self, factory=Cursor):
        return super().cursor(factory)
def connect(*arguments, **options):
    options.setdefault("factory", Connection)
    return _connect(*arguments, **options)
sqlite3.connect = sqlite3.dbapi2.connect = connect
"""


class TracedTaxops(TaxopsServer):
    """`taxops run` under strace."""

    name = "traced-taxops"
    born_of_nursery = False

    def command(self) -> list[str]:
        return [*trace.strace(self.record), *super().command()]

    @property
    def record(self) -> Path:
        return self.home / "strace.out"

    def finish(self) -> None:
        """Ask the program itself to end; strace follows when it has written everything down."""
        (program,) = psutil.Process(self.pid).children()
        program.send_signal(signal.SIGTERM)
        wait_until(lambda: not self.alive(), "strace to end", seconds=60)
        self.stop()


@dataclass(frozen=True)
class Recording:
    """A run: the disk before it, everything that happened, and what the people remember."""

    before: Disk = field(repr=False)
    events: list[trace.Event] = field(repr=False)
    state: Path
    requests: list[Request] = field(repr=False)
    token: str = field(repr=False)

    @property
    def database(self) -> Path:
        return self.state / "taxops.db"


def record(home: Path, nursery: Nursery, *, answers: int = 60, careless: bool = False) -> Recording:
    """Run the program under load until it has opened some tickets, and read what it did."""
    settings = {}
    if careless:
        folder = home / "careless"
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_CARELESS)
        settings["PYTHONPATH"] = str(folder)
    server = TracedTaxops(home, settings=settings, nursery=nursery)
    server.start_seconds = 120
    token = settle(server)
    with sqlite3.connect(server.state / "taxops.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = Disk.of(server.state)
    server.start()
    reporters = [Reporter(server.port, token, f"r{number}", 7, pause_s=0.02, files=True) for number in range(2)]
    for reporter in reporters:
        reporter.start()
    wait_until(lambda: sum(len(tickets(each.done)) for each in reporters) >= answers, f"{answers} answers", seconds=60)
    for reporter in reporters:
        reporter.stop()
    server.finish()
    assert [fault for reporter in reporters for fault in reporter.faults] == []
    requests = [each for reporter in reporters for each in reporter.done]
    return Recording(before, trace.read(server.record, server.state), server.state, requests, token)


_CREATED = re.compile(rb"location: /api/v1/tickets/([A-Z]+-\d{4}-\d+)\r\n", re.IGNORECASE)


_COMMENT = re.compile("留言 [0-9a-z-]+".encode())


def answered_comments(event: trace.Event) -> set[str]:
    """The comments whose texts leave by this event, in the answer to their writing."""
    return {found.decode() for found in _COMMENT.findall(event.data)} if isinstance(event, trace.Sent) else set()


_FILE = re.compile(rb'"sha256":\s*"([0-9a-f]{64})"')


def answered_files(event: trace.Event) -> set[str]:
    """SHA-256 of the attachments whose receipt leaves by this event."""
    return {found.decode() for found in _FILE.findall(event.data)} if isinstance(event, trace.Sent) else set()


def answered_numbers(event: trace.Event) -> set[str]:
    """The ticket whose creation the bytes that leave by this event confirm: 201 with its address in the head."""
    if not isinstance(event, trace.Sent) or not event.data.startswith(b"HTTP/1.1 201 "):
        return set()
    return {found.decode() for found in _CREATED.findall(event.data)}
