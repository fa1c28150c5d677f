"""The book of texts: which files wait to be read, what was found, and the tickets that are found by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kb.search import index
from servicedesk.attachments.models import Attachment, AttachmentText
from servicedesk.attachments.reading.reader import READABLE, Reading, TextState
from servicedesk.tickets.models import Ticket

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
NOTED = "attachment_text_noted"


def note(session: Session, digest: str, media_type: str) -> None:
    """A file is there to be read; nothing happens if its content is known already."""
    insert = INSERTS[session.get_bind().dialect.name]
    state = TextState.WAITING if media_type in READABLE else TextState.NONE
    row = {"sha256": digest, "media_type": media_type, "state": state, "text": ""}
    session.execute(insert(AttachmentText).values(row).on_conflict_do_nothing())
    session.info[NOTED] = True


def waiting(session: Session, *, after: int, limit: int) -> list[AttachmentText]:
    """Files nobody has read yet, the oldest first, beyond the row `after`."""
    statement = sa.select(AttachmentText).where(AttachmentText.state == TextState.WAITING, AttachmentText.id > after)
    return list(session.scalars(statement.order_by(AttachmentText.id).limit(limit)))


def settle(session: Session, digest: str, found: Reading, *, now: dt.datetime) -> None:
    """Keep what a file says, and have the tickets indexed that it hangs on."""
    session.execute(
        sa.update(AttachmentText)
        .where(AttachmentText.sha256 == digest)
        .values(state=found.state, text=found.text, read_at=now)
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


def of_tickets(session: Session, ids: Sequence[int]) -> list[tuple[int, str, str]]:
    """(ticket id, file name, text) of public files that say something."""
    statement = (
        sa.select(Attachment.ticket_id, Attachment.name, AttachmentText.text)
        .join(AttachmentText, AttachmentText.sha256 == Attachment.sha256)
        .where(Attachment.ticket_id.in_(ids), Attachment.internal.is_(False), AttachmentText.text != "")
    )
    return [(i, name, text) for i, name, text in session.execute(statement.order_by(Attachment.id))]


def states(session: Session, digests: Sequence[str]) -> dict[str, TextState]:
    """How the reading of these files went."""
    rows = session.execute(
        sa.select(AttachmentText.sha256, AttachmentText.state).where(AttachmentText.sha256.in_(digests))
    )
    return {digest: state for digest, state in rows}  # noqa: C416  rows are not pairs to mypy
