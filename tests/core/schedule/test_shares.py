"""Work shared out among processes: all of it, none of it twice, and what a dead one had is taken over."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from core.db import make_engine, transaction
from core.schedule.lease import until
from core.schedule.models import Lease
from core.schedule.shares import HOLD_S, SHARES, Shares, tended_since
from tests.fixtures.database import prepare
from tests.servers.base import wait_until
from tests.servers.postgresql import PostgreSQL

ALL = frozenset(range(SHARES))


@pytest.fixture
def engine(postgresql: PostgreSQL) -> Iterator[sa.Engine]:
    """A migrated PostgreSQL."""
    url = postgresql.create_database(postgresql.ensure_template("taxops_empty", prepare))
    made = make_engine(url)
    yield made
    made.dispose()
    postgresql.drop_database(url)


class Crowd:
    """Some holders; watches all the time that no share is held twice."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.members, self.twice = engine, dict[str, Shares](), set[int]()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def join(self, name: str) -> Shares:
        self.members[name] = Shares(
            self.engine, "poll", name, lambda: None, hold_s=3.0, renew_s=0.2, margin_s=0.5
        )  # fmt: skip
        self.members[name].start()
        return self.members[name]

    def parts(self) -> list[frozenset[int]]:
        return [member.held for member in self.members.values()]

    def is_whole(self) -> bool:
        return frozenset().union(*self.parts()) == ALL and sum(map(len, self.parts())) == SHARES

    def _look(self) -> None:
        while not self._over.wait(0.01):
            members = list(self.members.values())
            for one, other in itertools.permutations(members, 2):
                self.twice.update(one.held & other.held & one.held)  # held before and after the other was seen to

    def end(self) -> None:
        self._over.set()
        self._watch.join()
        for member in self.members.values():
            member.stop()


@pytest.fixture
def crowd(engine: sa.Engine) -> Iterator[Crowd]:
    """A crowd that is watched, and ended."""
    made = Crowd(engine)
    yield made
    made.end()
    assert made.twice == set()


def test_M_11_each_share_is_held_by_exactly_one_of_those_that_live(crowd: Crowd) -> None:
    crowd.join("a")
    wait_until(crowd.is_whole, "one to hold all")
    crowd.join("b")
    crowd.join("c")
    wait_until(lambda: crowd.is_whole() and min(map(len, crowd.parts())) >= SHARES // 3 - 1, "three to share")
    crowd.members["b"].stop()
    wait_until(lambda: len(crowd.members["a"].held | crowd.members["c"].held) == SHARES, "two to hold all")


def test_M_11_what_a_dead_one_had_is_taken_over_after_it_counts_it_as_lost_itself(crowd: Crowd) -> None:
    crowd.join("a")
    crowd.join("b")
    wait_until(lambda: crowd.is_whole() and min(map(len, crowd.parts())) == SHARES // 2, "two to share")
    crowd.members["b"]._look = lambda: None  # type: ignore[method-assign]  # it renews no more, as if it stood still
    wait_until(lambda: crowd.members["a"].held == ALL, "the other to take over", seconds=30)
    assert crowd.members["b"].held == frozenset()


def test_without_the_database_the_shares_are_lost_in_time(crowd: Crowd, engine: sa.Engine) -> None:
    member = crowd.join("a")
    wait_until(crowd.is_whole, "one to hold all")
    with transaction(engine) as session:
        session.execute(sa.text("ALTER TABLE lease RENAME TO elsewhere"))
    wait_until(lambda: member.held == frozenset(), "it to count them as lost")
    with transaction(engine) as session:
        session.execute(sa.text("ALTER TABLE elsewhere RENAME TO lease"))
        assert session.scalar(sa.select(sa.func.count()).select_from(Lease).where(Lease.holder == "a")) == SHARES + 1
    wait_until(crowd.is_whole, "it to have them again")


def test_M_09_a_share_says_since_when_its_work_is_done_without_a_gap(engine: sa.Engine) -> None:
    """What nobody did in a gap is nobody's silence but the poller's own."""

    def tended() -> tuple[dt.datetime, dt.datetime]:
        """When share 0 is done since, and the database's time."""
        with transaction(engine) as session:
            now = session.scalars(sa.select(sa.func.clock_timestamp())).one()
            return tended_since(session, "poll")[0], now

    def hold() -> Shares:
        made = Shares(engine, "poll", "a", lambda: None, renew_s=0.2)
        made.start()
        wait_until(lambda: made.held == ALL, "all to be held")
        return made

    with transaction(engine) as session:
        assert tended_since(session, "poll") == {}, "nothing is shared out yet"
    first = hold()
    began = tended()[1]
    wait_until(lambda: tended()[1] - began > dt.timedelta(seconds=1), "some rounds")
    assert tended()[0] < began, "renewing is no gap"
    first._stop.set()
    first._thread.join()
    for ago, gap in ((20, False), (HOLD_S - 1, False), (HOLD_S + 5, True)):
        with transaction(engine) as session:  # as if it had died so long ago
            session.execute(sa.update(Lease).where(Lease.holder == "a").values(until=until(HOLD_S - ago)))
        since, now = tended()
        assert since > now, f"{ago} s without a word: nobody may be doing it"
        if gap:
            second = hold()
            since, now = tended()
            assert now - dt.timedelta(seconds=30) < since <= now, "anew, from when it was taken"
            second.stop()
    with transaction(engine) as session:
        session.execute(sa.update(Lease).values(until=until(-300)))
    since, now = tended()
    assert since < now - dt.timedelta(seconds=200), "that nobody came is no excuse for ever"
