"""What monitoring reports becomes tickets: the one still open for a problem, or a new one about the item that fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from cmdb import queries as cmdb
from cmdb.models import Item
from core.events.monitor import AlertRaised
from servicedesk import catalogue
from servicedesk.custody import routing
from servicedesk.tickets import categories, rules
from servicedesk.tickets.models import Source, Ticket
from servicedesk.tickets.opening import Report, first_open, open_many

LONGEST_TITLE = 200


def tickets_for(session: Session, events: Sequence[AlertRaised], *, now: dt.datetime) -> list[Ticket]:
    """A ticket for each event, in their order; those that were there already are locked."""
    there = first_open(session, [event.problem_key for event in events], lock=True)
    fresh = [event for event in events if event.problem_key not in there]
    reports = _Reports(session, fresh)
    opened = open_many(session, [reports.of(event) for event in fresh], by=None, now=now)
    there |= {event.problem_key: ticket for event, ticket in zip(fresh, opened, strict=True)}
    return [there[event.problem_key] for event in events]


class _Reports:
    """Alerts in the words of a report; what several of them ask of one item is asked once."""

    def __init__(self, session: Session, events: Sequence[AlertRaised]) -> None:
        self._session = session
        ids = sorted({event.item_id for event in events if event.item_id is not None})
        self._items = (
            {item.id: item for item in session.scalars(sa.select(Item).where(Item.id.in_(ids)))} if ids else {}
        )
        self._hit: dict[int, tuple[int, int]] = {}
        self._services: dict[int, int | None] = {}
        self._first: dict[tuple[int, int | None], Team] = {}

    def of(self, event: AlertRaised) -> Report:
        """The report of one alert. Raises Invalid when nobody could take it."""
        item = self._items.get(event.item_id) if event.item_id is not None else None
        service_id = event.service_id
        if service_id is None and item is not None:
            service_id = self._service(item)
        people, systems = self._hits(item) if item is not None else (0, 0)
        unit_id = item.unit_id if item else event.unit_id
        return Report(
            title=(event.summary.strip().splitlines() or [event.alertname])[0][:LONGEST_TITLE] or event.alertname,
            category=categories.category_of_item(item.type_code if item else ""),
            unit_id=unit_id,
            description=event.summary,
            source=Source.ALERT,
            service_id=service_id,
            item_id=event.item_id,
            urgency=rules.urgency_of_severity(event.severity),
            people_hit=people,
            services_hit=systems,
            problem_key=event.problem_key,
            since=event.at,
            team_id=self._team(event, unit_id, service_id),
        )

    def _service(self, item: Item) -> int | None:
        if item.id not in self._services:
            self._services[item.id] = next(iter(catalogue.services_needing(self._session, item.id)), None)
        return self._services[item.id]

    def _hits(self, item: Item) -> tuple[int, int]:
        if item.id not in self._hit:
            hit = cmdb.impact_of(self._session, item)
            self._hit[item.id] = hit.people, hit.systems
        return self._hit[item.id]

    def _team(self, event: AlertRaised, unit_id: int, service_id: int | None) -> int:
        place = (unit_id, service_id)
        if place not in self._first:
            self._first[place] = routing.first_team(self._session, unit_id, service_id=service_id)
        first = self._first[place]
        named = self._session.get(Team, event.team_id) if event.team_id is not None else None
        same_unit = named is not None and named.active and named.unit_id == first.unit_id
        return named.id if named is not None and same_unit else first.id
