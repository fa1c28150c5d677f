"""Which jump of a clock moves the rows: of this machine, of the database's, of both; noticed by one process or by two.

The wall clock is shifted under core.clock, the database's by a function that hides its own; tests/faults/test_clock.py does
it to the whole program.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from collections.abc import Iterator
from typing import Any, cast

import pytest
import sqlalchemy as sa

from app.run import clockwatch
from app.run.clockwatch import ClockWatch
from app.run.jobs import HandOver, Schedule
from core import clock
from core.db import reading, transaction
from core.jobs import Job
from core.outbox import OutboxRow
from core.schedule import runs
from core.schedule.models import ClockJump, JobRun
from monitor.alerts.book import Entry, book_of
from tests.servers.base import wait_until

HOUR = 3600
T0 = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
SHIFTED = """
CREATE SCHEMA shifted;
CREATE TABLE shifted.shift (seconds double precision);
INSERT INTO shifted.shift VALUES (0);
CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
  'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM shifted.shift';
"""


class Process:
    """A process whose machine's clock is `shift` seconds off: it looks when it is told to. `heard`: jumps it followed."""

    def __init__(self, clocks: Clocks, name: str, shift: int = 0) -> None:
        self._clocks, self.shift, self.heard = clocks, shift, 0
        self._mark: tuple[float, float] | None = None
        self.watch = ClockWatch(clocks.engine, name, [self._hear])
        with self.lives():
            clock.watch()
        self.looks()

    def _hear(self) -> None:
        self.heard += 1

    @contextlib.contextmanager
    def lives(self) -> Iterator[None]:
        """core.clock is this process's meanwhile."""
        self._clocks.shift = self.shift
        if self._mark is not None:
            clock.watch(self._mark)
        yield
        self._mark = clock.mark()

    def looks(self, shift: int | None = None) -> None:
        """Look once, the clock having been set."""
        self.shift = self.shift if shift is None else shift
        with self.lives():
            by = clock.jump()
            if by:
                self.watch.follow(by)
            else:
                self.watch.compare()


