"""/api/v1/suggest."""

from __future__ import annotations

import pydantic

from accounts.current import viewer
from core import clock
from kb.search.current import engine
from kb.suggest import service
from kb.tickets import PublicCard
from web.api import Api, ApiModel
from web.api.schemas import Instant
from web.db import db

api = Api("suggest", __name__)


class SuggestQuery(ApiModel):
    """What the person typed so far."""

    text: str = pydantic.Field(default="", max_length=4000)
    category: str | None = pydantic.Field(default=None, max_length=40)
    service: int | None = pydantic.Field(default=None, ge=1, le=2**53)

    @pydantic.field_validator("category", "service", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        """A form that chose nothing sends the name with nothing."""
        return value or None


class SuggestedArticle(ApiModel):
    """An article that may solve it."""

    number: str
    title: str
    snippet: str
    useful: int
    url: str


class SuggestedNotice(ApiModel):
    """What is known to happen now."""

    number: str
    title: str
    ticket: str | None
    must_read: bool
    url: str


class SuggestedTicket(ApiModel):
    """A neighbour's open matter as its public card, and nothing else of it."""

    number: str
    kind: str
    service: str
    error_code: str
    area: str
    since: Instant
    state: str

    @classmethod
    def of(cls, card: PublicCard) -> SuggestedTicket:
        """From the card."""
        return cls(
            number=card.number, kind=card.kind, service=card.service, error_code=card.error_code, area=card.area,
            since=card.since, state=card.state,
        )  # fmt: skip


class SuggestOut(ApiModel):
    """What the intake page shows."""

    articles: list[SuggestedArticle]
    notices: list[SuggestedNotice]
    tickets: list[SuggestedTicket]


@api.get("/suggest", needs=("ticket.report", "ticket.work"), query=SuggestQuery, answer=SuggestOut)
def suggest(query: SuggestQuery) -> SuggestOut:
    """Articles, active notices and neighbours' open matters for what was typed so far."""
    found = service.suggest(
        db.session(),
        engine(),
        viewer(),
        text=query.text,
        category=query.category,
        service_id=query.service,
        now=clock.now(),
    )
    return SuggestOut(
        articles=[
            SuggestedArticle(number=a.number, title=a.title, snippet=h.snippet, useful=a.useful, url=h.url)
            for a, h in found.articles
        ],
        notices=[
            SuggestedNotice(
                number=n.number, title=n.title, ticket=n.ticket, must_read=n.must_read, url=f"/notices/{n.number}"
            )
            for n in found.notices
        ],
        tickets=[SuggestedTicket.of(c) for c in found.cards],
    )
