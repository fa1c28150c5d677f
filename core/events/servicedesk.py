"""What the service desk tells: the life of incidents, for paging, notifications, the knowledge base and the index."""

from __future__ import annotations

import datetime as dt

from core.events.base import Event


class IncidentOpened(Event, frozen=True, kw_only=True):
    """A new incident; custody and clocks have begun. `priority` 1 (critical) to 5; `source` person|alert|mail|api."""

    ticket_id: int
    number: str
    title: str
    priority: int
    team_id: int
    line: str
    source: str
    unit_id: int
    item_id: int | None = None
    service_id: int | None = None
    reporter_id: int | None = None
    problem_key: str | None = None
    reopened: bool = False
    parent_id: int | None = None  # “affects me too”: people were paged for the parent


class IncidentAcknowledged(Event, frozen=True, kw_only=True):
    """Somebody has seen it: paging stops, custody does not move."""

    ticket_id: int
    number: str
    person_id: int


class IncidentAccepted(Event, frozen=True, kw_only=True):
    """Somebody is answerable now."""

    ticket_id: int
    number: str
    person_id: int
    team_id: int


class CustodyMoved(Event, frozen=True, kw_only=True):
    """Team, line or holder changed; `holder_id` is None until the new team accepts."""

    ticket_id: int
    number: str
    from_team_id: int
    to_team_id: int
    line: str
    why: str
    holder_id: int | None = None
    by_id: int | None = None


class PriorityChanged(Event, frozen=True, kw_only=True):
    """Urgency or impact was changed by a person, with a reason."""

    ticket_id: int
    number: str
    before: int
    after: int


class IncidentSuspended(Event, frozen=True, kw_only=True):
    """The clocks stand still; `waiting_for` reporter|supplier."""

    ticket_id: int
    number: str
    waiting_for: str
    reason: str


class IncidentResumed(Event, frozen=True, kw_only=True):
    """The clocks run again."""

    ticket_id: int
    number: str


class IncidentResolved(Event, frozen=True, kw_only=True):
    """Solved, by a person (`by_id`) or by itself (`recovered`); the reporter is asked to confirm."""

    ticket_id: int
    number: str
    by_id: int | None = None
    solution: str = ""
    cause: str | None = None
    article: str | None = None
    recovered: bool = False
    parent_id: int | None = None
    problem_key: str | None = None


class IncidentReopened(Event, frozen=True, kw_only=True):
    """Back to work for the `count`-th time; `head_id` is told from the second on (T-15)."""

    ticket_id: int
    number: str
    reason: str
    count: int
    head_id: int | None = None


class IncidentClosed(Event, frozen=True, kw_only=True):
    """Confirmed with stars, closed by the head, or closed by itself."""

    ticket_id: int
    number: str
    stars: int | None = None
    automatic: bool = False


class IncidentCancelled(Event, frozen=True, kw_only=True):
    """It was none."""

    ticket_id: int
    number: str
    reason: str


class TicketCommented(Event, frozen=True, kw_only=True):
    """Somebody wrote; an internal line is not for the reporter."""

    ticket_id: int
    number: str
    fact_id: int
    internal: bool
    by_id: int | None = None
    mentioned: tuple[int, ...] = ()  # people it names who may read it


class TicketChanged(Event, frozen=True, kw_only=True):
    """Anything about a ticket changed, once for each verb; for the search index and the live page."""

    ticket_id: int
    number: str
    what: str
    at: dt.datetime | None = None


class BulkMoved(Event, frozen=True, kw_only=True):
    """A run over many tickets was ordered, or a part of it is done; `over`: nothing is left of it."""

    run_id: int
    by_id: int
    over: bool = False
