"""The one place that decides whether alerts are quiet: asked whenever label sets came, went or changed.

Intake asks in the transaction that stores the alerts (by way of `alerts.telling.Told`), `turning` whenever a silence or a
rule begins or ends. It keeps the rows that say by what an alert is quiet, and answers what must not be told now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import UnitClosure
from monitor.alerts.models import Alert
from monitor.models import Check, CheckState
from monitor.quiet import rules, shelf
from monitor.quiet.matching import Book, Places, Side, Source, Subject, inhibited_by
from monitor.quiet.models import Hold, InhibitionKey, Muting, Reason
from monitor.rules import Severity

MINE = frozenset(Reason)


@dataclass
class Outcome:
    """What came of it. `quiet`: alert ids about which nothing is told now; `lifted`: (alert, severity told before it went
    quiet) of those that may be told of again; `changed`: those that went quiet or ceased to be; `moved`: hashes of
    inhibition whose sources came or went."""

    quiet: set[int] = field(default_factory=set)
    lifted: list[tuple[Alert, Severity | None]] = field(default_factory=list)
    changed: list[Alert] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)

    def keeps_back(self, alert_id: int) -> bool:
        """Whether a beginning or a change of this alert is not told as it comes."""
        return alert_id in self.quiet or any(alert.id == alert_id for alert, _told in self.lifted)


def settle(
    session: Session, alerts: Collection[Alert], *, before: Mapping[int, Severity | None], now: dt.datetime
) -> Outcome:
    """Decide for these alerts, whose rows the caller has locked and whose members are loaded.

    `before`: alert id → the severity told before this transaction, None for one that begins in it.
    """
    outcome, book = Outcome(), shelf.book(session)
    elder = [a for a in alerts if before.get(a.id, a.severity) is not None]
    holds = _holds(session, [a.id for a in elder])
    if book.is_empty and not holds and not any(MINE.intersection(a.suppressed_by) for a in alerts):
        return outcome
    session.flush()
    muted = _Muter(session, book, now).judge(alerts, elder, outcome)
    told_of = _checks(session, [a for a in alerts if a.check_id is not None])
    for alert in alerts:
        hold = holds.get(alert.id)
        if alert.resolved_at is not None:
            alert.suppressed_by = []
            if hold is not None:
                session.delete(hold)
            continue
        was, alert.suppressed_by = bool(alert.suppressed_by), _reasons(alert, muted)
        if was is not bool(alert.suppressed_by):
            outcome.changed.append(alert)
        if alert.suppressed_by:
            _go_quiet(session, alert, hold, before.get(alert.id, alert.severity), now)
            outcome.quiet.add(alert.id)
        elif hold is not None:
            _lift(session, alert, hold, told_of.get(alert.check_id or 0), outcome, now)
    session.flush()
    return outcome


def _holds(session: Session, ids: Sequence[int]) -> dict[int, Hold]:
    if not ids:
        return {}
    return {h.alert_id: h for h in session.scalars(sa.select(Hold).where(Hold.alert_id.in_(ids)))}


def _go_quiet(session: Session, alert: Alert, hold: Hold | None, told: Severity | None, now: dt.datetime) -> None:
    if hold is None:
        session.add(Hold(alert_id=alert.id, since=now, told=told))
    else:
        hold.lifted_at = None


@dataclass(frozen=True, slots=True)
class _Looked:
    """Where an alert's check stands; `interval` None where nobody looks by himself."""

    state: CheckState
    interval: dt.timedelta | None


def _checks(session: Session, alerts: Iterable[Alert]) -> dict[int, _Looked]:
    ids = {a.check_id for a in alerts}
    if not ids:
        return {}
    rows = session.execute(
        sa.select(CheckState, Check.active, Check.interval_s)
        .join(Check, Check.id == CheckState.check_id)
        .where(CheckState.check_id.in_(ids))
    )
    return {s.check_id: _Looked(s, dt.timedelta(seconds=every) if active else None) for s, active, every in rows}


def _lift(
    session: Session, alert: Alert, hold: Hold, looked: _Looked | None, outcome: Outcome, now: dt.datetime
) -> None:
    hold.lifted_at = hold.lifted_at or now
    if looked is not None and not rules.may_tell(
        looked.state.kind,
        checked_at=looked.state.at,
        interval=looked.interval,
        lifted_at=hold.lifted_at,
        now=now,
    ):
        outcome.quiet.add(alert.id)
        return
    outcome.lifted.append((alert, hold.told))
    session.delete(hold)


def _reasons(alert: Alert, muted: Mapping[int, set[Reason]]) -> list[str]:
    """Quiet is what all its open label sets are; reasons of others than this room stay as they are."""
    theirs = [r for r in alert.suppressed_by if r not in MINE]
    firing = [m.id for m in alert.members if m.resolved_at is None]
    if not all(muted.get(i) for i in firing):
        return theirs
    return [*theirs, *sorted({reason.value for i in firing for reason in muted[i]})]


