"""Two people correct one ticket: what each changed, and a form in which neither is lost (T-13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketFact

CORRECTED = (What.EDITED, What.PRIORITY_CHANGED)


@dataclass(frozen=True)
class Difference:
    """A field that somebody else changed since the form was opened. `mine` is what was typed, or left as it was."""

    field: str
    before: Any
    theirs: Any
    mine: Any

    @property
    def clash(self) -> bool:
        """Both changed it, and not to the same."""
        return self.mine not in (self.before, self.theirs)


def seen(values: Mapping[str, Any], ticket: Ticket) -> str:
    """What the form carries of how the ticket was when it was opened."""
    return json.dumps({**values, "facts": ticket.facts}, ensure_ascii=False)


def read(text: str | None) -> dict[str, Any] | None:
    """The same, come back; None where it is none of ours."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("facts"), int) else None


def differences(before: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[Difference]:
    """The fields that are not any more what the form was opened with."""
    return [
        Difference(name, before.get(name), value, mine.get(name))
        for name, value in theirs.items()
        if value != before.get(name)
    ]


def merged(theirs: Mapping[str, Any], mine: Mapping[str, Any], found: list[Difference]) -> dict[str, Any]:
    """What the form goes on with: theirs where only they changed it, what was typed everywhere else."""
    kept = {each.field for each in found if not each.clash}
    return {name: theirs[name] if name in kept else mine.get(name) for name in theirs}


def corrections_since(session: Session, ticket: Ticket, facts: int) -> list[TicketFact]:
    """The last correction of each who made one since, newest first."""
    rows = session.scalars(
        sa.select(TicketFact)
        .options(joinedload(TicketFact.actor))
        .where(TicketFact.ticket_id == ticket.id, TicketFact.seq > facts, TicketFact.kind.in_([*map(str, CORRECTED)]))
        .order_by(TicketFact.seq.desc())
    )
    last: dict[int | None, TicketFact] = {}
    for row in rows:
        last.setdefault(row.actor_id, row)
    return list(last.values())
