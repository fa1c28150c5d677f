"""/deliveries of the API."""

from __future__ import annotations

import pydantic

from core.i18n import gettext as _
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
    """One notification. `text` and links are left out: they may carry single-use links."""

    id: int
    key: str
    channel: str
    person: str
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
    found = queries.deliveries(db.session(), state=query.state, ref=query.ref, cursor=query.cursor, limit=query.limit)
    rows = [
        DeliveryOut(
            id=row.id,
            key=row.key,
            channel=row.channel.code,
            person=person.login,
            topic=row.topic,
            subject=row.subject if row.topic != "page" else _("值班呼叫"),
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