class Clocks:
    """The clock of the process that lives, and the database's; with one row that counts elapsed time."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.shift = engine, 0
        with transaction(engine) as session:
            if engine.dialect.name == "postgresql":
                session.execute(sa.text(SHIFTED))
                name = session.scalar(sa.text("SELECT current_database()"))
                session.execute(sa.text(f'ALTER DATABASE "{name}" SET search_path = shifted, public, pg_catalog'))
            session.add(OutboxRow(event="e", payload="{}", listener="l", recorded_at=T0, next_try_at=T0))
        engine.dispose()  # connections from now on see the clock that can be set

    def wall(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.shift)

    def set_database(self, shift: int) -> None:
        with transaction(self.engine) as session:
            session.execute(sa.text("UPDATE shifted.shift SET seconds = :shift"), {"shift": shift})

    def moved(self) -> float:
        """By how many seconds the row moved in all."""
        with reading(self.engine) as session:
            return (session.scalars(sa.select(OutboxRow.next_try_at)).one() - T0).total_seconds()

    def notes(self) -> list[tuple[str, bool, float | None]]:
        """Process, followed, moved, of every jump written down."""
        with reading(self.engine) as session:
            rows = session.scalars(sa.select(ClockJump).order_by(ClockJump.id))
            return [(row.process, row.followed, row.moved and round(row.moved)) for row in rows]


@pytest.fixture
def clocks(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks(engine)
    monkeypatch.setattr(clock, "wall", made.wall)
    monkeypatch.setattr(clock, "_together", None)
    monkeypatch.setattr(clockwatch, "COMPARE_S", 0.0)
    monkeypatch.setattr(clockwatch, "BOOT_S", 0.0)
    return made


only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@only_postgresql
def test_both_clocks_are_set_and_one_of_two_processes_moves_the_rows(clocks: Clocks) -> None:
    """Forward, back and forward again: equal jumps one after the other are told apart. Who slept looks once at the end."""
    one, two, asleep = (Process(clocks, name) for name in ("web-1", "worker-1", "web-2"))
    for shift in (HOUR, 0, HOUR, 2 * HOUR):
        clocks.set_database(shift)
        for process in (one, two):
            process.looks(shift)
            assert clocks.moved() == pytest.approx(shift, abs=10)
        one.looks()
    asleep.looks(2 * HOUR)
    assert clocks.moved() == pytest.approx(2 * HOUR, abs=10)
    assert (one.heard, two.heard, asleep.heard) == (4, 4, 1)
    assert [(who, bool(moved)) for who, _followed, moved in clocks.notes()] == [
        *[("web-1", True), ("worker-1", False)] * 4,
        ("web-2", False),
    ]


@only_postgresql
def test_a_wrong_clock_is_not_followed_and_its_correction_moves_nothing(clocks: Clocks) -> None:
    right, wrong, late = Process(clocks, "web-1"), Process(clocks, "web-2"), Process(clocks, "web-3", -HOUR)
    for _ in range(2):
        wrong.looks(HOUR)
        with wrong.lives():
            assert abs(clock.now() - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=20), "as if nothing had happened"
    wrong.looks(0)
    assert clocks.notes() == [("web-2", False, None)]
    late.looks(0)
    with late.lives():
        assert clock.jump() == 0
    assert clocks.notes()[1:] == [("web-3", True, None)]
    assert (clocks.moved(), wrong.heard, late.heard) == (0, 0, 1)
    clocks.set_database(HOUR)  # what was no movement counts for none
    for process in (right, late):
        process.looks(HOUR)
    assert clocks.moved() == pytest.approx(HOUR, abs=10)


@only_postgresql
def test_duties_begin_anew_where_a_clock_that_was_ahead_is_set_right(clocks: Clocks) -> None:
    job = Job("duty", 600, lambda _session, _now: None)

    class Nobody:
        def offer(self, name: str, moment: dt.datetime) -> None: ...

    def moments() -> list[dt.datetime]:
        with reading(clocks.engine) as session:
            return list(session.scalars(sa.select(JobRun.due_at)))

    ahead = Process(clocks, "worker-1", HOUR)
    schedule = Schedule(clocks.engine, "worker-1", [job], cast("HandOver", Nobody()))
    ahead.watch.then.append(schedule.again)
    with ahead.lives():
        schedule.start()
        try:
            wait_until(moments, "the first moment", seconds=30, every=0.05)
            ahead.looks(0)
            wait_until(lambda: runs.due(job, clock.wall()) in moments(), "a moment of now", seconds=30, every=0.05)
            assert all(each <= clock.wall() for each in moments()), "none that is still to come stands in the way"
        finally:
            schedule.stop()


@only_sqlite
@pytest.mark.parametrize(("boot_s", "moved"), [(0.0, HOUR), (math.inf, 0)])
def test_a_machine_that_has_just_booted_gets_its_time(
    clocks: Clocks, monkeypatch: pytest.MonkeyPatch, boot_s: float, moved: int
) -> None:
    monkeypatch.setattr(clockwatch, "BOOT_S", boot_s)
    process = Process(clocks, "")
    process.looks(HOUR)
    assert clocks.moved() == pytest.approx(moved, abs=10)
    assert [(followed, bool(by)) for _who, followed, by in clocks.notes()] == [(True, bool(moved))]
    with process.lives():
        assert clock.jump() == 0


def test_where_following_fails_nothing_has_moved(clocks: Clocks) -> None:
    """Neither the rows nor what the book of alerts knows, however often it is tried; then both, once."""
    values: dict[str, Any] = {"place": (1, None, None, None), "of_check": False, "notes": 0, "shown": True}
    entry = Entry(1, 1, "f", starts_at=T0, last_seen_at=T0, count=1, expires_at=T0, resend_s=60, **values)
    if book := book_of(clocks.engine):
        book.entries["f"] = entry
    clocks_set = clocks.engine.dialect.name == "postgresql"
    process = Process(clocks, "web-1")
    if clocks_set:
        clocks.set_database(-HOUR)
    for there, here in (("clock_jump", "gone"), ("gone", "clock_jump")):
        with transaction(clocks.engine) as session:
            session.execute(sa.text(f"ALTER TABLE {there} RENAME TO {here}"))
        expected = 0 if here == "gone" else -HOUR
        for _ in range(2):
            process.looks(-HOUR)
            assert clocks.moved() == pytest.approx(expected, abs=10)
            if book:
                assert (entry.last_seen_at - T0).total_seconds() == pytest.approx(expected, abs=10)
                assert entry.expires_at == entry.last_seen_at
