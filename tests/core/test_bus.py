"""Word between processes: heard by others, not by oneself, long ones too; a lost line is noticed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from core.bus import Bus, link
from core.db import make_engine, transaction
from tests.fixtures.database import prepare
from tests.servers.base import wait_until
from tests.servers.postgresql import PostgreSQL


@pytest.fixture
def engine(postgresql: PostgreSQL) -> Iterator[sa.Engine]:
    """A migrated PostgreSQL."""
    url = postgresql.create_database(postgresql.ensure_template("taxops_empty", prepare))
    made = make_engine(url)
    yield made
    made.dispose()
    postgresql.drop_database(url)


class Ends:
    """Two processes' ends of one bus, and what each heard on `live`."""

    def __init__(self, engine: sa.Engine) -> None:
        self.one, self.other = Bus(engine), Bus(engine)
        self.heard_by_one: list[str] = []
        self.heard_by_other: list[str] = []
        self.one.hear("live", self.heard_by_one.append)
        self.other.hear("live", self.heard_by_other.append)


@pytest.fixture
def ends(engine: sa.Engine) -> Iterator[Ends]:
    """Two ends; the test starts them."""
    made = Ends(engine)
    yield made
    made.one.stop()
    made.other.stop()


def test_what_is_said_is_heard_by_others_whatever_its_length(ends: Ends) -> None:
    ends.one.start()
    ends.other.start()
    words = ["办税厅打印机脱机", "专线中断" * 3000, "x" * 7900]
    for word in words:
        ends.one.say("live", word)
        ends.one.say("other topic", word)
    wait_until(lambda: len(ends.heard_by_other) == 3, "all to be heard")
    assert ends.heard_by_other == words
    assert ends.heard_by_one == []


def test_a_commit_in_one_process_is_a_commit_for_all(ends: Ends) -> None:
    told: list[str] = []
    here = [lambda: told.append("here")]
    there = [lambda: told.append("there")]
    undo = link(ends.one, "outbox", here)
    link(ends.other, "outbox", there)
    ends.one.start()
    ends.other.start()
    for callback in list(here):
        callback()
    wait_until(lambda: "there" in told, "the other to be told")
    assert told == ["here", "there"]
    undo()
    assert len(here) == 1


def test_after_the_line_was_down_everybody_looks_again(ends: Ends, engine: sa.Engine) -> None:
    gaps: list[int] = []
    ends.other.on_gap.append(lambda: gaps.append(1))
    ends.other.start()
    with transaction(engine) as session:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert session.scalars(sa.text(ended)).all() == [True]
    wait_until(lambda: gaps, "the gap to be told")
    ends.one.start()
    ends.one.say("live", "again")
    wait_until(lambda: ends.heard_by_other == ["again"], "it to listen again")
