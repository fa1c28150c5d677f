"""The log of what happened to an item, written by every room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import ItemEvent

LONGEST = 500


class LogLine(NamedTuple):
    """Something that happened to an item.

    `kind`: health | alert | ticket | change | relation | deployment | … (what page and explanation group by); `text`: one
    line in the words of the log's readers, longer text is cut; `ref`: a ticket number, an alert's fingerprint.
    """

    item_id: int
    kind: str
    text: str
    at: dt.datetime
    ref: str | None = None
    actor: str | None = None


def log_event(
    session: Session,
    item_id: int,
    kind: str,
    text: str,
    at: dt.datetime,
    ref: str | None = None,
    *,
    actor: str | None = None,
) -> None:
    """Write down that something happened to an item; the fields are those of LogLine."""
    log_events(session, [LogLine(item_id, kind, text, at, ref, actor)])


def log_events(session: Session, lines: Sequence[LogLine]) -> None:
    """Write down many, in one statement."""
    actor = session.info.get("actor")
    rows = [{**line._asdict(), "text": line.text[:LONGEST], "actor": line.actor or actor} for line in lines]
    if rows:
        session.execute(sa.insert(ItemEvent), rows)
