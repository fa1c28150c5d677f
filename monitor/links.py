"""What higher rooms know, wired in by app: monitor asks through here and imports nobody above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from monitor.alerts.models import Alert
from monitor.am.matchers import Matcher


class TicketsOf(Protocol):
    """Alert id → number of the incident that took it up."""

    def __call__(self, session: Session, alert_ids: Sequence[int]) -> Mapping[int, str]: ...


class IncidentCounts(Protocol):
    """Open incidents as the wall shows them: numbers only, cities by unit id."""

    @property
    def open(self) -> int: ...
    @property
    def critical(self) -> int: ...
    @property
    def by_city(self) -> Mapping[int, int]: ...


class CountIncidents(Protocol):
    """Counts open incidents below some units."""

    def __call__(self, session: Session, root_unit_ids: frozenset[int], *, now: dt.datetime) -> IncidentCounts: ...


@dataclass(frozen=True)
class NoCounts:
    """What the wall shows where no service desk is wired in."""

    open: int = 0
    critical: int = 0
    by_city: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """A receiver as API v2 names it: what it hears of (within `unit_id` and below; None: everywhere), grouped by what."""

    name: str
    matchers: tuple[Matcher, ...]
    group_by: tuple[str, ...]
    unit_id: int | None


class RoutesOf(Protocol):
    """The receivers there are, beside incidents."""

    def __call__(self, session: Session) -> Sequence[Route]: ...


@dataclass
class _Links:
    tickets: TicketsOf | None = None
    incidents: CountIncidents | None = None
    routes: RoutesOf | None = None


_links = _Links()


def set_tickets(function: TicketsOf) -> None:
    """Let the service desk say which incident holds which alert."""
    _links.tickets = function


def set_incidents(function: CountIncidents) -> None:
    """Let the service desk count its open incidents."""
    _links.incidents = function


def set_routes(function: RoutesOf) -> None:
    """Let escalation say which receivers outside there are."""
    _links.routes = function


def routes(session: Session) -> Sequence[Route]:
    """Receivers outside, by name."""
    return _links.routes(session) if _links.routes is not None else ()


def tickets_of(session: Session, alerts: Sequence[Alert]) -> Mapping[int, str]:
    """Numbers of the incidents of these alerts, by alert id."""
    return _links.tickets(session, [a.id for a in alerts]) if _links.tickets is not None and alerts else {}


def incidents_below(session: Session, root_unit_ids: frozenset[int], *, now: dt.datetime) -> IncidentCounts:
    """Open incidents below some units."""
    return _links.incidents(session, root_unit_ids, now=now) if _links.incidents is not None else NoCounts()
