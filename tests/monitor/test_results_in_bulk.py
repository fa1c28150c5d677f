"""Results in bulk: what is judged in memory comes to what judging one by one comes to, and nothing is lost that matters."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from monitor import intake
from monitor.alerts import jobs as alert_jobs
from monitor.alerts.models import Alert, Member
from monitor.checks import service as checks
from monitor.models import Check, CheckState, StateChange
from monitor.results import book as stands
from monitor.results import stand as rows_of_checks
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
                book.stands.clear()
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
    write(watch)
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


def write(watch: Watch) -> int:
    """The job that brings the disk up to date."""
    with watch.world.write() as session:
        return stands.write(session) + alert_jobs.write_seen(session, watch.now)


def kept(watch: Watch, check_id: int | None = None) -> float:
    """When the check was last heard, by the row itself, in seconds after T0."""
    with watch.world.engine.connect() as connection:  # past the memory
        row = sa.select(CheckState.at).where(CheckState.check_id == (check_id or watch.check_id))
        return float((connection.execute(row).scalar_one() - T0).total_seconds())


class Fault(Exception):
    """Something goes wrong before the commit."""


def refuse(_connection: sa.Connection) -> None:
    raise Fault


def take_a_problem(session: Session, watch: Watch) -> None:
    batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=50), State.CRITICAL, "坏")]
    assert intake.take(session, batch, store=None, now=T0 + dt.timedelta(seconds=50)).accepted == 1


def take_the_same_again(session: Session, watch: Watch) -> None:
    batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=50), State.OK, "好")]
    assert intake.take(session, batch, store=None, now=T0 + dt.timedelta(seconds=50)).accepted == 1


def take_and_write(session: Session, watch: Watch) -> None:
    take_the_same_again(session, watch)
    stands.write(session)


def write_behind(session: Session, _watch: Watch) -> None:
    stands.write(session)


def change_the_row(session: Session, watch: Watch) -> None:
    session.get_one(CheckState, watch.check_id).evidence = {"a": 1}
    session.flush()
    take_a_problem(session, watch)


def set_the_clock(session: Session, _watch: Watch) -> None:
    stands.move(session, dt.timedelta(hours=1))


WORK = [take_a_problem, take_the_same_again, take_and_write, write_behind, change_the_row, set_the_clock]


@pytest.mark.parametrize("how", ["raises", "commit", "savepoint", "closed"])
def test_a_failed_transaction_leaves_neither_rows_nor_memory(watch: Watch, how: str) -> None:
    """Whatever it did, and wherever it failed: the next one finds what was answered, and nothing of what was not."""
    for place, work in enumerate(WORK):
        watch.check_id = watch.at(0).add_check(watch.item_id, name=f"{place}", max_attempts=3)
        watch.follow((0, "ok"), (20, "ok"), (40, "ok"))
        watch.at(50)
        fail(watch, work, how)
        told = work.__name__
        assert watch.state().at == T0 + dt.timedelta(seconds=40), f"{told}: what waited to be written is lost"
        write(watch)
        assert kept(watch) == 40, told
        assert watch.at(51).take((40, "ok"), output="ok").discarded == [(0, "repeat")], told
        with watch.at(52).world.write() as session:
            take_the_same_again(session, watch)
        write(watch)
        assert kept(watch) == 50, told
        watch.follow((60, "critical"))
        state = watch.state()
        assert (state.state, state.kind, state.attempt) == ("critical", "soft", 1), told


def fail(watch: Watch, work: Callable[[Session, Watch], None], how: str) -> None:
    """Do the work in a transaction that comes to nothing."""
    if how == "closed":
        with Session(watch.world.engine) as session:
            work(session, watch)
    elif how == "savepoint":
        with watch.world.write() as session, contextlib.suppress(Fault), session.begin_nested():
            work(session, watch)
            raise Fault
    else:
        with contextlib.suppress(Fault), watch.world.write() as session:
            work(session, watch)
            if how == "raises":
                raise Fault
            sa.event.listen(session.connection(), "commit", refuse)


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


def test_what_an_alert_says_survives_a_failed_writing(watch: Watch) -> None:
    """New words of a check's alert, and its count, wait in the memory until they are on the disk."""
    daily = watch.add_check(watch.item_id, name="项", max_attempts=1, freshness_s=7200)
    for seconds, words in ((0, "旧"), (60, "旧"), (120, "新")):
        watch.at(seconds).take((seconds, "critical"), check_id=daily, output=words)

    def change_the_alert(session: Session) -> None:
        alert_jobs.write_seen(session, watch.now)
        member = session.scalars(sa.select(Member).join(Alert).where(Alert.check_id == daily)).one()
        member.resend_s = 5
        session.flush()

    for work in (lambda session: alert_jobs.write_seen(session, watch.now), change_the_alert):
        with contextlib.suppress(Fault), watch.world.write() as session:
            work(session)
            raise Fault
    watch.at(180).take((180, "critical"), check_id=daily, output="新")
    write(watch)
    with watch.world.engine.connect() as connection:
        row = connection.execute(
            sa.select(Member.annotations, Member.count).join(Alert).where(Alert.check_id == daily)
        ).one()
    assert (row.annotations["description"], row.count) == ("新", 4)


def test_a_check_heard_seldom_is_on_the_disk_before_the_answer(watch: Watch) -> None:
    """Else a kill would cost it a whole interval: a day of a daily check, and a false silence an hour later."""
    hour = 3600
    daily = watch.add_check(watch.item_id, name="备份", active=False, freshness_s=25 * hour, max_attempts=1)
    watch.at(0).take((0, "ok"), check_id=daily)
    watch.at(24 * hour).take((24 * hour, "ok"), check_id=daily)
    assert kept(watch, daily) == 24 * hour


def test_writing_behind_ends_though_results_keep_coming(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the right to write: it takes what waits as it begins, and not what comes meanwhile."""
    book = stands.book_of(watch.world.engine)
    if book is None:
        pytest.skip("several processes may write this database")
    watch.follow((0, "ok"), (20, "ok"))
    real, heard = rows_of_checks.write_moved, list[int]()

    def written(connection: sa.Connection, some: Any) -> None:
        real(connection, some)
        heard.append(1)
        assert len(heard) < 5
        batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=20 + len(heard)), State.OK, "好")]
        with Session(watch.world.engine) as other, other.begin():
            assert intake.take(other, batch, store=None, now=watch.now).accepted == 1

    monkeypatch.setattr(rows_of_checks, "write_moved", written)
    with watch.world.write() as session:
        assert stands.write(session) == 1
    assert watch.state().at == T0 + dt.timedelta(seconds=21)


def test_what_another_heard_meanwhile_is_not_taken_back(watch: Watch) -> None:
    if stands.book_of(watch.world.engine) is None:
        pytest.skip("several processes may write this database")
    watch.follow((0, "ok"), (20, "ok"))
    with contextlib.suppress(Fault), watch.at(50).world.write() as session:
        take_the_same_again(session, watch)
        with Session(watch.world.engine) as other, other.begin():
            batch = [intake.Result(watch.check_id, T0 + dt.timedelta(seconds=55), State.OK, "好")]
            assert intake.take(other, batch, store=None, now=T0 + dt.timedelta(seconds=55)).accepted == 1
        raise Fault
    assert watch.state().at == T0 + dt.timedelta(seconds=55)
    write(watch)
    assert kept(watch) == 55
