"""Seals audit rows in blocks after they were committed, in the order of their numbers.

One sealer at a time: a block's number is its key, so of two that try the same the second changes nothing. Numbers that
have no row yet are remembered as gaps (PostgreSQL gives a number before the commit, and none back after a rollback); a
row that turns up in one later goes into a block of late rows.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import chain
from accounts.audit.chain import Entry
from accounts.audit.models import AuditGap, AuditSeal
from accounts.models import AuditRow

BLOCK = 1000
MOST = 5000
"""Rows a transaction: on SQLite it keeps other writers waiting for as long as it takes."""
GAP_OPEN = dt.timedelta(days=7)
"""No transaction is open for so long; a row that turns up in a gap later was put there."""


def seal(session: Session, *, key: bytes, now: dt.datetime, most: int = MOST) -> int:
    """Seal what is not sealed yet, at most so many rows; returns how many."""
    try:
        with session.begin_nested():
            return _seal(session, key, now, most)
    except sa.exc.IntegrityError:  # another process was here first
        return 0


def last_seal(session: Session, *, lock: bool = False) -> AuditSeal | None:
    """The newest block."""
    statement = sa.select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)
    return session.scalars(statement.with_for_update() if lock else statement).first()


def _seal(session: Session, key: bytes, now: dt.datetime, most: int) -> int:
    last = last_seal(session, lock=True)
    high = last.high_id if last else 0
    late = [chain.entry(row) for row in session.execute(_late(most))]
    fresh = [chain.entry(row) for row in session.execute(_fresh(high, most - len(late)))]
    for block in (*_blocks(late), *_blocks(fresh)):
        last = _write(session, last, block, key, now)
    _close_gaps(session, [entry.id for entry in late])
    _open_gaps(session, high, [entry.id for entry in fresh], now)
    session.execute(sa.delete(AuditGap).where(AuditGap.seen_at < now - GAP_OPEN))
    return len(late) + len(fresh)


def _late(most: int) -> sa.Select[tuple[object, ...]]:
    inside = AuditRow.id.between(AuditGap.first_id, AuditGap.last_id)
    return sa.select(*chain.COLUMNS).join(AuditGap, inside).order_by(AuditRow.id).limit(most)


def _fresh(high: int, most: int) -> sa.Select[tuple[object, ...]]:
    return sa.select(*chain.COLUMNS).where(AuditRow.id > high).order_by(AuditRow.id).limit(most)


def _blocks(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    return [entries[at : at + BLOCK] for at in range(0, len(entries), BLOCK)]


def _write(session: Session, last: AuditSeal | None, block: Sequence[Entry], key: bytes, now: dt.datetime) -> AuditSeal:
    seal_ = AuditSeal(
        seq=last.seq + 1 if last else 1,
        rows=len(block),
        high_id=max(last.high_id if last else 0, block[-1].id),
        covered_before=_covered(last),
        received_until=chain.instant(max(entry.received_us for entry in block)),
        sealed_at=now,
        entries=chain.pack(block),
        previous=last.hash if last else chain.FIRST,
    )
    seal_.hash = chain.hash_of(
        seq=seal_.seq, previous=seal_.previous, covered_before=seal_.covered_before, sealed_at=seal_.sealed_at,
        high_id=seal_.high_id, entries=seal_.entries,
    )  # fmt: skip
    seal_.mac = chain.mac_of(key, seal_.hash)
    session.add(seal_)
    session.flush()
    return seal_


def _covered(last: AuditSeal | None) -> dt.datetime | None:
    if last is None:
        return None
    return max(last.received_until, last.covered_before) if last.covered_before else last.received_until


def _open_gaps(session: Session, high: int, ids: Sequence[int], now: dt.datetime) -> None:
    missing = [
        {"first_id": before + 1, "last_id": after - 1, "seen_at": now}
        for before, after in itertools.pairwise((high, *ids))
        if after - before > 1
    ]
    if missing:
        session.execute(sa.insert(AuditGap), missing)


def _close_gaps(session: Session, ids: Sequence[int]) -> None:
    """Take each number out of its gap, which may leave two."""
    for row_id in ids:
        gap = session.scalars(sa.select(AuditGap).where(AuditGap.first_id <= row_id, AuditGap.last_id >= row_id)).one()
        first, last, seen_at = gap.first_id, gap.last_id, gap.seen_at
        session.delete(gap)
        session.flush()
        for begin, end in ((first, row_id - 1), (row_id + 1, last)):
            if begin <= end:
                session.add(AuditGap(first_id=begin, last_id=end, seen_at=seen_at))
        session.flush()
