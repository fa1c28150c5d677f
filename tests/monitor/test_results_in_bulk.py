"""Results in bulk: what is judged in memory comes to what judging one by one comes to, and nothing is lost that matters."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from monitor import intake
from monitor.alerts import jobs as alert_jobs
from monitor.alerts.models import Alert
from monitor.checks import service as checks
from monitor.models import Check, CheckState, StateChange
from monitor.results import book as stands
from monitor.results.again import Again
from monitor.samples.base import SampleStoreError
from monitor.states import Standing, State, advance
from tests.monitor.conftest import T0, Watch

STATES = [*[State.OK] * 6, State.CRITICAL, State.CRITICAL, State.CRITICAL, State.WARNING, State.UNKNOWN]


def rows(watch: Watch) -> list[tuple[Any, ...]]:
    """Everything a reader sees of checks, by the order in which they were made."""
    with watch.world.write() as session:
        stands.write(session)
        alert_jobs.write_seen(session, watch.now)
    with watch.world.read() as session:
        first = session.scalar(sa.select(sa.func.min(CheckState.check_id))) or 0
        states = [
            (
                s.check_id - first,
                s.standing(),
                s.output,
                s.evidence,
                s.digest,
                s.received_at,
                s.stale_at,
                s.nodata_since,
            )
            for s in session.scalars(sa.select(CheckState).order_by(CheckState.check_id))
        ]
        changes = [
            (c.check_id - first, c.at, c.state, c.kind, c.attempt, c.output)
            for c in session.scalars(
                sa.select(StateChange).order_by(StateChange.check_id, StateChange.at, StateChange.id)
            )
        ]
        alerts = [
            ((a.check_id or 0) - first, a.episode, a.severity, a.summary, a.starts_at, a.resolved_at,
             [(m.annotations, m.count, m.last_seen_at, m.resolved_at) for m in a.members])
            for a in session.scalars(sa.select(Alert).order_by(Alert.check_id, Alert.episode))
        ]  # fmt: skip
        return [*states, *changes, *alerts]


def story(seed: int, count: int) -> list[tuple[float, list[tuple[int, float, State, str]]]]:
    """(moment, results as (check, at, state, words)): mostly the same again, some late, repeated, or by a wrong clock."""
    made = random.Random(seed)
    told: list[tuple[float, list[tuple[int, float, State, str]]]] = []
    state = [State.OK] * count
    for turn in range(14):
        now = 60.0 * (turn + 1) + (400 if turn > 9 else 0)
        batch = []
        for check in range(count):
            if made.random() < 0.2:
                state[check] = made.choice(STATES)
            at = now - made.choice((0, 0, 0, 0, 1, 90)) + made.choice((0,) * 20 + (200, 900))
            words = made.choice(("稳定", "稳定", f"{made.randrange(9)} 毫秒"))
            batch += [(check, at, state[check], words)] * made.choice((1, 1, 1, 2))
            if made.random() < 0.1:
                batch.append((check, at + 1, made.choice(STATES), words))
        told.append((now, batch))
    return told


@pytest.mark.parametrize("seed", [1, 2])
def test_memory_comes_to_what_the_rows_come_to(watch: Watch, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same story twice: once as it is, once with the short cut shut and the memory forgotten before each batch."""
    found = []
    for is_short in (True, False):
        items = [watch.add_item(f"机{is_short}{n}") for n in range(3)]
        ids = [watch.add_check(items[n % 3], name=f"项{n}", max_attempts=1 + n % 3) for n in range(9)]
        if not is_short:
            monkeypatch.setattr(Again, "take", lambda _self, _results, order, _taken, _numbers: list(order))
        answers = []
        for now, batch in story(seed, len(ids)):
            if not is_short and (book := stands.book_of(watch.world.engine)) is not None:
                book.clear()
            results = [
                intake.Result(ids[check], T0 + dt.timedelta(seconds=at), state, words, [intake.Number("n", at)])
                for check, at, state, words in batch
            ]
            with watch.at(now).world.write() as session:
                taken = intake.take(session, results, store=None, now=watch.now)
            answers.append(
                (taken.accepted, sorted(taken.discarded), sorted((ids.index(k), v) for k, v in taken.again.items()))
            )
            with watch.world.write() as session:
                intake.silence(session, now=watch.now)
        mine = [row for row in rows(watch) if row[0] in range(ids[0] - watch.check_id, ids[-1] - watch.check_id + 1)]
        shift = ids[0] - watch.check_id
        found.append((answers, [_worded(row, shift, is_short) for row in mine]))
    assert found[0] == found[1]


