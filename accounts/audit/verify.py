"""Computes the whole chain anew and names what does not fit: rows changed, missing or put in, seals changed or cut off.

Rows and seals older than the time of keeping may be gone: that is the purge, and a seal itself says when its rows were
received and up to when those of the blocks before it.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import chain
from accounts.audit.anchor import Anchor
from accounts.audit.chain import Entry
from accounts.audit.models import AuditGap, AuditSeal
from accounts.models import AuditRow

SEALS_A_PAGE = 40
MOST_NAMED = 100


class Kind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    SEAL_CHANGED = "seal-changed"
    SEAL_MISSING = "seal-missing"
    KEY = "key"
    CUT = "cut"


@dataclass(frozen=True)
class Problem:
    """One thing that does not fit: of a row, or of a seal."""

    kind: Kind
    row: int | None
    seal: int | None


@dataclass
class Verdict:
    """What a verification found. `until`: the latest time received among the rows that were sealed."""

    rows: int = 0
    seals: int = 0
    until: dt.datetime | None = None
    unsealed: int = 0
    unsealed_since: dt.datetime | None = None
    broken: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything fits."""
        return not self.broken


def verify(
    session: Session, *, key: bytes, now: dt.datetime, keep: dt.timedelta, anchor: Anchor | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Verdict:  # fmt: skip
    """Look at every seal and every row up to the seal that is the newest now. `progress` is told of rows done."""
    run = _Run(session, key, chain.microseconds(now - keep), anchor)
    for page in _pages(session):
        progress(run.page(page))
    return run.finish()


def _pages(session: Session) -> Iterator[Sequence[AuditSeal]]:
    last = session.scalar(sa.select(sa.func.max(AuditSeal.seq))) or 0
    done = 0
    while True:
        statement = sa.select(AuditSeal).where(AuditSeal.seq > done, AuditSeal.seq <= last)
        page = session.scalars(statement.order_by(AuditSeal.seq).limit(SEALS_A_PAGE)).all()
        if not page:
            return
        yield page
        done = page[-1].seq
        session.expunge_all()


class _Run:
    """The state between two pages."""

    def __init__(self, session: Session, key: bytes, horizon_us: int, anchor: Anchor | None) -> None:
        self._session, self._key, self._horizon_us, self._anchor = session, key, horizon_us, anchor
        self._found = Verdict()
        self._seq = 0
        self._hash: str | None = None
        self._covered: dt.datetime | None = None
        self._high = -(2**63)  # a row may have been put in below all others
        self._unclaimed: dict[int, Entry] = {}  # rows that are there, and no seal until now had

    def page(self, seals: Sequence[AuditSeal]) -> int:
        """Seals in their order, with all rows up to the highest number among them; returns how many rows."""
        high = max(self._high, *(seal.high_id for seal in seals))
        statement = sa.select(*chain.COLUMNS).where(AuditRow.id > self._high, AuditRow.id <= high)
        for row in self._session.execute(statement.order_by(AuditRow.id)):
            one = chain.entry(row)
            self._unclaimed[one.id] = one
        self._high = high
        before = self._found.rows
        for seal in seals:
            self._chained(seal)
            self._rows(seal)
            self._found.seals += 1
        return self._found.rows - before

    def _chained(self, seal: AuditSeal) -> None:
        known = self._hash is not None or seal.seq == 1
        if known and seal.seq != self._seq + 1:
            self._say(Kind.SEAL_MISSING, seal=self._seq + 1)
        elif known and seal.previous != (self._hash or chain.FIRST):
            self._say(Kind.SEAL_CHANGED, seal=seal.seq)
        elif not known and not self._old(seal.covered_before):  # the purge takes the oldest, and no others
            self._say(Kind.SEAL_MISSING, seal=1)
        true = chain.hash_of(
            seq=seal.seq, previous=seal.previous, covered_before=seal.covered_before, sealed_at=seal.sealed_at,
            high_id=seal.high_id, entries=seal.entries,
        )  # fmt: skip
        anchored = self._anchor is not None and self._anchor.seal == seal.seq and self._anchor.hash != seal.hash
        if true != seal.hash or anchored:
            self._say(Kind.SEAL_CHANGED, seal=seal.seq)
        elif not hmac.compare_digest(chain.mac_of(self._key, seal.hash), seal.mac):
            self._say(Kind.KEY, seal=seal.seq)
        self._seq, self._hash = seal.seq, seal.hash

    def _rows(self, seal: AuditSeal) -> None:
        latest = self._found.until
        for sealed in chain.unpack(seal.entries):
            self._found.rows += 1
            row = self._unclaimed.pop(sealed.id, None)
            if row is None:
                if sealed.received_us >= self._horizon_us:
                    self._say(Kind.MISSING, row=sealed.id, seal=seal.seq)
            elif row != sealed:
                self._say(Kind.CHANGED, row=sealed.id, seal=seal.seq)
        self._found.until = seal.received_until if latest is None else max(latest, seal.received_until)

    def _old(self, at: dt.datetime | None) -> bool:
        return at is not None and chain.microseconds(at) < self._horizon_us

    def finish(self) -> Verdict:
        """What is left over: rows in no seal, and a chain that ends too early."""
        if self._anchor is not None and self._anchor.seal > self._seq:
            self._say(Kind.CUT, seal=self._seq + 1)
        gaps = self._session.execute(sa.select(AuditGap.first_id, AuditGap.last_id)).all()
        waiting = []
        for one in self._unclaimed.values():
            if any(first <= one.id <= last for first, last in gaps):
                waiting.append(chain.instant(one.received_us))
            elif one.received_us >= self._horizon_us:
                self._say(Kind.INSERTED, row=one.id)
        above = AuditRow.id > self._high
        counted = sa.select(sa.func.count(), sa.func.min(AuditRow.received_at)).where(above)
        rows, since = self._session.execute(counted).one()
        self._found.unsealed = rows + len(waiting)
        self._found.unsealed_since = min((at for at in (since, *waiting) if at is not None), default=None)
        return self._found

    def _say(self, kind: Kind, *, row: int | None = None, seal: int | None = None) -> None:
        self._found.broken += 1
        if len(self._found.problems) < MOST_NAMED:
            self._found.problems.append(Problem(kind, row, seal))
