"""A check and where it stands, as intake works with it: read and written by many, without the unit of work."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.db.kept import Kept
from monitor.alerts.book import Entry
from monitor.models import Check, CheckState
from monitor.states import Kind, Standing, State

OUTPUT_LIMIT = 8000
"""Characters of output kept; the rest of a probe's talk helps nobody."""


class Numeral(Protocol):
    """A sample as its source gives it."""

    @property
    def metric(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


class Said(Protocol):
    """One answer of one check. `evidence` is plain JSON (thresholds, what was seen)."""

    @property
    def check_id(self) -> int: ...
    @property
    def at(self) -> dt.datetime: ...
    @property
    def state(self) -> State: ...
    @property
    def output(self) -> str: ...
    @property
    def samples(self) -> Sequence[Numeral]: ...
    @property
    def evidence(self) -> Mapping[str, Any]: ...


def digest(said: Said) -> str:
    """What makes two results of one moment the same."""
    numbers = [(n.metric, n.value, n.unit, sorted(n.labels.items()) if n.labels else ()) for n in said.samples]
    return hashlib.blake2b(msgspec.json.encode((said.state, said.output, numbers)), digest_size=16).hexdigest()


class Checked(msgspec.Struct, frozen=True):
    """What intake needs of a check's definition."""

    id: int
    item_id: int
    type: str
    name: str
    max_attempts: int
    retry_s: int
    freshness_s: int
    is_retired: bool


class Stand(msgspec.Struct, eq=False):
    """A check's state; fields are those of CheckState.

    `said`: the result that the digest is still to be made of. `alert_open`: whether the check's alert fires (None: to be
    looked up), `firing`: its label set in the book of alerts. `is_committed`: it is as the rows say, or newer; `ready`: a
    result that says the same again may be taken by it alone. `kept_until`: as CheckState.stale_at stands on the disk;
    `dirty`: the disk is to be brought up to date.
    """

    check: Checked
    state: State | None
    kind: Kind | None
    attempt: int
    at: dt.datetime | None
    since: dt.datetime | None
    hard: State | None
    hard_since: dt.datetime | None
    failed_at: dt.datetime | None
    output: str
    evidence: Mapping[str, Any]
    digest: str
    received_at: dt.datetime | None
    stale_at: dt.datetime | None
    nodata_since: dt.datetime | None
    said: Said | None = None
    alert_open: bool | None = None
    firing: Entry | None = None
    freshness: dt.timedelta | None = None
    half: dt.timedelta = dt.timedelta(0)
    kept_until: dt.datetime | None = None
    is_committed: bool = False
    ready: bool = False
    dirty: bool = False

    @property
    def check_id(self) -> int:
        """Its number."""
        return self.check.id

    def standing(self) -> Standing | None:
        """What the state machine knows; None before the first result."""
        if self.state is None or self.kind is None or self.at is None or self.since is None:
            return None
        return Standing(
            self.state, self.kind, self.attempt, self.at, self.since, self.hard, self.hard_since, self.failed_at
        )

    def hear(self, said: Said, now: dt.datetime) -> None:
        """What moves with every result that is taken."""
        self.at, self.evidence, self.said, self.received_at = said.at, said.evidence, said, now
        self.output = said.output if len(said.output) <= OUTPUT_LIMIT else said.output[:OUTPUT_LIMIT]
        self.stale_at = said.at + self.freshness if self.freshness is not None else None

    def place(self, after: Standing) -> None:
        """Where the state machine puts it."""
        self.state, self.kind, self.attempt = after.state, after.kind, after.attempt
        self.at, self.since, self.failed_at = after.at, after.since, after.failed_at
        self.hard, self.hard_since = after.hard, after.hard_since

    def content(self) -> str:
        """The digest of the newest result."""
        if self.said is not None:
            self.digest, self.said = digest(self.said), None
        return self.digest

    def twin(self) -> Stand:
        """A copy to work on, so that the original stays true until the work is committed."""
        made = copy.copy(self)
        made.is_committed = made.ready = made.dirty = False
        return made


_READ = (
    sa.select(
        *(Check.id, Check.item_id, Check.type, Check.name, Check.max_attempts, Check.retry_s, Check.freshness_s),
        Check.retired_at.is_not(None).label("is_retired"),
        *(CheckState.state, CheckState.kind, CheckState.attempt, CheckState.at, CheckState.since, CheckState.hard),
        *(CheckState.hard_since, CheckState.failed_at, CheckState.output, CheckState.evidence, CheckState.digest),
        *(CheckState.received_at, CheckState.stale_at, CheckState.nodata_since),
    )
    .join(Check, Check.id == CheckState.check_id)
    .order_by(CheckState.check_id)
    .with_for_update(of=CheckState)
)
_OF_CHECK = 8


def read(session: Session, check_ids: Sequence[int]) -> dict[int, Stand]:
    """The rows, locked in one order, so that two batches never wait for each other in a ring."""
    found: dict[int, Stand] = {}
    if not check_ids:
        return found
    rows: Any = session.connection().execute(_READ.where(CheckState.check_id.in_(listed(session, check_ids))))
    for row in rows:
        check = Checked(*row[:_OF_CHECK])
        stand = Stand(check, *row[_OF_CHECK:])
        stand.kept_until = stand.stale_at
        if check.freshness_s > 0:
            stand.freshness = dt.timedelta(seconds=check.freshness_s)
            stand.half = stand.freshness / 2
        found[check.id] = stand
    return found


def listed(session: Session, values: Iterable[int | str]) -> Any:
    """These values for IN, as one parameter however many they are."""
    wanted = list(values)
    if session.get_bind().dialect.name == "sqlite":
        each = sa.func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
        return sa.select(each.c.value)
    kind = sa.Text() if wanted and isinstance(wanted[0], str) else sa.BigInteger()
    return sa.select(sa.func.unnest(sa.cast(wanted, ARRAY(kind))).column_valued("value"))


_NAMES = (
    *("state", "kind", "attempt", "at", "since", "hard", "hard_since", "failed_at", "output", "evidence", "digest"),
    *("received_at", "stale_at", "nodata_since", "check_id"),
)
_MOVING = ("at", "output", "evidence", "digest", "received_at", "stale_at", "check_id")


def _update(names: tuple[str, ...]) -> str:
    return f"UPDATE check_state SET {', '.join(f'{n} = ?' for n in names[:-1])} WHERE check_id = ?"  # noqa: S608  own names


_WHOLE, _MOVED = _update(_NAMES), _update(_MOVING)
_POSTGRESQL = sa.text(
    f"UPDATE check_state s SET {', '.join(f'{n} = v.{n}' for n in _NAMES[:-1])} "  # noqa: S608  own names
    "FROM json_to_recordset(CAST(:rows AS json)) AS v(state text, kind text, attempt int, at timestamptz, "
    "since timestamptz, hard text, hard_since timestamptz, failed_at timestamptz, output text, evidence jsonb, "
    "digest text, received_at timestamptz, stale_at timestamptz, nodata_since timestamptz, check_id bigint) "
    "WHERE s.check_id = v.check_id"
)


def moved(stand: Stand) -> tuple[Any, ...]:
    """What a result that says the same again leaves to be kept."""
    return (
        stand.at, stand.output, stand.evidence, stand.content(), stand.received_at, stand.stale_at, stand.check.id,
    )  # fmt: skip


def write_moved(connection: sa.Connection, some: Sequence[tuple[Any, ...]]) -> None:
    """Bring to the disk what `moved` said (SQLite)."""
    kept = Kept()
    connection.exec_driver_sql(_MOVED, [tuple(map(kept, row)) for row in some])


def write(connection: sa.Connection, stands: Iterable[Stand]) -> None:
    """Bring the rows of these up to date, all in one statement."""
    rows = [
        (
            stand.state, stand.kind, stand.attempt, stand.at, stand.since, stand.hard, stand.hard_since, stand.failed_at,
            stand.output, stand.evidence, stand.content(), stand.received_at, stand.stale_at, stand.nodata_since,
            stand.check.id,
        )
        for stand in stands
    ]  # fmt: skip
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        kept = Kept()
        connection.exec_driver_sql(_WHOLE, [tuple(map(kept, row)) for row in rows])
        return
    text = msgspec.json.encode([dict(zip(_NAMES, row, strict=True)) for row in rows]).decode()
    connection.execute(_POSTGRESQL, {"rows": text})
