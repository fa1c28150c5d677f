"""Results come in here: judged in the order of their own times, in the caller's transaction (M-01, M-02).

What says the same again is judged in memory (`results.again`); everything else here, by many: rows are read and written
with one statement a table, whatever their number. The numbers of what was taken go to the sample store before the caller
commits: after a crash between the two, a repeated call stores them once more, and reading drops the double.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from core.db import committed
from core.i18n import gettext as _
from monitor import health, metrics, places, rules
from monitor.alerts import book as alert_book
from monitor.alerts import checks as check_alerts
from monitor.alerts import keys
from monitor.alerts import service as alerts
from monitor.alerts.models import Alert
from monitor.alerts.telling import Told
from monitor.checks import pollers
from monitor.models import Check, CheckParent, CheckState, StateChange
from monitor.results import book as stands
from monitor.results import firing
from monitor.results import stand as rows
from monitor.results.again import Again
from monitor.results.numbers import Numbers
from monitor.results.stand import Said, Stand
from monitor.results.taken import Taken
from monitor.samples import SampleStore
from monitor.states import Kind, Standing, State, advance

__all__ = ["Number", "Result", "Taken", "silence", "stale_at", "take", "take_all"]

CHILDREN_WITHIN_S = 30.0
"""How soon a recovered parent's problem children are looked at; M-03 grants 60 seconds."""


class Number(msgspec.Struct, frozen=True):
    """A sample as its source gives it."""

    metric: str
    value: float
    unit: str = ""
    labels: Mapping[str, str] = {}


class Result(msgspec.Struct, frozen=True):
    """One answer of one check. `evidence` is plain JSON (thresholds, what was seen)."""

    check_id: int
    at: dt.datetime
    state: State
    output: str = ""
    samples: Sequence[Number] = ()
    evidence: Mapping[str, Any] = {}


def take(session: Session, results: Sequence[Said], *, store: SampleStore | None, now: dt.datetime) -> Taken:
    """Judge a batch and store states, history, alerts and health; record what is to be told. Never commits."""
    [taken] = take_all(session, [results], store=store, now=now)
    return taken


def take_all(
    session: Session, batches: Sequence[Sequence[Said]], *, store: SampleStore | None, now: dt.datetime
) -> list[Taken]:
    """Several batches in one transaction, as if one came after the other."""
    found, numbers = [Taken() for _batch in batches], Numbers()
    orders: list[Sequence[int]] = [_by_time(results) for results in batches]
    book, known_alerts = stands.book_of(session.get_bind()), alert_book.book_of(session.get_bind())
    again = Again(book, known_alerts, now) if book is not None and known_alerts is not None else None
    try:
        if again is not None:
            committed.in_the_end(session, undone=again.undo)  # where the commit fails; here, where we do
            each = zip(batches, orders, found, strict=True)
            orders = [again.take(results, order, taken, numbers) for results, order, taken in each]
        if any(orders):
            _judge(session, list(zip(batches, orders, found, strict=True)), numbers, now)
        numbers.store(store)
    except BaseException:
        if again is not None:
            again.undo()
        raise
    for taken in found:
        metrics.results(taken)
    return found


def _by_time(results: Sequence[Said]) -> Sequence[int]:
    at = [said.at for said in results]
    return sorted(range(len(at)), key=at.__getitem__)


def _judge(
    session: Session, batches: Sequence[tuple[Sequence[Said], Sequence[int], Taken]], numbers: Numbers, now: dt.datetime
) -> None:
    ids = {results[place].check_id for results, order, _taken in batches for place in order}
    with session.no_autoflush:  # what judging asks for, it has loaded before
        batch = _Batch(session, sorted(ids), numbers, now)
        for results, order, taken in batches:
            for place in order:
                batch.judge(place, results[place], taken)
        batch.tell()
    batch.finish(batches[-1][2])