def _worded(row: Any, shift: int, is_short: bool) -> tuple[Any, ...]:
    """A row as both tellings of the story have it."""
    return (row[0] - shift, *(repr(part).replace(f"机{is_short}", "机") for part in row[1:]))


@pytest.mark.parametrize("state", [State.OK, State.CRITICAL, State.WARNING])
def test_what_advance_says_of_the_same_again(state: State) -> None:
    """The rule behind the short cut: of a believed state that comes again nothing but its time moves."""
    stand: Standing | None = None
    for second in range(4):
        stand = advance(stand, state, at=T0 + dt.timedelta(seconds=second), max_attempts=2)
    assert stand is not None
    after = advance(stand, state, at=T0 + dt.timedelta(seconds=9), max_attempts=5)
    assert (after.state, after.kind, after.attempt) == (stand.state, stand.kind, stand.attempt)
    assert (after.since, after.hard, after.hard_since) == (stand.since, stand.hard, stand.hard_since)
    assert after.failed_at == stand.failed_at


def test_the_same_again_asks_the_disk_nothing(watch: Watch) -> None:
    if stands.book_of(watch.world.engine) is None:
        pytest.skip("several processes may write this database")
    watch.follow((0, "ok"), (60, "ok"))
    statements: list[str] = []
    sa.event.listen(watch.world.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    watch.follow((120, "ok"))
    assert statements == []
    assert watch.state().at == T0 + dt.timedelta(seconds=120), "a reader sees it all the same"
    statements.clear()
    watch.follow((180, "critical"))
    assert any("UPDATE check_state" in text for text in statements), "a change is on the disk before the answer"


def test_a_changed_check_is_judged_by_what_it_is_now(watch: Watch) -> None:
    watch.follow((0, "ok"), (60, "ok"))
    with watch.at(61).world.write() as session:
        checks.change(
            session,
            session.get_one(Check, watch.check_id),
            checks.Definition(freshness_s=600, max_attempts=1),
            now=watch.now,
        )
    watch.follow((120, "ok"))
    assert watch.state().stale_at == T0 + dt.timedelta(seconds=720)
    watch.follow((180, "critical"))
    with watch.world.read() as session:
        assert [a.severity for a in session.scalars(sa.select(Alert))] == ["critical"]
    with watch.at(190).world.write() as session:
        checks.retire(session, session.get_one(Check, watch.check_id), now=watch.now)
    assert watch.at(240).take((240, "critical")).discarded == [(0, "retired")]


def test_a_failed_transaction_leaves_neither_rows_nor_memory(watch: Watch) -> None:
    watch.follow((0, "ok"), (60, "ok"), (120, "ok"))

    def fail() -> None:
        with watch.at(180).world.write() as session:
            batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=180), State.CRITICAL, "坏")]
            assert intake.take(session, batch, store=None, now=watch.now).accepted == 1
            raise OperationalError("commit", None, Exception("the disk is full"))

    with pytest.raises(OperationalError):
        fail()
    assert watch.state().at == T0 + dt.timedelta(seconds=120), "not even what waited to be written is lost"
    watch.follow((180, "ok"), (240, "critical"))
    state = watch.state()
    assert (state.state, state.kind, state.attempt) == ("critical", "soft", 1)


class Full:
    """A sample store whose disk is full."""

    def numbers(self, series: Any, _units: Any) -> list[int]:
        return list(range(len(series)))

    def append_columns(self, *_columns: Any) -> int:
        raise SampleStoreError("the disk is full")


def test_where_numbers_can_not_be_kept_nothing_was_taken(watch: Watch) -> None:
    """So that whoever sends it again is not told that it was a repeat, and the numbers are not lost."""
    watch.follow((0, "ok"), (60, "ok"))
    batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=120), State.OK, "好", [intake.Number("n", 1.0)])]

    def refused() -> None:
        with watch.at(120).world.write() as session:
            intake.take(session, batch, store=Full(), now=watch.now)  # type: ignore[arg-type]

    with pytest.raises(SampleStoreError):
        refused()
    assert watch.state().at == T0 + dt.timedelta(seconds=60)
    with watch.world.write() as session:
        assert intake.take(session, batch, store=None, now=watch.now).accepted == 1


def test_the_disk_is_never_so_far_behind_that_a_check_looks_silent(watch: Watch) -> None:
    """LEAD: a result that comes just before its check would be stale is written at once."""
    watch.follow((0, "ok"), (60, "ok"), (235, "ok"))
    with watch.world.engine.connect() as connection:  # the row itself, past the memory
        stale_at = connection.execute(sa.select(CheckState.stale_at)).scalar_one()
    assert stale_at == T0 + dt.timedelta(seconds=235 + 180)
