"""Results come in here: judged in the order of their own times, a batch in the caller's transaction (M-01, M-02).

The samples of what was taken go to the sample store before the caller commits: after a crash between the two, a
repeated call stores them once more, and reading drops the double.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from core.i18n import gettext as _
from monitor import health, metrics, places, rules
from monitor.alerts import checks as check_alerts
from monitor.alerts import keys
from monitor.alerts import service as alerts
from monitor.alerts.models import Alert
from monitor.alerts.telling import Told
from monitor.checks import pollers
from monitor.models import Check, CheckParent, CheckState, StateChange
from monitor.samples import Sample, SampleStore, SeriesKey
from monitor.states import Kind, Standing, State, advance

CHILDREN_WITHIN_S = 30.0
"""How soon a recovered parent's problem children are looked at; M-03 grants 60 seconds."""
OUTPUT_LIMIT = 8000
"""Characters of output kept; the rest of a probe's talk helps nobody."""


@dataclass(frozen=True, slots=True)
class Number:
    """A sample as its source gives it."""

    metric: str
    value: float
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One answer of one check. `evidence` is plain JSON (thresholds, what was seen)."""

    check_id: int
    at: dt.datetime
    state: State
    output: str = ""
    samples: Sequence[Number] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """What makes two results of one moment the same."""
        numbers = [(n.metric, n.value, n.unit, sorted(n.labels.items())) for n in self.samples]
        return hashlib.blake2b(repr((self.state.value, self.output, numbers)).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Taken:
    """What became of a batch; `discarded` holds (index in the batch, reason)."""

    accepted: int = 0
    discarded: list[tuple[int, str]] = field(default_factory=list)
    refused_samples: int = 0
    again: dict[int, float] = field(default_factory=dict)
    """Check id → seconds until it is to be looked at again: a soft state's retry, parents and children (M-01, M-03)."""


def take(session: Session, results: Sequence[Result], *, store: SampleStore | None, now: dt.datetime) -> Taken:
    """Judge a batch and store states, history, alerts and health; record what is to be told. Never commits."""
    batch = _Batch(session, results, now)
    with session.no_autoflush:  # what judging asks for, it has loaded before
        for index in sorted(range(len(results)), key=lambda i: (results[i].at, i)):
            batch.judge(index, results[index])
    batch.finish(store)
    return batch.taken


class _Batch:
    """Everything a batch needs, loaded at once: a thousand results cost as many queries as one."""

    def __init__(self, session: Session, results: Sequence[Result], now: dt.datetime) -> None:
        self.taken = Taken()
        self._session, self._now = session, now
        ids = sorted({r.check_id for r in results})
        self._states = _locked_states(session, ids)
        self._alerts = _newest_alerts(session, ids)
        self._places = places.of_items(session, {s.check.item_id for s in self._states.values()})
        self._told = Told()
        self._samples: list[Sample] = []
        self._changes: list[dict[str, Any]] = []
        self._believed: dict[int, CheckState] = {}
        self._moved: dict[int, State] = {}

    def judge(self, index: int, result: Result) -> None:
        state = self._states.get(result.check_id)
        if state is None or state.check.retired_at is not None:
            self.taken.discarded.append((index, "retired"))
            return
        before, digest, believed = state.standing(), result.digest(), health.believed(state)
        reason = rules.refusal(before, at=result.at, same=digest == state.digest, now=self._now)
        if reason is not None:
            self.taken.discarded.append((index, reason.value))
            return
        after = advance(before, result.state, at=result.at, max_attempts=state.check.max_attempts)
        self._place(state, before, after, result)
        state.digest = digest
        self._look_again(state, before, after)
        self._tell(state, after, result)
        self._keep_samples(result)
        if before is None or health.believed(state) is not believed:
            self._believed[state.check_id] = state
        self.taken.accepted += 1

    def _place(self, state: CheckState, before: Standing | None, after: Standing, result: Result) -> None:
        output = result.output[:OUTPUT_LIMIT]
        was_silent = state.nodata_since is not None and result.at >= state.nodata_since
        if state.nodata_since is not None:
            self._end_silence(state, result.at)
        if before is None or was_silent or (before.state, before.kind) != (after.state, after.kind):
            self._changes.append(_change(state.check_id, after, output, self._now))
        state.state, state.kind, state.attempt = after.state, after.kind, after.attempt
        state.at, state.since, state.failed_at = after.at, after.since, after.failed_at
        state.hard, state.hard_since = after.hard, after.hard_since
        state.output, state.evidence = output, dict(result.evidence)
        state.received_at, state.nodata_since = self._now, None
        state.stale_at = stale_at(state.check, after.at)

    def _look_again(self, state: CheckState, before: Standing | None, after: Standing) -> None:
        if after.kind is Kind.SOFT:
            self.taken.again[state.check_id] = state.check.retry_s
        if before is not None and before.state is not after.state:
            self._moved[state.check_id] = after.state

    def _end_silence(self, state: CheckState, at: dt.datetime) -> None:
        """A replayed result from within the silence shows that there was none: its line goes."""
        self._session.execute(
            sa.delete(StateChange).where(
                StateChange.check_id == state.check_id, StateChange.state == State.NODATA, StateChange.at > at
            )
        )

    def _tell(self, state: CheckState, after: Standing, result: Result) -> None:
        key = keys.problem_key_of_check(state.check_id)
        place = self._places.get(state.check.item_id)
        if place is None:
            return
        alert = check_alerts.after_result(
            self._session,
            state.check,
            place,
            after,
            result.output,
            known=self._alerts,
            told=self._told,
            now=self._now,
        )
        if alert is not None:
            self._alerts[key] = alert

    def _keep_samples(self, result: Result) -> None:
        kept, refused = rules.finite_only(result.samples)
        self.taken.refused_samples += refused
        self._samples.extend(
            Sample(SeriesKey.of(result.check_id, n.metric, dict(n.labels)), result.at, n.value, n.unit) for n in kept
        )

    def finish(self, store: SampleStore | None) -> None:
        if self._changes:
            self._session.execute(sa.insert(StateChange), self._changes)
        self._session.flush()
        self._ask_relatives()
        health.say(self._session, self._believed.values(), now=self._now)
        self._told.record(self._session, now=self._now)
        metrics.results(self.taken)
        if store is not None and self._samples:
            store.append(self._samples)

    def _ask_relatives(self) -> None:
        """M-03: a change has the parents looked at, a recovery the children that have a problem."""
        if not self._moved:
            return
        parents = sa.select(CheckParent.parent_id).where(CheckParent.check_id.in_(sorted(self._moved)))
        for parent_id in self._session.scalars(parents):
            self.taken.again.setdefault(parent_id, 0.0)
        recovered = sorted(i for i, state in self._moved.items() if state is State.OK)
        children = (
            sa.select(CheckParent.check_id)
            .join(CheckState, CheckState.check_id == CheckParent.check_id)
            .where(CheckParent.parent_id.in_(recovered), CheckState.state.is_not(None), CheckState.state != State.OK)
        )
        for child_id in self._session.scalars(children) if recovered else ():
            self.taken.again.setdefault(child_id, CHILDREN_WITHIN_S)


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