class _Batch:
    """Everything a batch needs, loaded at once: a thousand results cost as many statements as one."""

    def __init__(self, session: Session, ids: Sequence[int], numbers: Numbers, now: dt.datetime) -> None:
        self._session, self._numbers, self._now = session, numbers, now
        self._stands = stands.claim(session, ids)
        self._told = Told()
        self._steps: list[tuple[Stand, Standing, str]] = []
        self._alerts: dict[str, Alert] = {}
        self._changes: list[dict[str, Any]] = []
        self._changed: dict[int, Stand] = {}
        self._believed: dict[int, Stand] = {}
        self._moved: dict[int, State] = {}
        self._again: dict[int, float] = {}

    def judge(self, index: int, said: Said, taken: Taken) -> None:
        stand = self._stands.get(said.check_id)
        if stand is None or stand.check.is_retired:
            taken.discarded.append((index, "retired"))
            return
        before, believed = stand.standing(), health.believed(stand)
        same = before is not None and said.at == before.at and rows.digest(said) == stand.content()
        reason = rules.refusal(before, at=said.at, same=same, now=self._now)
        if reason is not None:
            taken.discarded.append((index, reason.value))
            return
        after = advance(before, said.state, at=said.at, max_attempts=stand.check.max_attempts)
        self._place(stand, before, after, said)
        self._look_again(stand, before, after, taken)
        self._steps.append((stand, after, said.output))
        taken.refused_samples += self._numbers.add(said)
        if before is None or health.believed(stand) is not believed:
            self._believed[stand.check_id] = stand
        taken.accepted += 1

    def _place(self, stand: Stand, before: Standing | None, after: Standing, said: Said) -> None:
        was_silent = stand.nodata_since is not None and said.at >= stand.nodata_since
        if stand.nodata_since is not None:
            self._end_silence(stand, said.at)
        stand.hear(said, self._now)
        stand.place(after)
        stand.nodata_since = None
        if before is None or was_silent or (before.state, before.kind) != (after.state, after.kind):
            self._changes.append(_change(stand.check_id, after, stand.output, self._now))
        self._changed[stand.check_id] = stand

    def _look_again(self, stand: Stand, before: Standing | None, after: Standing, taken: Taken) -> None:
        if after.kind is Kind.SOFT:
            taken.again[stand.check_id] = stand.check.retry_s
        if before is not None and before.state is not after.state:
            self._moved[stand.check_id] = after.state

    def _end_silence(self, stand: Stand, at: dt.datetime) -> None:
        """A replayed result from within the silence shows that there was none: its line goes."""
        self._session.execute(
            sa.delete(StateChange).where(
                StateChange.check_id == stand.check_id, StateChange.state == State.NODATA, StateChange.at > at
            )
        )

    def tell(self) -> None:
        """Raise, change, end or keep alerts, step by step; of whoever is well and has none nothing is asked."""
        firing.look_up(self._session, self._changed.values())
        bad = {s.check_id for s, after, _text in self._steps if after.kind is Kind.HARD and after.state is not State.OK}
        steps = [step for step in self._steps if step[0].alert_open or step[0].check_id in bad]
        if not steps:
            return
        keys_of = {stand.check_id: keys.problem_key_of_check(stand.check_id) for stand, _after, _text in steps}
        self._alerts = alerts.newest(self._session, list(keys_of.values()))
        found = places.of_items(self._session, {stand.check.item_id for stand, _after, _text in steps})
        for stand, after, output in steps:
            place = found.get(stand.check.item_id)
            if place is None:
                continue
            alert = check_alerts.after_result(
                self._session, stand.check, place, after, output, known=self._alerts, told=self._told, now=self._now
            )  # fmt: skip
            if alert is not None:
                self._alerts[keys_of[stand.check_id]] = alert

    def finish(self, taken: Taken) -> None:
        """Write everything. `taken`: gets which checks of others are to be looked at again."""
        if self._changes:
            self._session.execute(sa.insert(StateChange), self._changes)
        self._session.flush()
        rows.write(self._session.connection(), self._changed.values())
        for target in [o for o in self._session.identity_map.values() if isinstance(o, CheckState)]:
            self._session.expire(target)  # written past it
        self._ask_relatives(taken)
        health.say(self._session, self._believed.values(), now=self._now)
        self._told.record(self._session, now=self._now)
        self._session.flush()
        self._enter()

    def _enter(self) -> None:
        for stand in self._changed.values():
            stand.kept_until = stand.stale_at
        if stands.book_of(self._session.get_bind()) is not None:
            firing.settle(self._session, self._stands.values(), self._alerts)
            stands.enter(self._session, list(self._stands.values()))

    def _ask_relatives(self, taken: Taken) -> None:
        """M-03: a change has the parents looked at, a recovery the children that have a problem."""
        if not self._moved:
            return
        moved, recovered = sorted(self._moved), sorted(i for i, state in self._moved.items() if state is State.OK)
        parents = sa.select(CheckParent.parent_id).where(CheckParent.check_id.in_(rows.listed(self._session, moved)))
        for parent_id in self._session.scalars(parents):
            taken.again.setdefault(parent_id, 0.0)
        children = (
            sa.select(CheckParent.check_id)
            .join(CheckState, CheckState.check_id == CheckParent.check_id)
            .where(CheckParent.parent_id.in_(rows.listed(self._session, recovered)))
            .where(CheckState.state.is_not(None), CheckState.state != State.OK)
        )
        for child_id in self._session.scalars(children) if recovered else ():
            taken.again.setdefault(child_id, CHILDREN_WITHIN_S)


