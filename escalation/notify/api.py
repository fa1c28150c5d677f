"""/deliveries of the API."""

from __future__ import annotations

import pydantic

from escalation.notify import queries
from escalation.notify.models import DeliveryState
from web.api import Api, ApiModel, ListQuery
from web.api.schemas import Instant
from web.db import db
from web.paging import Page

api = Api("deliveries", __name__)
__all__ = ["api"]


class DeliveryQuery(ListQuery):
    """Filters."""

    state: DeliveryState | None = None
    ref: str | None = pydantic.Field(default=None, max_length=60)


class DeliveryOut(ApiModel):
    """One notification. `subject` is its topic in words, `person` null for a group. Text and links are left out, since
    they carry what no administrator reads and links that act."""

    id: int
    key: str
    channel: str
    person: str | None
    topic: str
    subject: str
    ref: str
    state: DeliveryState
    attempts: int
    error: str | None
    created_at: Instant
    sent_at: Instant | None


@api.get("/deliveries", needs="delivery.read", query=DeliveryQuery, answer=DeliveryOut, listing=True)
def list_deliveries(query: DeliveryQuery) -> Page[DeliveryOut]:
    """Each notification attempt with channel, state and error."""
    found = queries.deliveries(
        db.session(), state=query.state, ref=query.ref, q=query.q, cursor=query.cursor, limit=query.limit
    )
    rows = [
        DeliveryOut(
            id=row.id,
            key=row.key,
            channel=row.channel.code,
            person=person.login if person else None,
            topic=row.topic,
            subject=queries.shown_subject(row),
            ref=row.ref,
            state=row.state,
            attempts=row.attempts,
            error=row.error,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )
        for row, person in found.items
    ]
    return Page(rows, found.next)
