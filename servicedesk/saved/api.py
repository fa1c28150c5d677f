"""/api/v1/ticket-filters: saved filters, their order, and which one opens the list."""

from __future__ import annotations

from itertools import dropwhile, islice
from typing import Any
from urllib.parse import urlencode

import pydantic

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from kb.search.current import engine
from servicedesk.saved import queries, service
from servicedesk.saved.queries import Entry
from servicedesk.saved.schemas import ChoiceIn, FilterIn, FilterOut, FilterPatch, FilterQuery
from servicedesk.tickets import naming
from servicedesk.tickets.schemas import TicketQuery
from web.api import Api, Created
from web.db import db
from web.messages import as_invalid
from web.paging import Page

api = Api("ticket-filters", __name__)
SEE = ("ticket.read", "ticket.work")
HOME = "/api/v1/ticket-filters"


def _query(given: dict[str, Any]) -> TicketQuery:
    try:
        return TicketQuery.model_validate(given)
    except pydantic.ValidationError as error:
        raise as_invalid(error, "query") from error


def _out(entry: Entry, count: int | None = None) -> FilterOut:
    return FilterOut(
        key=entry.key,
        id=entry.id,
        name=entry.name,
        query=dict(entry.query),
        team=entry.team.code if entry.team else None,
        may_change=entry.mine,
        default=entry.default,
        url="/api/v1/tickets?" + urlencode(list(queries.pairs(entry.query))),
        count=count,
    )


def _one(filter_id: int) -> FilterOut:
    db.session().flush()
    key = f"f{filter_id}"
    return next(_out(e) for e in queries.entries(db.session(), viewer()) if e.key == key)


@api.get("/ticket-filters", needs=SEE, query=FilterQuery, answer=FilterOut, listing=True)
def list_filters(query: FilterQuery) -> Page[FilterOut]:
    """The filters the caller has, in their order: shipped ones of their roles, their own, their teams'."""
    session, who = db.session(), viewer()
    found = [e for e in queries.entries(session, who) if not query.q or query.q.casefold() in e.name.casefold()]
    if query.cursor is not None:
        found = list(islice(dropwhile(lambda e: e.key != query.cursor, found), 0, None))
        if not found:
            raise Invalid.of("cursor", _("翻页标记无效，请从第一页重新开始。"))
        found = found[1:]
    shown = found[: query.limit]
    counted = queries.counts(session, who, shown, now=clock.now(), engine=engine()) if query.counts else {}
    more = shown[-1].key if len(found) > query.limit else None
    return Page([_out(entry, counted.get(entry.key)) for entry in shown], more)


@api.post("/ticket-filters", needs=SEE, body=FilterIn, answer=FilterOut)
def save_filter(body: FilterIn) -> Created:
    """Keep a filter for oneself, or for a team one leads."""
    session, who = db.session(), viewer()
    team = naming.team(session, body.team)
    row = service.save(session, who, name=body.name, query=_query(body.query), team=team, now=clock.now())
    if body.default:
        service.set_default(session, who, queries.key_of(row))
    return Created(_one(row.id), f"{HOME}/{row.id}")


@api.post("/ticket-filters/choice", needs=SEE, body=ChoiceIn, status=200)
def choose_filters(body: ChoiceIn) -> None:
    """The caller's own order, and what their list opens with."""
    session, who = db.session(), viewer()
    if body.order is not None:
        service.set_order(session, who, body.order)
    if "default" in body.model_fields_set:
        service.set_default(session, who, body.default)


@api.get("/ticket-filters/<int:filter_id>", needs=SEE, answer=FilterOut)
def show_filter(filter_id: int) -> FilterOut:
    """One saved filter."""
    service.get(db.session(), viewer(), filter_id)
    return _one(filter_id)


@api.patch("/ticket-filters/<int:filter_id>", needs=SEE, body=FilterPatch, answer=FilterOut)
def change_filter(filter_id: int, body: FilterPatch) -> FilterOut:
    """Another name, other conditions."""
    session = db.session()
    row = service.for_change(session, viewer(), filter_id)
    service.change(session, row, name=body.name, query=_query(body.query) if body.query is not None else None)
    return _one(filter_id)


@api.delete("/ticket-filters/<int:filter_id>", needs=SEE, status=204)
def delete_filter(filter_id: int) -> None:
    """Take it away; `restore` brings it back."""
    service.delete(service.for_change(db.session(), viewer(), filter_id), now=clock.now())


@api.post("/ticket-filters/<int:filter_id>/restore", needs=SEE, status=200, answer=FilterOut)
def restore_filter(filter_id: int) -> FilterOut:
    """Undo a deletion."""
    session = db.session()
    service.restore(session, service.for_change(session, viewer(), filter_id, deleted=True))
    return _one(filter_id)