def stale_at(check: Check, last: dt.datetime) -> dt.datetime | None:
    """From when on silence is no data; None where the check never goes stale."""
    return last + dt.timedelta(seconds=check.freshness_s) if check.freshness_s > 0 else None


def _change(check_id: int, after: Standing, output: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "check_id": check_id,
        "at": after.at,
        "state": after.state,
        "kind": after.kind,
        "attempt": after.attempt,
        "output": output,
        "received_at": now,
    }


def _newest_alerts(session: Session, check_ids: Sequence[int]) -> dict[str, Alert]:
    return alerts.newest(session, [keys.problem_key_of_check(check_id) for check_id in check_ids])


def silence(session: Session, *, now: dt.datetime) -> int:
    """Notice checks that fell silent: history, health and an alert for want of data (M-09). Returns how many."""
    stands.write(session)
    silent = session.scalars(
        sa.select(CheckState)
        .join(Check, Check.id == CheckState.check_id)
        .where(Check.retired_at.is_(None), CheckState.stale_at < now, CheckState.nodata_since.is_(None))
        .options(joinedload(CheckState.check, innerjoin=True))
        .order_by(CheckState.check_id)
        .with_for_update(of=CheckState)
        .execution_options(populate_existing=True)
    ).all()
    silent = [row for row in silent if row.stale_at is not None and row.stale_at < now]  # heard while we looked
    silent = _really_silent(session, silent, now)
    if not silent:
        return 0
    told, found = Told(), places.of_items(session, {row.check.item_id for row in silent})
    known = _newest_alerts(session, [row.check_id for row in silent])
    for row in silent:
        since = row.stale_at or now
        row.nodata_since = since
        session.add(_silent_line(row, since, now))
        place = found.get(row.check.item_id)
        if place is not None:
            check_alerts.no_data(session, row, place, since=since, known=known, told=told, now=now)
    session.flush()
    health.say(session, silent, now=now)
    told.record(session, now=now)
    return len(silent)


def _really_silent(session: Session, silent: Sequence[CheckState], now: dt.datetime) -> list[CheckState]:
    """Without those that nobody could have heard of for so long: the program was off, or nobody ran the check."""
    if not silent:
        return []
    heard_since = pollers.heard_since(session)

    def is_silent(check: Check) -> bool:
        since = heard_since(check)
        return since is None or now - since > dt.timedelta(seconds=check.freshness_s)

    return [row for row in silent if is_silent(row.check)]


def _silent_line(row: CheckState, since: dt.datetime, now: dt.datetime) -> StateChange:
    last = row.at
    text = _("最后一次结果之后没有数据") if last is not None else _("从未收到结果")
    return StateChange(
        check_id=row.check_id, at=since, state=State.NODATA, kind=Kind.HARD, attempt=0, output=text, received_at=now
    )
