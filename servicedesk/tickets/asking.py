"""From the query of an address to the filter of a list: one reading for the page and the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pydantic

from accounts.scope import Viewer
from servicedesk.queries import TIMES, Filter
from servicedesk.tickets.schemas import TicketQuery

_OTHERWISE = {
    "limit", "cursor", "q", "kind", "state", "line", "service", "item", "clocks", "items", "mine", "my_teams", "due_within",
}  # fmt: skip


_LISTS = {"kind", "state", "line", "clocks"}


def query_of(args: Mapping[str, list[str]]) -> TicketQuery:
    """The filters of an address; what makes no sense is passed over, a list must not fail on a typed address."""
    given: dict[str, Any] = {}
    for name, found in args.items():
        values = [v for v in found if v != ""]
        if values and name in TicketQuery.model_fields:
            given[name] = values if name in _LISTS else values[-1]
    try:
        return TicketQuery.model_validate(given)
    except pydantic.ValidationError as error:
        for problem in error.errors():
            given.pop(str(problem["loc"][0]), None)
        return TicketQuery.model_validate(given)


def filter_of(query: TicketQuery, viewer: Viewer) -> Filter:
    """The filter a query asks for; “mine” is whoever asks."""
    times = {given for name in TIMES for given, _how in _asked_as(name)}
    return Filter(
        **query.model_dump(exclude=_OTHERWISE | times),
        kinds=tuple(query.kind),
        states=tuple(query.state),
        lines=tuple(query.line),
        service_id=query.service,
        item_id=query.item,
        text=query.q,
        clocks=tuple(query.clocks),
        change_item=query.items,
        times=tuple(_times(query)),
        held_by=viewer.person_id if query.mine else None,
        of_teams=viewer.member_of if query.my_teams else None,
        due_within=dt.timedelta(hours=query.due_within) if query.due_within else None,
    )


def _times(query: TicketQuery) -> Iterator[tuple[str, str, dt.datetime]]:
    """Column, comparison and instant, for each time that was given."""
    for name in TIMES:
        for given, how in _asked_as(name):
            if (value := getattr(query, given)) is not None:
                yield name, how, value


def _asked_as(name: str) -> tuple[tuple[str, str], ...]:
    """The names a time is asked for by, each with its comparison: opened_at, opened_from, opened_until."""
    short = name.removesuffix("_at")
    return (name, "=="), (f"{short}_from", ">="), (f"{short}_until", "<")
