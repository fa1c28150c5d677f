"""What higher rooms know, wired in by app: monitor asks through here and imports nobody above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from monitor.alerts.models import Alert


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


@dataclass
class _Links:
    tickets: TicketsOf | None = None
    incidents: CountIncidents | None = None


_links = _Links()


def set_tickets(function: TicketsOf) -> None:
    """Let the service desk say which incident holds which alert."""
    _links.tickets = function


def set_incidents(function: CountIncidents) -> None:
    """Let the service desk count its open incidents."""
    _links.incidents = function


def tickets_of(session: Session, alerts: Sequence[Alert]) -> Mapping[int, str]:
    """Numbers of the incidents of these alerts, by alert id."""
    return _links.tickets(session, [a.id for a in alerts]) if _links.tickets is not None and alerts else {}


def incidents_below(session: Session, root_unit_ids: frozenset[int], *, now: dt.datetime) -> IncidentCounts:
    """Open incidents below some units."""
    return _links.incidents(session, root_unit_ids, now=now) if _links.incidents is not None else NoCounts()
