"""The log of what happened to an item, written by every room."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cmdb.models import ItemEvent

LONGEST = 500


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
    """Write down that something happened to an item.

    `kind`: health | alert | ticket | change | relation | deployment | … (what page and explanation group by); `text`: one
    line in the words of the log's readers; `ref`: a ticket number, an alert's fingerprint. Longer text is cut.
    """
    session.execute(
        sa.insert(ItemEvent),
        [
            {
                "item_id": item_id,
                "at": at,
                "kind": kind,
                "text": text[:LONGEST],
                "ref": ref,
                "actor": actor or session.info.get("actor"),
            }
        ],
    )
