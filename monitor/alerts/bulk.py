"""New episodes and what is known of old ones, many at a time and without the unit of work: one statement a table."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import Session

from core.db.kept import Kept
from monitor.alerts import keys
from monitor.alerts.book import Entry, Place, notes_of
from monitor.alerts.models import Alert, Member
from monitor.alerts.service import Firing
from monitor.rules import Severity

CHUNK = 100
"""Rows a statement inserts on SQLite; each chunk is one call that lets other threads run."""


@dataclass(slots=True)
class Problem:
    """The newest episode of a problem."""

    id: int
    episode: int
    is_open: bool
    place: Place


@dataclass(slots=True)
class Begun:
    """An episode just written; has what an Alert has, as far as telling needs it."""

    id: int
    problem_key: str
    episode: int
    fingerprint: str
    alertname: str
    severity: Severity
    summary: str
    source: str
    starts_at: dt.datetime
    unit_id: int
    item_id: int | None
    service_id: int | None
    team_id: int | None
    check_id: int | None
    firing: Firing
    resolved_at: dt.datetime | None = None


def open_members(session: Session, fingerprints: Collection[str]) -> dict[str, Entry]:
    """Open label sets by fingerprint, locked for this transaction."""
    found: dict[str, Entry] = {}
    for row in session.connection().execute(_OPEN, {"wanted": list(fingerprints)}):
        found[row.fingerprint] = Entry(
            row.id,
            row.alert_id,
            row.fingerprint,
            place=(row.unit_id, row.item_id, row.service_id, row.team_id),
            of_check=row.check_id is not None,
            notes=notes_of(row.annotations),
            shown=row.fingerprint == row.shown,
            starts_at=row.starts_at,
            last_seen_at=row.last_seen_at,
            count=row.times,
            expires_at=row.expires_at,
            resend_s=row.resend_s,
        )
    return found


_OPEN = (
    sa.select(
        *(
            Member.id,
            Member.alert_id,
            Member.fingerprint,
            Member.annotations,
            Member.starts_at,
            Member.last_seen_at,
        ),
        *(
            Member.count.label("times"),
            Member.expires_at,
            Member.resend_s,
            Alert.unit_id,
            Alert.item_id,
            Alert.service_id,
        ),
        *(Alert.team_id, Alert.check_id, Alert.fingerprint.label("shown")),
    )
    .join(Alert, Alert.id == Member.alert_id)
    .where(
        Member.fingerprint.in_(sa.bindparam("wanted", expanding=True)),
        Member.resolved_at.is_(None),
    )
    .order_by(Member.id)
    .with_for_update(of=Member)
)
_NEWEST = (
    sa.select(
        *(
            Alert.problem_key,
            Alert.id,
            Alert.episode,
            Alert.resolved_at.is_(None).label("is_open"),
        ),
        *(Alert.unit_id, Alert.item_id, Alert.service_id, Alert.team_id),
    )
    .where(
        Alert.problem_key.in_(sa.bindparam("wanted", expanding=True)),
        Alert.superseded.is_(False),
    )
    .order_by(Alert.id)
    .with_for_update()
)


def newest(session: Session, problem_keys: Collection[str]) -> dict[str, Problem]:
    """Problem key → its newest episode, open or over, locked for this transaction."""
    return {
        row.problem_key: Problem(
            row.id,
            row.episode,
            bool(row.is_open),
            (row.unit_id, row.item_id, row.service_id, row.team_id),
        )
        for row in session.connection().execute(_NEWEST, {"wanted": list(problem_keys)})
    }


def last_members(session: Session, fingerprints: Collection[str]) -> dict[str, tuple[int, bool, dt.datetime]]:
    """Fingerprint → (resend_s, timed_out, last_seen_at) of its newest label set."""
    newest_ids = (
        sa.select(sa.func.max(Member.id)).where(Member.fingerprint.in_(fingerprints)).group_by(Member.fingerprint)
    )
    rows = session.execute(
        sa.select(Member.fingerprint, Member.resend_s, Member.timed_out, Member.last_seen_at).where(
            Member.id.in_(newest_ids)
        )
    )
    return {fingerprint: (resend, timed_out, seen) for fingerprint, resend, timed_out, seen in rows}


def begin(
    session: Session,
    firings: Sequence[tuple[Firing, Problem | None]],
    *,
    now: dt.datetime,
) -> tuple[list[Begun], list[Entry], list[Firing]]:
    """Write new episodes, each of another problem; `Problem`: the one before, which is over.

    Returns what was begun, its label sets, and the firings whose problem somebody else began at the same moment.
    """
    ids = _ids(session, Alert, len(firings))
    begun = [_begun(number, firing, last) for number, (firing, last) in zip(ids, firings, strict=True)]
    lost = _insert(session, Alert, _ALERT, [_alert_row(b, now) for b in begun], unless_there=True)
    kept = [b for b in begun if b.id not in lost] if lost else begun
    if over := [last.id for b, (_f, last) in zip(begun, firings, strict=True) if last is not None and b.id not in lost]:
        session.execute(sa.update(Alert).where(Alert.id.in_(over)).values(superseded=True))
    entries = [_entry(number, b, now) for number, b in zip(_ids(session, Member, len(kept)), kept, strict=True)]
    _insert(
        session,
        Member,
        _MEMBER,
        [_member_row(e, b, now) for e, b in zip(entries, kept, strict=True)],
    )
    return kept, entries, [b.firing for b in begun if b.id in lost]


def _begun(number: int, firing: Firing, last: Problem | None) -> Begun:
    place = firing.where
    return Begun(
        number,
        firing.problem_key,
        last.episode + 1 if last is not None else 1,
        firing.fingerprint or keys.fingerprint(firing.labels),
        firing.labels.get("alertname", "")[:200],
        firing.severity,
        firing.summary,
        firing.source,
        firing.starts_at,
        place.unit_id,
        place.item_id,
        place.service_id,
        place.team_id,
        place.check_id,
        firing,
    )


def _entry(number: int, begun: Begun, now: dt.datetime) -> Entry:
    return Entry(
        number,
        begun.id,
        begun.fingerprint,
        place=(begun.unit_id, begun.item_id, begun.service_id, begun.team_id),
        of_check=begun.check_id is not None,
        notes=notes_of(begun.firing.annotations),
        shown=True,
        starts_at=begun.starts_at,
        last_seen_at=now,
        count=1,
        expires_at=begun.firing.expires_at,
        resend_s=begun.firing.resend_s,
    )


_ALERT = (
    *(
        "id",
        "problem_key",
        "episode",
        "fingerprint",
        "alertname",
        "severity",
        "summary",
        "source",
        "starts_at",
    ),
    *(
        "changed_at",
        "received_at",
        "superseded",
        "unit_id",
        "item_id",
        "service_id",
        "team_id",
        "check_id",
    ),
    *("suppressed_by", "acknowledged_sticky"),
)
_MEMBER = (
    *(
        "id",
        "alert_id",
        "fingerprint",
        "labels",
        "annotations",
        "severity",
        "generator_url",
        "starts_at",
        "updated_at",
    ),
    *("last_seen_at", "count", "expires_at", "resend_s", "timed_out"),
)


def _alert_row(b: Begun, now: dt.datetime) -> tuple[Any, ...]:
    return (
        b.id, b.problem_key, b.episode, b.fingerprint, b.alertname, b.severity, b.summary, b.source, b.starts_at,
        b.starts_at, now, False, b.unit_id, b.item_id, b.service_id, b.team_id, b.check_id, [], False,
    )  # fmt: skip


def _member_row(e: Entry, b: Begun, now: dt.datetime) -> tuple[Any, ...]:
    firing = b.firing
    return (
        e.member_id, b.id, b.fingerprint, firing.labels, firing.annotations, firing.severity, firing.generator_url,
        firing.starts_at, now, now, 1, firing.expires_at, firing.resend_s, False,
    )  # fmt: skip


def _ids(session: Session, model: type[Alert] | type[Member], count: int) -> Sequence[int]:
    """Keys for rows to come. On SQLite this transaction alone writes, so the next ones are free."""
    table = str(model.__tablename__)
    if session.get_bind().dialect.name == "sqlite":
        last = session.connection().exec_driver_sql(f"SELECT max(id) FROM {table}").scalar() or 0  # noqa: S608  a name of ours
        return range(last + 1, last + 1 + count)
    sequence = sa.func.nextval(sa.func.pg_get_serial_sequence(table, "id"))
    return list(session.scalars(sa.select(sequence).select_from(sa.func.generate_series(1, count))))


def _insert(
    session: Session, model: type[Alert] | type[Member], names: tuple[str, ...], rows: list[tuple[Any, ...]],
    *, unless_there: bool = False,
) -> set[int]:  # fmt: skip
    """Write rows; with `unless_there` returns the ids of those that a unique index kept out."""
    if not rows:
        return set()
    if session.get_bind().dialect.name == "sqlite":
        _insert_plainly(session, str(model.__tablename__), names, rows)
        return set()
    statement: Any = postgresql_insert(model)
    if unless_there:
        statement = statement.on_conflict_do_nothing()
    written = session.execute(
        statement.returning(model.id),
        [dict(zip(names, row, strict=True)) for row in rows],
    )
    return {row[0] for row in rows} - set(written.scalars())


def _insert_plainly(session: Session, table: str, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """SQLite: many rows a statement, values as the column types keep them. Whoever holds the write lock has no rival."""
    connection, kept = session.connection(), Kept()
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        one = f"({','.join('?' * len(names))})"
        text = f"INSERT INTO {table} ({','.join(names)}) VALUES {','.join([one] * len(some))}"  # noqa: S608  names of ours
        connection.exec_driver_sql(text, tuple(map(kept, itertools.chain.from_iterable(some))))
