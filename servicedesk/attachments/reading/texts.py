"""The book of texts: which files wait to be read, what was found, and the tickets that are found by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kb.search import index
from kb.search.forms import LONGEST_FILES
from servicedesk.attachments.models import Attachment, AttachmentText
from servicedesk.attachments.reading.reader import READABLE, Reading, TextState
from servicedesk.tickets.models import Ticket

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
NOTED = "attachment_text_noted"


def note(session: Session, digest: str, media_type: str) -> None:
    """A file is there to be read; nothing happens if its content is known already.

    The row is locked all the same: else `settle` might pass between this and the commit, and nobody would index what it
    found for the ticket that the file is being added to.
    """
    insert = INSERTS[session.get_bind().dialect.name]
    state = TextState.WAITING if media_type in READABLE else TextState.NONE
    row = {"sha256": digest, "media_type": media_type, "state": state, "text": ""}
    added = insert(AttachmentText).values(row)
    same = {"sha256": added.excluded.sha256}
    session.execute(added.on_conflict_do_update(index_elements=[AttachmentText.sha256], set_=same))
    session.info[NOTED] = True


def waiting(session: Session, *, limit: int) -> list[tuple[str, str]]:
    """(SHA-256, media type) of files nobody has read yet: of each who sent some the oldest, then of each the next one.

    So whoever sends a hundred at once lets the others' be read in between.
    """
    by = sa.select(sa.func.min(Attachment.by_id)).where(Attachment.sha256 == AttachmentText.sha256).scalar_subquery()
    rows = sa.select(AttachmentText.id, AttachmentText.sha256, AttachmentText.media_type, by.label("by_id"))
    waits = rows.where(AttachmentText.state == TextState.WAITING).subquery()
    turn = sa.func.row_number().over(partition_by=waits.c.by_id, order_by=waits.c.id)
    statement = sa.select(waits.c.sha256, waits.c.media_type).order_by(turn, waits.c.id).limit(limit)
    return [(digest, media_type) for digest, media_type in session.execute(statement)]


def overdue(session: Session, before: dt.datetime) -> int:
    """How many files wait that came in before this instant."""
    came = sa.select(sa.func.min(Attachment.at)).where(Attachment.sha256 == AttachmentText.sha256).scalar_subquery()
    late = sa.select(sa.func.count()).select_from(AttachmentText)
    return session.scalar(late.where(AttachmentText.state == TextState.WAITING, came < before)) or 0


def settle(session: Session, digest: str, found: Reading, *, now: dt.datetime) -> None:
    """Keep what a file says, and have the tickets indexed that it hangs on."""
    session.execute(
        sa.update(AttachmentText)
        .where(AttachmentText.sha256 == digest)
        .values(state=found.state, text=found.text, length=len(found.text), read_at=now)
    )
    if found.text:
        numbers = sa.select(Ticket.number).join(Attachment, Attachment.ticket_id == Ticket.id)
        numbers = numbers.where(Attachment.sha256 == digest, Attachment.internal.is_(False)).distinct()
        index.touch(session, "ticket", session.scalars(numbers).all(), now=now)


def tidy(session: Session, now: dt.datetime) -> int:  # noqa: ARG001  the shape of a job
    """Drop what files said that hang on no ticket any more, and note those that nobody noted; returns how many."""
    hangs = sa.exists().where(Attachment.sha256 == AttachmentText.sha256)
    dropped = session.execute(sa.delete(AttachmentText).where(~hangs))
    known = sa.exists().where(AttachmentText.sha256 == Attachment.sha256)
    unknown = sa.select(Attachment.sha256, sa.func.min(Attachment.media_type)).where(~known).group_by(Attachment.sha256)
    found = session.execute(unknown).all()
    for digest, media_type in found:
        note(session, digest, media_type)
    return int(getattr(dropped, "rowcount", 0)) + len(found)


@dataclass(frozen=True)
class Said:
    """A public file of a ticket that says something; the text itself is read by `beginnings`."""

    ticket_id: int
    name: str
    sha256: str
    length: int
    """Characters."""


def of_tickets(session: Session, ids: Sequence[int]) -> dict[int, list[Said]]:
    """Ticket id → its public files that say something, the oldest first; what was sent twice is there once."""
    statement = (
        sa.select(Attachment.ticket_id, Attachment.name, Attachment.sha256, AttachmentText.length)
        .join(AttachmentText, AttachmentText.sha256 == Attachment.sha256)
        .where(Attachment.ticket_id.in_(ids), Attachment.internal.is_(False), AttachmentText.length > 0)
    )
    found: dict[int, dict[str, Said]] = {}
    for ticket_id, name, digest, length in session.execute(statement.order_by(Attachment.id)):
        found.setdefault(ticket_id, {}).setdefault(digest, Said(ticket_id, name, digest, length))
    return {ticket_id: list(files.values()) for ticket_id, files in found.items()}


def level(lengths: Iterable[int], most: int = LONGEST_FILES) -> int:
    """How many characters of each text are looked at, so that all together are at most `most`: short ones whole, of the
    long ones an equal part.

    >>> level([10, 20], 100), level([10, 200, 300], 100), level([], 100)
    (20, 45, 0)
    """
    left, share = most, 0
    rest = sorted(lengths)
    for n, length in enumerate(rest):
        share = min(length, left // (len(rest) - n))
        if share < length:
            break
        left -= length
    return share


def beginnings(session: Session, files: Sequence[Said], most: int = LONGEST_FILES) -> dict[str, str]:
    """SHA-256 → what the file says, `most` characters of all of them together; no more than that is fetched."""
    each = level({file.sha256: file.length for file in files}.values(), most)
    if not each:
        return {}
    statement = sa.select(AttachmentText.sha256, sa.func.substr(AttachmentText.text, 1, each))
    rows = session.execute(statement.where(AttachmentText.sha256.in_({file.sha256 for file in files})))
    return {digest: text for digest, text in rows}  # noqa: C416  rows are not pairs to mypy


def state_in(session: Session, ticket_id: int) -> Callable[[Attachment], TextState]:
    """An attachment of this ticket → whether the search knows what is written in it, or only a beginning.

    A ticket's files share what is indexed of them, so that it takes all of them to tell.
    """
    each = level(file.length for file in of_tickets(session, [ticket_id]).get(ticket_id, ()))

    def state(row: Attachment) -> TextState:
        found = row.text_state
        return TextState.PARTLY if found is TextState.INDEXED and row.said and row.said.length > each else found

    return state


def states(session: Session, digests: Sequence[str]) -> dict[str, TextState]:
    """How the reading of these files went."""
    rows = session.execute(
        sa.select(AttachmentText.sha256, AttachmentText.state).where(AttachmentText.sha256.in_(digests))
    )
    return {digest: state for digest, state in rows}  # noqa: C416  rows are not pairs to mypy
