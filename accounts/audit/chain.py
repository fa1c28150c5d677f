"""How audit rows are chained: pure functions, no session.

A row's digest is SHA-256 over its canonical form: a JSON array of its columns, times as microseconds since 1970, objects
with their keys in order. A block's hash is SHA-256 over the previous block's hash, the block's number and times, and the
packed (number, time received, digest) of its rows; beside it stands an HMAC of that hash with a key derived from the
program's secret key. Whoever holds only the database can change rows and compute every hash anew, but not the HMACs.

Source: NIST FIPS 180-4 (SHA-256), FIPS 198-1 (HMAC).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from accounts.models import AuditRow
from core.clock import UTC

FIRST = "0" * 64
"""What stands for the hash before the first block."""
_ENTRY = struct.Struct(">qq32s")
ENTRY_BYTES = _ENTRY.size
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_json = msgspec.json.Encoder(order="deterministic")

#: The columns of a row in the order of its canonical form; JSON as text, for the drivers' own decoding is slower.
COLUMNS: Sequence[Any] = (
    AuditRow.id, AuditRow.at, AuditRow.received_at, AuditRow.actor, AuditRow.verb, AuditRow.object,
    sa.cast(AuditRow.before, sa.Text), sa.cast(AuditRow.after, sa.Text), AuditRow.from_address,
)  # fmt: skip


class Entry(NamedTuple):
    """What a seal keeps of one row; `received_us` in microseconds since 1970."""

    id: int
    received_us: int
    digest: bytes


def key_of(secret_key: str) -> bytes:
    """The key of the HMACs; knowing it does not give the secret key away."""
    return hmac.digest(secret_key.encode(), b"taxops audit chain 1", "sha256")


def microseconds(at: dt.datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(us: int) -> dt.datetime:
    """The other way."""
    return _EPOCH + us * _MICROSECOND


def entry(row: Sequence[Any]) -> Entry:
    """The entry of a row selected by COLUMNS."""
    row_id, at, received_at, actor, verb, thing, before, after, address = row
    received_us = microseconds(received_at)
    plain = (row_id, microseconds(at), received_us, actor, verb, thing, _decoded(before), _decoded(after), address)
    return Entry(row_id, received_us, hashlib.sha256(_json.encode(plain)).digest())


def _decoded(text: str | None) -> object:
    return None if text is None else msgspec.json.decode(text)


def pack(entries: Iterable[Entry]) -> bytes:
    """Entries as a seal keeps them."""
    return b"".join(_ENTRY.pack(*one) for one in entries)


def unpack(packed: bytes) -> Iterator[Entry]:
    """Entries of a seal; what is no whole entry at the end is left out (the hash tells of it)."""
    whole = len(packed) // ENTRY_BYTES * ENTRY_BYTES
    return (Entry(*values) for values in _ENTRY.iter_unpack(packed[:whole]))


def hash_of(
    *, seq: int, previous: str, covered_before: dt.datetime | None, sealed_at: dt.datetime, high_id: int, entries: bytes
) -> str:
    """A block's hash, in hexadecimal digits."""
    covered = None if covered_before is None else microseconds(covered_before)
    head = _json.encode(("taxops-audit-1", seq, previous, covered, microseconds(sealed_at), high_id))
    return hashlib.sha256(head + b"\n" + entries).hexdigest()


def mac_of(key: bytes, block_hash: str) -> str:
    """The HMAC beside a block's hash."""
    return hmac.digest(key, block_hash.encode(), "sha256").hex()
