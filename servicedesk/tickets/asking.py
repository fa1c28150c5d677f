"""From the query of an address to the filter of a list: one reading for the page and the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from servicedesk.queries import TIMES, Filter
from servicedesk.tickets.schemas import TicketQuery

_OTHERWISE = {"limit", "cursor", "q", "kind", "state", "line", "service", "item", "clocks", "items"}


def filter_of(query: TicketQuery) -> Filter:
    """The filter a query asks for."""
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