class _Muter:
    """Works out for label sets by what they are quiet, and writes it down; in as many statements for many as for one."""

    def __init__(self, session: Session, book: Book, now: dt.datetime) -> None:
        self._session, self._book, self._now = session, book, now
        self._rows: dict[tuple[int, Reason, str], int] = {}

    def judge(self, alerts: Collection[Alert], elder: Sequence[Alert], outcome: Outcome) -> dict[int, set[Reason]]:
        """Label set id → why it is quiet."""
        subjects = subjects_of(alerts)
        gone = self._forget([a.id for a in elder])
        above = units_above(self._session, {s.unit_id for s in subjects})
        sides = {s.member_id: self._book.sides(s.labels) for s in subjects} if self._book.rules else {}
        came = self._remember(subjects, sides)
        outcome.moved = {key for key, *_rest in came ^ gone}
        sources = self._sources([side.key for found in sides.values() for side in found if not side.is_source])
        for subject in subjects:
            units = above.get(subject.unit_id, frozenset())
            for uid in self._book.silenced_by(subject.labels, places_of(subject, units), self._now):
                self._mute(subject, Reason.SILENCE, uid)
            for side in sides.get(subject.member_id, ()):
                if not side.is_source:
                    self._inhibit(subject, side, sources, units)
        return self._written()

    def _forget(self, ids: Sequence[int]) -> set[tuple[str, str, bool]]:
        """Delete what was known of these alerts; returns the sources among it as (key, fingerprint, both)."""
        if not ids:
            return set()
        keys = sa.select(InhibitionKey.key, InhibitionKey.fingerprint, InhibitionKey.both)
        gone = {
            (key, fingerprint, both)
            for key, fingerprint, both in self._session.execute(
                keys.where(InhibitionKey.alert_id.in_(ids), InhibitionKey.is_source)
            )
        }
        self._session.execute(sa.delete(InhibitionKey).where(InhibitionKey.alert_id.in_(ids)))
        self._session.execute(sa.delete(Muting).where(Muting.alert_id.in_(ids)))
        return gone

    def _remember(self, subjects: Sequence[Subject], sides: Mapping[int, Sequence[Side]]) -> set[tuple[str, str, bool]]:
        rows = [
            {
                "member_id": s.member_id,
                "rule_id": side.rule_id,
                "is_source": side.is_source,
                "key": side.key,
                "both": side.both,
                "alert_id": s.alert_id,
                "unit_id": s.unit_id,
                "fingerprint": s.fingerprint,
            }
            for s in subjects
            for side in sides.get(s.member_id, ())
        ]
        if rows:
            self._session.execute(sa.insert(InhibitionKey), rows)
        return {(str(r["key"]), str(r["fingerprint"]), bool(r["both"])) for r in rows if r["is_source"]}

    def _sources(self, keys: Sequence[str]) -> dict[str, list[Source]]:
        found: dict[str, list[Source]] = {}
        if not keys:
            return found
        columns = (InhibitionKey.key, InhibitionKey.rule_id, InhibitionKey.fingerprint, InhibitionKey.unit_id)
        rows = self._session.execute(
            sa.select(*columns, InhibitionKey.both)
            .where(InhibitionKey.is_source, InhibitionKey.key.in_(sorted(set(keys))))
            .distinct()
        )
        for key, rule_id, fingerprint, unit_id, both in rows:
            found.setdefault(key, []).append(Source(rule_id, fingerprint, unit_id, both))
        return found

    def _inhibit(
        self, subject: Subject, side: Side, sources: Mapping[str, list[Source]], units: frozenset[int]
    ) -> None:
        across = self._book.rules[side.rule_id].across_units
        by = inhibited_by(side, sources.get(side.key, ()), across_units=across, units=units)
        if by is not None:
            self._mute(subject, Reason.INHIBITION, by)

    def _mute(self, subject: Subject, reason: Reason, by: str) -> None:
        self._rows[subject.member_id, reason, by] = subject.alert_id  # two rules may name the same source

    def _written(self) -> dict[int, set[Reason]]:
        rows = [
            {"member_id": member_id, "reason": reason, "by": by, "alert_id": alert_id}
            for (member_id, reason, by), alert_id in self._rows.items()
        ]
        if rows:
            self._session.execute(sa.insert(Muting), rows)
        muted: dict[int, set[Reason]] = {}
        for member_id, reason, _by in self._rows:
            muted.setdefault(member_id, set()).add(reason)
        return muted


def subjects_of(alerts: Iterable[Alert]) -> list[Subject]:
    """The label sets of these alerts that fire."""
    return [
        Subject(m.id, a.id, m.fingerprint, m.labels, a.unit_id, a.team_id, a.service_id)
        for a in alerts
        if a.resolved_at is None
        for m in a.members
        if m.resolved_at is None
    ]


def units_above(session: Session, unit_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Unit → itself and all units above it."""
    if not unit_ids:
        return {}
    found: dict[int, set[int]] = {}
    pairs = sa.select(UnitClosure.descendant_id, UnitClosure.ancestor_id)
    for unit_id, above in session.execute(pairs.where(UnitClosure.descendant_id.in_(sorted(unit_ids)))):
        found.setdefault(unit_id, set()).add(above)
    return {unit_id: frozenset(above) for unit_id, above in found.items()}


def places_of(subject: Subject, units: frozenset[int]) -> Places:
    """Where a label set lies, as silences name places."""
    places = {("unit", unit_id) for unit_id in units}
    if subject.team_id is not None:
        places.add(("team", subject.team_id))
    if subject.service_id is not None:
        places.add(("service", subject.service_id))
    return frozenset(places)
