"""The book of duties: each moment has its effect once, whoever runs it, however often it is tried, and never twice at once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import clock
from core.db import make_engine, reading, transaction
from core.jobs import Job
from core.schedule import lease, runs
from core.schedule.models import JobRun, Lease
from tests.fixtures.database import prepare
from tests.servers.base import wait_until
from tests.servers.postgresql import PostgreSQL

T0 = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)


@pytest.fixture
def engine(postgresql: PostgreSQL) -> Iterator[sa.Engine]:
    """A migrated PostgreSQL with a table that counts effects."""
    url = postgresql.create_database(postgresql.ensure_template("taxops_empty", prepare))
    made = make_engine(url)
    with transaction(made) as session:
        session.execute(sa.text("CREATE TABLE effect (at timestamptz DEFAULT clock_timestamp())"))
    yield made
    made.dispose()
    postgresql.drop_database(url)


def effect(session: Session, _now: dt.datetime) -> None:
    session.execute(sa.text("INSERT INTO effect DEFAULT VALUES"))
    session.execute(sa.text("SELECT pg_sleep(0.05)"))


def effects(engine: sa.Engine) -> int:
    with reading(engine) as session:
        return int(session.scalar(sa.text("SELECT count(*) FROM effect")) or 0)


def note(engine: sa.Engine, at: dt.datetime = T0, name: str = "duty") -> None:
    with transaction(engine) as session:
        assert runs.write_down(session, name, at, now=clock.now())


def test_a_moment_is_the_same_in_every_process() -> None:
    job = Job("duty", 60, effect)
    moments = {runs.due(job, T0 + dt.timedelta(seconds=s)) for s in range(120)}
    assert len(moments) in {2, 3}
    assert all((b - a) == dt.timedelta(seconds=60) for a, b in zip(sorted(moments), sorted(moments)[1:], strict=False))
    assert runs.due(job, T0) <= T0


def test_it_is_written_down_once(engine: sa.Engine) -> None:
    note(engine)
    with transaction(engine) as session:
        assert not runs.write_down(session, "duty", T0, now=clock.now())


def test_many_deliveries_have_one_effect(engine: sa.Engine) -> None:
    note(engine)
    job = Job("duty", 60, effect)
    with ThreadPoolExecutor(8) as pool:
        over = list(pool.map(lambda n: runs.run(engine, job, T0, worker=f"w{n}"), range(24)))
    assert over.count(True) == 1
    assert effects(engine) == 1


def test_a_worker_that_dies_in_the_middle_leaves_no_effect_and_the_moment_waits(engine: sa.Engine) -> None:
    note(engine)

    def dies(session: Session, now: dt.datetime) -> None:
        effect(session, now)
        session.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert not runs.run(engine, Job("duty", 60, dies), T0, worker="w1")
    assert effects(engine) == 0
    later = clock.now() + dt.timedelta(minutes=10)
    assert runs.left(engine, now=later) == [("duty", T0)]
    assert runs.run(engine, Job("duty", 60, effect), T0, worker="w2")
    assert effects(engine) == 1
    assert runs.left(engine, now=later) == []


def test_two_moments_of_one_duty_never_run_at_once_and_the_older_gives_way(engine: sa.Engine) -> None:
    note(engine)
    note(engine, T0 + dt.timedelta(seconds=60))
    inside, go_on = threading.Event(), threading.Event()

    def slow(session: Session, now: dt.datetime) -> None:
        effect(session, now)
        inside.set()
        assert go_on.wait(20)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runs.run, engine, Job("duty", 60, slow), T0 + dt.timedelta(seconds=60), worker="w1")
        assert inside.wait(20)
        assert not runs.run(engine, Job("duty", 60, effect), T0, worker="w2")
        go_on.set()
        assert running.result(20)
    assert runs.run(engine, Job("duty", 60, effect), T0, worker="w2")
    assert effects(engine) == 1
    with reading(engine) as session:
        assert session.get_one(JobRun, ("duty", T0)).outcome == "superseded"


def test_a_failing_duty_is_put_off_and_given_up_in_the_end(engine: sa.Engine) -> None:
    note(engine)

    def fails(_session: Session, _now: dt.datetime) -> None:
        raise ValueError("disk of glass")

    for _ in range(runs.ATTEMPTS):
        assert not runs.run(engine, Job("duty", 60, fails), T0, worker="w1")
    with reading(engine) as session:
        row = session.get_one(JobRun, ("duty", T0))
        assert (row.outcome, row.attempts) == ("failed", runs.ATTEMPTS)
        assert row.error == "ValueError: disk of glass"


def test_what_the_broker_lost_is_found_in_the_book(engine: sa.Engine) -> None:
    note(engine)
    now = clock.now()
    assert runs.left(engine, now=now) == []  # the broker is given a moment
    with transaction(engine) as session:
        runs.sent(session, "duty", T0, now=now)
    assert runs.left(engine, now=now + runs.UNSENT * 2) == []
    assert runs.left(engine, now=now + runs.SENT) == [("duty", T0)]


def test_the_book_forgets_what_was_done_but_never_the_last_moment(engine: sa.Engine) -> None:
    for minutes in (0, 1):
        at = T0 + dt.timedelta(minutes=minutes)
        note(engine, at)
        assert runs.run(engine, Job("duty", 60, effect), at, worker="w1")
    with transaction(engine) as session:
        runs.purge(session, now=clock.now() + dt.timedelta(days=30))
        assert session.scalars(sa.select(JobRun.due_at)).all() == [T0 + dt.timedelta(minutes=1)]


def test_one_of_many_has_a_lease_and_another_gets_it_when_it_ends(engine: sa.Engine) -> None:
    def take(holder: str, seconds: float = 30) -> bool:
        with transaction(engine) as session:
            return lease.take(session, "schedule", holder, seconds)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: take(f"p{n}"), range(16))).count(True) == 1
    with reading(engine) as session:
        holder = session.get_one(Lease, "schedule").holder
    assert take(holder), "whoever has it renews it"
    assert not take("stranger")
    with transaction(engine) as session:
        session.execute(sa.update(Lease).values(until=lease.until(-1)))
    assert take("stranger")
    assert not take(holder)


def test_a_clock_that_was_set_back_does_not_keep_a_lease_for_an_hour(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        assert lease.take(session, "schedule", "dead", 3600)
    with transaction(engine) as session:
        assert lease.take(session, "schedule", "alive", 15)


def test_leadership_passes_on_when_its_holder_stops(engine: sa.Engine) -> None:
    told: list[str] = []

    def leadership(name: str) -> lease.Leadership:
        return lease.Leadership(
            engine, "schedule", name, gained=lambda: told.append(f"+{name}"), lost=lambda: told.append(f"-{name}"),
            hold_s=1.0, renew_s=0.1,
        )  # fmt: skip

    first, second = leadership("a"), leadership("b")
    first.start()
    wait_until(lambda: told == ["+a"], "the first to lead")
    second.start()
    first.stop()
    wait_until(lambda: "+b" in told, "the second to lead")
    second.stop()
    assert told == ["+a", "-a", "+b", "-b"]
