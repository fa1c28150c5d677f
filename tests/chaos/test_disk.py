"""The power-cut disk itself: SQLite with synchronous=FULL survives every cut on it, with OFF it does not."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.disk import Disk, lay_out
from tests.chaos.trace import Create, Event, MakeFolder, Rename, Sent, SyncBegins, SyncEnds, Write, read, strace

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

_WRITER = """
import socket, sqlite3, sys, threading
path, synchronous = sys.argv[1:]
ours, theirs = socket.socketpair()
def work(worker):
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.execute("PRAGMA wal_autocheckpoint=20")
    for number in range(60):
        db.execute("INSERT INTO answered VALUES (?, ?)", (f"{worker}-{number}", "x" * 1500))
        ours.send(f"answer {worker}-{number};".encode())
threads = [threading.Thread(target=work, args=(worker,)) for worker in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def record(tmp_path: Path, synchronous: str) -> tuple[Disk, list[Event], Path]:
    folder = tmp_path / "state"
    folder.mkdir()
    database = sqlite3.connect(folder / "x.db")
    database.executescript("PRAGMA journal_mode=WAL; CREATE TABLE answered (name TEXT PRIMARY KEY, filler TEXT)")
    database.close()
    disk = Disk.of(folder)
    output = tmp_path / "trace"
    command = [*strace(output), sys.executable, "-c", _WRITER, str(folder / "x.db"), synchronous]
    subprocess.run(command, check=True, timeout=60)
    return disk, read(output, folder), folder


def lost_after_cuts(tmp_path: Path, synchronous: str, cuts: int = 20) -> int:
    """At how many of the random cuts an answered row is missing or the database is broken."""
    disk, events, folder = record(tmp_path, synchronous)
    chance = random.Random(20)
    points = sorted(chance.sample(range(len(events) // 10, len(events)), cuts))
    lost, done = 0, 0
    answered: set[str] = set()
    for point in points:
        for event in events[done:point]:
            disk.apply(event)
            if isinstance(event, Sent):
                answered |= {each.split()[1] for each in event.data.decode().split(";") if each}
        done = point
        left = tmp_path / f"cut-{point}"
        lay_out(disk.after_cut(chance), folder, left)
        lost += not survived(left / "x.db", answered)
    return lost


def survived(path: Path, answered: set[str]) -> bool:
    try:
        with sqlite3.connect(path) as database:
            whole = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = {name for (name,) in database.execute("SELECT name FROM answered")}
    except sqlite3.DatabaseError:
        return False
    return whole and answered <= rows


def test_what_was_flushed_survives_every_cut(tmp_path: Path) -> None:
    assert lost_after_cuts(tmp_path, "FULL") == 0


def test_without_flushing_the_same_test_fails(tmp_path: Path) -> None:
    assert lost_after_cuts(tmp_path, "OFF") > 0


def test_replaying_everything_gives_the_files_as_they_are(tmp_path: Path) -> None:
    disk, events, folder = record(tmp_path, "FULL")
    disk.replay(events)
    now = {str(path): path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}
    assert {path: bytes(contents.seen) for path, contents in disk.names.items()} == now


def test_a_file_is_gone_with_the_name_of_its_folder() -> None:
    disk = Disk()
    disk.replay([MakeFolder("/d/f"), Create("/d/f/new", True), SyncBegins("/d/f", 1), SyncEnds("/d/f", 1)])
    assert {tuple(disk.after_cut(random.Random(seed))) for seed in range(50)} == {(), ("/d/f/new",)}
    disk.replay([SyncBegins("/d", 2), SyncEnds("/d", 2)])
    assert {tuple(disk.after_cut(random.Random(seed))) for seed in range(50)} == {("/d/f/new",)}


def test_a_file_without_a_flush_may_vanish_and_a_rename_keeps_order() -> None:
    disk = Disk()
    disk.replay([Create("/d/new", True), Write("/d/new", 0, b"a" * 600), Rename("/d/new", "/d/named")])
    outcomes = {tuple(sorted(disk.after_cut(random.Random(seed)))) for seed in range(50)}
    assert outcomes == {(), ("/d/new",), ("/d/named",)}
    disk.replay([SyncBegins("/d/named", 1), Write("/d/named", 600, b"late"), SyncEnds("/d/named", 1)])
    disk.replay([SyncBegins("/d", 2), SyncEnds("/d", 2)])
    outcomes = {disk.after_cut(random.Random(seed))["/d/named"] for seed in range(50)}
    assert outcomes == {b"a" * 600, b"a" * 600 + b"late"}
