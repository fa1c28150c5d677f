"""A batch of events is one row a listener, worked off in pieces; one bad event does not hold up the rest (R-01)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core import clock, outbox
from core.db import reading, transaction
from core.events.cmdb import ItemsChanged
from core.outbox import OutboxRow, Relay, relay

KEY = "test.batch:cmdb.ItemsChanged"


@pytest.fixture
def listen(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Subscribe to an event that nobody else hears meanwhile."""
    monkeypatch.setitem(outbox.registry.by_event, ItemsChanged, [])

    def subscribe(
        handler: Callable[..., None], many: Callable[..., None] | None = None, at_once: int | None = None
    ) -> None:
        outbox.subscribe(ItemsChanged, "test.batch", handler, many=many, at_once=at_once)

    yield subscribe
    outbox.registry.listeners.pop(KEY, None)
    outbox.registry.in_bulk.pop(KEY, None)


def events(count: int) -> list[ItemsChanged]:
    return [ItemsChanged(item_ids=[n], what="changed", at=clock.now()) for n in range(count)]


def record(engine: sa.Engine, count: int) -> None:
    with transaction(engine) as session:
        outbox.record_many(session, events(count), now=clock.now())


def rows(engine: sa.Engine) -> list[OutboxRow]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(OutboxRow).where(OutboxRow.listener == KEY).order_by(OutboxRow.id)))


def test_a_batch_is_one_row_and_every_event_is_heard_once_in_order(
    engine: sa.Engine, listen: Callable[..., None]
) -> None:
    heard: list[int] = []
    listen(lambda _session, event, _now: heard.append(event.item_ids[0]))
    record(engine, 205)
    assert len(rows(engine)) == 1
    Relay(engine).drain()
    assert heard == list(range(205))
    [row] = rows(engine)
    assert row.done_at is not None


def test_R_01_a_bad_event_is_set_apart_with_its_own_attempts_and_undoes_nothing_of_the_others(
    engine: sa.Engine, listen: Callable[..., None]
) -> None:
    def handle(session: Session, event: ItemsChanged, now: dt.datetime) -> None:
        number = event.item_ids[0]
        session.execute(
            sa.insert(OutboxRow).values(
                event="x",
                payload="{}",
                listener=f"mark:{number}",
                recorded_at=now,
                next_try_at=now,
                attempts=0,
                done_at=now,
            )
        )
        if number == 3:
            raise ValueError("three is poison")

    listen(handle)
    record(engine, 6)
    Relay(engine).drain()
    batch, apart = rows(engine)
    assert batch.done_at is not None
    assert (apart.attempts, apart.done_at, apart.dead_at) == (1, None, None)
    assert "three is poison" in str(apart.last_error)
    assert '"item_ids":[3]' in apart.payload
    with reading(engine) as session:
        marks = set(session.scalars(sa.select(OutboxRow.listener).where(OutboxRow.listener.like("mark:%"))))
    assert marks == {"mark:0", "mark:1", "mark:2", "mark:4", "mark:5"}


def test_a_listener_in_bulk_hears_all_that_waits_at_once_and_falls_back_to_one_by_one(
    engine: sa.Engine, listen: Callable[..., None]
) -> None:
    together: list[int] = []
    single: list[int] = []

    def many(_session: Session, found: Sequence[ItemsChanged], _now: dt.datetime) -> None:
        together.append(len(found))
        if any(event.item_ids == [7] for event in found):
            raise ValueError("not in bulk")

    listen(lambda _session, event, _now: single.append(event.item_ids[0]), many)
    record(engine, 5)
    record(engine, 2)
    Relay(engine).drain()
    assert (together, single) == ([7], [])
    record(engine, 9)
    Relay(engine).drain()
    assert (together, single) == ([7, 9], list(range(9)))
    assert all(row.done_at is not None for row in rows(engine))


def test_a_listener_in_bulk_takes_no_more_than_it_said_and_loses_nothing(
    engine: sa.Engine, listen: Callable[..., None]
) -> None:
    together: list[list[int]] = []

    def many(_session: Session, found: Sequence[ItemsChanged], _now: dt.datetime) -> None:
        together.append([event.item_ids[0] for event in found])

    listen(lambda *_: None, many, at_once=4)
    record(engine, 10)
    record(engine, 3)
    Relay(engine).drain()
    assert max(map(len, together)) == 4
    assert [n for some in together for n in some] == [*range(10), *range(3)]
    assert all(row.done_at is not None for row in rows(engine))


def test_a_piece_ends_in_time_also_where_every_row_holds_more_than_is_taken_at_once(
    engine: sa.Engine, listen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PIECE_S", 0.0)
    together: list[int] = []

    def many(_session: Session, found: Sequence[ItemsChanged], _now: dt.datetime) -> None:
        together.append(len(found))

    listen(lambda *_: None, many, at_once=4)
    for _row in range(3):
        record(engine, 10)
    piece = relay._Piece(clock.now)
    with transaction(engine) as session:
        piece.work(session, [row.id for row in rows(engine)])
    assert together == [4], "one transaction, one taking: others wait to write"
    Relay(engine).drain()
    assert sum(together) == 30


def test_other_rows_do_not_wait_for_the_end_of_a_long_batch(
    engine: sa.Engine, listen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PIECE_S", 0.0)
    heard: list[int] = []
    listen(lambda _session, event, _now: heard.append(event.item_ids[0]))
    record(engine, 3)
    with transaction(engine) as session:
        outbox.record(session, ItemsChanged(item_ids=[99], what="changed", at=clock.now()), now=clock.now())
    Relay(engine).drain()
    assert heard == [0, 99, 1, 2]
    assert all(row.done_at is not None for row in rows(engine))


def test_R_01_rows_share_a_transaction_but_not_a_fault(engine: sa.Engine, listen: Callable[..., None]) -> None:
    heard: list[int] = []

    def handle(session: Session, event: ItemsChanged, now: dt.datetime) -> None:
        if event.item_ids == [1]:
            session.execute(sa.text("INSERT INTO outbox (id) VALUES (NULL)"))  # the database refuses it
        heard.append(event.item_ids[0])

    listen(handle)
    for n in range(3):
        with transaction(engine) as session:
            outbox.record(session, ItemsChanged(item_ids=[n], what="changed", at=clock.now()), now=clock.now())
    assert Relay(engine).drain() == 2
    assert heard == [0, 2]
    good, bad, last = rows(engine)
    assert (good.attempts, bad.attempts, last.attempts) == (1, 1, 1)
    assert (bad.done_at, bad.last_error is not None) == (None, True)
