"""Hand-offs of imported matters: the same objects a page or the API would have made (E-01).

for batch in servicedesk.tickets.importer.bulk(session, …, now=now):
    escalation.handoff.importer.write(session, batch)
    session.commit()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from escalation.handoff import sheets
from escalation.handoff.models import Handoff
from escalation.handoff.rules import HandoffState
from servicedesk.tickets.imported_rows import Written
from servicedesk.tickets.story import Passing

DEFAULT_CLARITY = 4


def write(session: Session, batch: Sequence[Written]) -> int:
    """Write the hand-offs of a batch just written; returns how many."""
    rows = [row for one in batch for row in rows_of(one)]
    if rows:
        session.execute(sa.insert(Handoff), rows)
    return len(rows)


def rows_of(one: Written) -> Iterator[dict[str, Any]]:
    """The hand-offs of one imported matter as rows; pure."""
    past = one.imported.past
    sheet = _sheet(one)
    for index, passing in enumerate(one.story.passings):
        returned = passing.returned_at is not None
        yield {
            "ticket_id": one.id,
            "state": _state(passing),
            "from_team_id": passing.giver.team_id,
            "from_line": passing.giver.line,
            "from_holder_id": passing.giver.holder_id,
            "to_team_id": passing.receiver.team_id,
            "to_line": passing.receiver.line,
            "reason": past.sent_because or one.imported.title,
            "sheet": sheet,
            "sheet_version": sheets.VERSION,
            "search": {"query": one.imported.title, "none_fits_because": past.sent_because or one.imported.title},
            "route": "import",
            "sent_at": passing.sent_at,
            "sent_by_id": passing.giver.holder_id,
            "accepted_at": passing.accepted_at,
            "accepted_by_id": passing.receiver.holder_id if passing.accepted_at else None,
            "clarity": _clarity(one, index) if passing.accepted_at else None,
            "clarity_comment": None,
            "returned_at": passing.returned_at,
            "returned_by_id": passing.receiver.holder_id if returned else None,
            "return_reason": past.returned_because if returned else None,
            "missing": past.missing if returned else None,
            "withdrawn_at": None,
            "arbiter_id": None,
            "arbiter_unit_id": None,
            "decided_at": None,
            "lapsed_at": None,
        }


def _state(passing: Passing) -> HandoffState:
    if passing.returned_at is not None:
        return HandoffState.RETURNED
    return HandoffState.ACCEPTED if passing.accepted_at is not None else HandoffState.SENT


def _clarity(one: Written, index: int) -> int:
    """A returned first try is followed by a clearer one; else most are clear."""
    return 5 if index and one.story.bounces else DEFAULT_CLARITY - (one.id % 7 == 0)


def _sheet(one: Written) -> dict[str, str]:
    past = one.imported.past
    filled = {"symptom": past.description or one.imported.title, "error": "无", "tried": past.sent_because or "重启"}
    return {line.key: filled.get(line.key, "见现象") for line in sheets.lines_for(one.imported.category)}
