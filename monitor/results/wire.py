"""What `POST /api/v1/results` brings, read by a compiled decoder: strictly what the schema takes in its plainest form.

Whatever this does not take (a wrong field, a time in another form, blanks around a name) is left to the schema, which
says what is wrong, or takes it after all.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from cmdb.models import Item
from core.db import reading
from core.errors import TaxopsError
from monitor import intake
from monitor.checks import pollers, queries
from monitor.models import Check
from monitor.results.stand import listed
from monitor.results.taken import Taken
from monitor.samples import SampleStore
from monitor.states import RESULT_STATES, State
from web.api.schemas import EARLIEST, LATEST

RECHECK_S = 1.0
"""Which checks a sender may give results of is asked again after so long, as the sender's own rights are."""
_MEMORY = "results.admitted"
_SUSPECT = (b"\\u0000", b"\\ud", b"\\uD")
"""U+0000, and halves of surrogate pairs: the schema looks at them."""


class PostedNumber(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One number of a result."""

    metric: Annotated[str, Meta(min_length=1, max_length=200)]
    value: float
    unit: Annotated[str, Meta(max_length=40)] = ""
    labels: Annotated[dict[str, str], Meta(max_length=32)] = {}


class Posted(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One result of one check."""

    evidence: ClassVar[Mapping[str, Any]] = {}
    check_id: Annotated[int, Meta(ge=1, le=2**63 - 1)] = msgspec.field(name="check")
    at: Annotated[dt.datetime, Meta(tz=True)]
    state: State
    output: Annotated[str, Meta(max_length=100_000)] = ""
    samples: Annotated[list[PostedNumber], Meta(max_length=2000)] = []


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """A whole body."""

    results: Annotated[list[Posted], Meta(max_length=5000)]
    poller: Annotated[str, Meta(max_length=80)] | None = None


@dataclass(slots=True, eq=False)
class Part:
    """One request. `memory`: what is remembered for its sender; `answer`: None until it was taken."""

    body: bytes
    viewer: Viewer
    memory: dict[str, Any]
    answer: bytes | None = None


_decoder = msgspec.json.Decoder(Batch)


def read(body: bytes) -> Batch | None:
    """The batch, or None for what is left to the schema."""
    if any(mark in body for mark in _SUSPECT):
        return None
    try:
        batch = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return batch if all(map(_settled, batch.results)) else None


def _settled(said: Posted) -> bool:
    """Bring it to the form the schema gives it; False where that is not for here."""
    if said.state not in RESULT_STATES or not EARLIEST <= said.at < LATEST:
        return False
    if said.at.tzinfo is not dt.UTC:
        said.at = said.at.astimezone(dt.UTC)
    if said.output:
        said.output = said.output.strip()
    return not said.samples or all(map(_is_plain, said.samples))


def _is_plain(number: PostedNumber) -> bool:
    if number.metric != number.metric.strip() or number.unit != number.unit.strip():
        return False
    labels = number.labels
    return not labels or all(k == k.strip() and v == v.strip() for k, v in labels.items())


def write(session: Session, parts: Sequence[Part], *, store: SampleStore | None, now: dt.datetime) -> None:
    """Take several requests in one transaction; one that is left to the schema leaves nothing."""
    for part in parts:
        part.answer = None  # of an attempt that failed
    read_ones = [(part, batch) for part in parts if (batch := read(part.body)) is not None]
    taken_ones = [(part, batch) for part, batch in read_ones if _may(session, part, batch, now)]
    session.flush()  # pollers before checks, as everybody locks them
    found = intake.take_all(session, [batch.results for _part, batch in taken_ones], store=store, now=now)
    for (part, _batch), taken in zip(taken_ones, found, strict=True):
        part.answer = answer(taken)


def answer(taken: Taken) -> bytes:
    """As the API words it."""
    discarded = [{"index": index, "reason": reason} for index, reason in sorted(taken.discarded)]
    return msgspec.json.encode(
        {"accepted": taken.accepted, "discarded": discarded, "refused_samples": taken.refused_samples}
    )


@dataclass(slots=True)
class _Admitted:
    """Checks and pollers one sender was lately found to speak for."""

    since: float = field(default_factory=time.monotonic)
    checks: set[int] = field(default_factory=set)
    pollers: set[str] = field(default_factory=set)


def _may(session: Session, part: Part, batch: Batch, now: dt.datetime) -> bool:
    """Whether the sender may give results of all these checks, in the name of this poller (R-04, T-05)."""
    admitted: _Admitted | None = part.memory.get(_MEMORY)
    if admitted is None or time.monotonic() - admitted.since > RECHECK_S:
        admitted = part.memory[_MEMORY] = _Admitted()
    ids = {said.check_id for said in batch.results}
    if missing := ids - admitted.checks:
        admitted.checks |= _admitted(session, part.viewer, missing)
    if not ids <= admitted.checks:
        return False
    if batch.poller is not None and batch.poller not in admitted.pollers:
        try:
            pollers.seen(session, part.viewer, batch.poller, now=now)
        except TaxopsError:
            return False
        admitted.pollers.add(batch.poller)
    return True


def _admitted(session: Session, viewer: Viewer, ids: set[int]) -> set[int]:
    """On a connection of its own, which waits for no writer."""
    bind = session.get_bind()
    with reading(bind.engine) as other:
        mine = sa.select(Check.id).join(Item, Item.id == Check.item_id).where(queries.admitted(viewer, "result.write"))
        return set(other.scalars(mine.where(Check.id.in_(listed(other, ids)))))