def _locked_states(session: Session, check_ids: Sequence[int]) -> dict[int, CheckState]:
    """The rows that judging changes, locked in one order, so that two batches never wait for each other in a ring."""
    rows = session.scalars(
        sa.select(CheckState)
        .where(CheckState.check_id.in_(check_ids))
        .options(joinedload(CheckState.check, innerjoin=True))
        .order_by(CheckState.check_id)
        .with_for_update(of=CheckState)
        .execution_options(populate_existing=True)
    )
    return {row.check_id: row for row in rows}


def _newest_alerts(session: Session, check_ids: Sequence[int]) -> dict[str, Alert]:
    return alerts.newest(session, [keys.problem_key_of_check(check_id) for check_id in check_ids])


def silence(session: Session, *, now: dt.datetime) -> int:
    """Notice checks that fell silent: history, health and an alert for want of data (M-09). Returns how many."""
    rows = session.scalars(
        sa.select(CheckState)
        .join(Check, Check.id == CheckState.check_id)
        .where(Check.retired_at.is_(None), CheckState.stale_at < now, CheckState.nodata_since.is_(None))
        .options(joinedload(CheckState.check, innerjoin=True))
        .order_by(CheckState.check_id)
        .with_for_update(of=CheckState)
        .execution_options(populate_existing=True)
    ).all()
    rows = _really_silent(session, rows, now)
    if not rows:
        return 0
    told, found = Told(), places.of_items(session, {row.check.item_id for row in rows})
    known = _newest_alerts(session, [row.check_id for row in rows])
    for row in rows:
        since = row.stale_at or now
        row.nodata_since = since
        session.add(_silent_line(row, since, now))
        place = found.get(row.check.item_id)
        if place is not None:
            check_alerts.no_data(session, row, place, since=since, known=known, told=told, now=now)
    session.flush()
    health.say(session, rows, now=now)
    told.record(session, now=now)
    return len(rows)


def _really_silent(session: Session, rows: Sequence[CheckState], now: dt.datetime) -> list[CheckState]:
    """Without those that nobody could have heard of for so long: the program was off, or nobody ran the check."""
    if not rows:
        return []
    heard_since = pollers.heard_since(session)

    def is_silent(check: Check) -> bool:
        since = heard_since(check)
        return since is None or now - since > dt.timedelta(seconds=check.freshness_s)

    return [row for row in rows if is_silent(row.check)]


def _silent_line(row: CheckState, since: dt.datetime, now: dt.datetime) -> StateChange:
    last = row.at
    text = _("最后一次结果之后没有数据") if last is not None else _("从未收到结果")
    return StateChange(
        check_id=row.check_id, at=since, state=State.NODATA, kind=Kind.HARD, attempt=0, output=text, received_at=now
    )
