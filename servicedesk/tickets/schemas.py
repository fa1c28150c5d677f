"""Shapes of /api/v1/tickets (contract) and of the forms on the pages."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pydantic

from servicedesk.attachments.reading.reader import TextState
from servicedesk.clocks.rules import ClockState
from servicedesk.custody.rules import Line, WaitingFor
from servicedesk.tickets.models import Source
from servicedesk.tickets.states import Action, Kind, State
from web.api import ApiModel, ListQuery
from web.api.schemas import MAX_LIMIT, Instant

Title = Annotated[str, pydantic.Field(min_length=1, max_length=200)]
Text = Annotated[str, pydantic.Field(max_length=20_000)]
Needed = Annotated[str, pydantic.Field(min_length=1, max_length=20_000)]
Level = Annotated[int, pydantic.Field(ge=1, le=3)]
Priority = Annotated[int, pydantic.Field(ge=1, le=5)]
Category = Annotated[str, pydantic.Field(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")]
ItemId = Annotated[int, pydantic.Field(ge=1, le=2**53)]
Name = Annotated[str, pydantic.Field(min_length=1, max_length=64)]
Number = Annotated[str, pydantic.Field(max_length=20)]


class ClockOut(ApiModel):
    """One clock. `elapsed_minutes` is working time; `due_at` of a paused one moves on resuming by the pause."""

    name: str
    started_at: dt.datetime
    due_at: dt.datetime
    paused: bool
    elapsed_minutes: int
    state: ClockState


class TicketIn(ApiModel):
    """A new ticket. `unit` defaults to the reporter's; the fields from `opened_at` on need the scope `import`.

    Kinds whose process is not built yet (request, problem, change) are only recorded: no clocks run, nobody is told, and
    all that can be done is to cancel them.
    """

    kind: Kind
    title: Title
    category: Category
    description: Text = ""
    service: ItemId | None = None
    item: ItemId | None = None
    urgency: Level = 3
    impact: Level | None = None
    unit: Name | None = None
    reporter: Name | None = None
    team: Name | None = None
    parent: Number | None = None
    since: Instant | None = None
    answers: dict[str, Annotated[str, pydantic.Field(max_length=500)]] | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    change_items: list[ItemId] | None = pydantic.Field(
        default=None, max_length=500, alias="items"
    )  # {"items": …} is bulk
    opened_at: Instant | None = None
    resolved_at: Instant | None = None
    state: State | None = None
    actual_start: Instant | None = None
    actual_end: Instant | None = None


IMPORT_FIELDS = frozenset({"opened_at", "resolved_at", "state", "actual_start", "actual_end"})


class TicketPatch(ApiModel):
    """The fields to change; changing urgency or impact needs a reason."""

    title: Title | None = None
    description: Text | None = None
    category: Category | None = None
    service: ItemId | None = None
    item: ItemId | None = None
    urgency: Level | None = None
    impact: Level | None = None
    major: bool | None = None
    reason: Annotated[str, pydantic.Field(max_length=2000)] | None = None


class TicketOut(ApiModel):
    """A ticket. References are names: people by login, units and teams by code, items and services by id."""

    number: str
    kind: Kind
    state: State
    title: str
    description: str
    category: str
    service: int | None
    item: int | None
    urgency: int
    impact: int
    priority: int
    reporter: str | None
    unit: str
    holder: str | None
    team: str
    line: Line
    major: bool
    parent: str | None
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    closed_at: dt.datetime | None
    source: Source
    clocks: list[ClockOut]
    error_code: str | None
    since: dt.datetime | None
    solution: str | None
    cause: str | None
    article: str | None
    stars: int | None
    acknowledged_by: str | None
    handoff_pending: bool
    reopened: int
    bounces: int
    urged: int
    planned_start: dt.datetime | None = None
    planned_end: dt.datetime | None = None
    actual_start: dt.datetime | None = None
    actual_end: dt.datetime | None = None
    items: list[int] = pydantic.Field(default_factory=list)
    actions: list[Action] = pydantic.Field(default_factory=list)


EXACTLY = "Exactly this instant."
FROM = "At this instant or later."
UNTIL = "Before this instant."


def _asked(description: str) -> Any:
    """A filter that may be left out."""
    return pydantic.Field(default=None, description=description)


class SideQuery(ApiModel):
    """What the lists of one ticket take: they page by key, in the order things happened."""

    limit: int = pydantic.Field(default=50, ge=1, le=MAX_LIMIT)
    cursor: str | None = pydantic.Field(default=None, max_length=1000)


class TicketQuery(ListQuery):
    """Filters by each field; `unit` takes the subtree, `open` leaves out what is done.

    Words are compared whole (`q` looks inside them). A time is taken exactly, or as a range: `…_from` is included,
    `…_until` is not.
    """

    number: Number | None = None
    title: Title | None = _asked("The whole title; `q` looks inside titles.")
    description: Annotated[str, pydantic.Field(max_length=2000)] | None = _asked(
        "The whole description; `q` looks inside descriptions."
    )
    kind: list[Kind] = pydantic.Field(default_factory=list)
    state: list[State] = pydantic.Field(default_factory=list)
    category: Category | None = None
    service: ItemId | None = None
    item: ItemId | None = None
    urgency: Level | None = None
    impact: Level | None = None
    priority: Priority | None = None
    reporter: Name | None = None
    holder: Name | None = None
    unit: Name | None = None
    team: Name | None = None
    line: list[Line] = pydantic.Field(default_factory=list)
    source: Source | None = None
    major: bool | None = None
    parent: Number | None = None
    open: bool | None = None
    overdue: bool | None = None
    mine: bool | None = _asked("true: held by whoever asks.")
    my_teams: bool | None = _asked("true: with a team of whoever asks.")
    due_within: Annotated[int, pydantic.Field(ge=1, le=720)] | None = _asked(
        "With a running clock that ends within so many hours; what is overdue is not among them."
    )
    accepted: bool | None = _asked("Whether somebody holds it.")
    returned: bool | None = _asked("Whether a hand-off of it came back.")
    urged: bool | None = _asked("Whether it was urged.")
    reopened: bool | None = _asked("Whether it was opened again.")
    rated: bool | None = _asked("Whether its reporter gave stars.")
    due_at: Instant | None = _asked("When the next of its clocks ends. " + EXACTLY)
    due_from: Instant | None = _asked(FROM)
    due_until: Instant | None = _asked(UNTIL)
    clocks: list[ClockState] = pydantic.Field(
        default_factory=list, description="Tickets with a clock that stands so: running, met, breached, stopped."
    )
    items: ItemId | None = _asked("Changes that touch this item.")
    opened_at: Instant | None = _asked(EXACTLY)
    opened_from: Instant | None = _asked(FROM)
    opened_until: Instant | None = _asked(UNTIL)
    resolved_at: Instant | None = _asked(EXACTLY)
    resolved_from: Instant | None = _asked(FROM)
    resolved_until: Instant | None = _asked(UNTIL)
    closed_at: Instant | None = _asked(EXACTLY)
    closed_from: Instant | None = _asked(FROM)
    closed_until: Instant | None = _asked(UNTIL)
    planned_start: Instant | None = _asked(EXACTLY)
    planned_start_from: Instant | None = _asked(FROM)
    planned_start_until: Instant | None = _asked(UNTIL)
    planned_end: Instant | None = _asked(EXACTLY)
    planned_end_from: Instant | None = _asked(FROM)
    planned_end_until: Instant | None = _asked(UNTIL)
    actual_start: Instant | None = _asked(EXACTLY)
    actual_start_from: Instant | None = _asked(FROM)
    actual_start_until: Instant | None = _asked(UNTIL)
    actual_end: Instant | None = _asked(EXACTLY)
    actual_end_from: Instant | None = _asked(FROM)
    actual_end_until: Instant | None = _asked(UNTIL)


class AssignIn(ApiModel):
    """Inside the current line: a team, a person of it, or both."""

    team: Name | None = None
    holder: Name | None = None


class SuspendIn(ApiModel):
    """Why the clocks stop; `waiting_for` reporter or supplier."""

    reason: Needed
    waiting_for: WaitingFor = WaitingFor.REPORTER


class ResolveIn(ApiModel):
    """How it was solved; `reason` is asked for while an alert of it still fires."""

    solution: Needed
    cause: Text | None = None
    article: Annotated[str, pydantic.Field(max_length=20)] | None = None
    reason: Text | None = None


class ConfirmIn(ApiModel):
    """1–5 stars."""

    stars: Annotated[int, pydantic.Field(ge=1, le=5)]
    comment: Text | None = None


class CommentIn(ApiModel):
    """A line of the timeline."""

    text: Needed
    internal: bool = False


class WatchIn(ApiModel):
    """Follow, or stop following."""

    on: bool = True


class WatcherOut(ApiModel):
    """Somebody who follows a ticket."""

    login: str
    name: str


class TimelineOut(ApiModel):
    """Something that happened. `what` is the kind of fact; `data` what it was about."""

    id: int
    at: dt.datetime
    received_at: dt.datetime
    actor: str | None
    actor_name: str | None
    what: str
    text: str
    internal: bool
    data: dict[str, object]


class CustodyOut(ApiModel):
    """One stretch of the ledger. `until` is null while it lasts."""

    model_config = pydantic.ConfigDict(extra="forbid", validate_by_name=True, serialize_by_alias=True)

    holder: str | None
    team: str
    line: Line
    since: dt.datetime = pydantic.Field(serialization_alias="from")
    until: dt.datetime | None
    working_minutes: int
    calendar_minutes: int
    waiting_for: WaitingFor | None
    put_down_to: str


class CardOut(ApiModel):
    """What neighbours may know, and nothing else."""

    kind: Kind
    service: int | None
    error_code: str | None
    area: str
    since: dt.datetime
    state: State


class AttachmentOut(ApiModel):
    """A file; `/attachments/ID` downloads it."""

    id: int
    name: str
    size: int
    type: str
    sha256: str
    internal: bool
    text: TextState
    """Whether the search knows what is written in it: `waiting` until it was read, `none` for a kind that is not read
    and for internal ones."""
    by: str
    at: dt.datetime


class StepIn(ApiModel):
    """A step of the solution standard, done or not."""

    step: Name
    done: bool = True
