"""What the API and the forms take and give: checks, results, pollers."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from monitor.rules import Severity
from monitor.states import Kind, State
from web.api import ApiModel, ListQuery
from web.api.schemas import Instant

DAY_S = 86_400
ResultState = Literal["ok", "warning", "critical", "unknown"]


class ParentRef(ApiModel):
    """A parent check; those sharing a group stand in for each other."""

    check: int = pydantic.Field(ge=1)
    group: str | None = pydantic.Field(default=None, max_length=80)


def _parents(value: object) -> object:
    """A plain id means a parent without a group."""
    if isinstance(value, list):
        return [{"check": one} if isinstance(one, int) and not isinstance(one, bool) else one for one in value]
    return value


class CheckFields(ApiModel):
    """What may be changed on a check; all optional, so that a PATCH gives what it changes."""

    name: str | None = pydantic.Field(default=None, max_length=120)
    type: str | None = pydantic.Field(default=None, min_length=1, max_length=80)
    target: str | None = pydantic.Field(default=None, max_length=400)
    params: dict[str, Any] | None = None
    active: bool | None = None
    interval_s: int | None = pydantic.Field(default=None, ge=1, le=7 * DAY_S)
    retry_s: int | None = pydantic.Field(default=None, ge=1, le=7 * DAY_S)
    max_attempts: int | None = pydantic.Field(default=None, ge=1, le=100)
    timeout_s: int | None = pydantic.Field(default=None, ge=1, le=300)
    freshness_s: int | None = pydantic.Field(default=None, ge=0, le=90 * DAY_S)
    parents: list[ParentRef] | None = pydantic.Field(default=None, max_length=50)
    poller: str | None = pydantic.Field(default=None, max_length=80)

    @pydantic.field_validator("parents", mode="before")
    @classmethod
    def _plain_ids(cls, value: object) -> object:
        return _parents(value)


class CheckIn(CheckFields):
    """A new check."""

    item: int = pydantic.Field(ge=1)
    type: str = pydantic.Field(min_length=1, max_length=80)


class CheckOut(ApiModel):
    """A check and where it stands. Secret parameters show as ●●●."""

    id: int
    item: int
    name: str
    type: str
    target: str
    params: dict[str, Any]
    active: bool
    interval_s: int
    retry_s: int
    max_attempts: int
    timeout_s: int
    freshness_s: int
    parents: list[ParentRef]
    poller: str | None
    retired: bool
    state: State
    kind: Kind | None
    attempt: int
    reachable: bool
    flapping: bool
    output: str
    checked_at: Instant | None
    heartbeat_url: str | None = None
    """Where beats go; told once, when a check of type `heartbeat` is made."""


class CheckQuery(ListQuery):
    """Filters of the list of checks."""

    item: int | None = None
    type: str | None = None
    unit: str | None = None
    state: State | None = None
    kind: Kind | None = None
    active: bool | None = None
    poller: str | None = None
    retired: bool = False


class SampleIn(ApiModel):
    """One number of a result."""

    metric: str = pydantic.Field(min_length=1, max_length=200)
    value: float
    unit: str = pydantic.Field(default="", max_length=40)
    labels: dict[str, str] = pydantic.Field(default_factory=dict, max_length=32)


class ResultIn(ApiModel):
    """One result of one check."""

    check: int = pydantic.Field(ge=1)
    at: Instant
    state: ResultState
    output: str = pydantic.Field(default="", max_length=100_000)
    samples: list[SampleIn] = pydantic.Field(default_factory=list, max_length=2000)


class ResultsIn(ApiModel):
    """A batch of results; judged in order of `at`."""

    poller: str | None = pydantic.Field(default=None, max_length=80)
    results: list[ResultIn] = pydantic.Field(max_length=5000)


class Discarded(ApiModel):
    """A result that was not taken: its place in the batch and why."""

    index: int
    reason: str


class ResultsOut(ApiModel):
    """What became of a batch. `refused_samples`: numbers that were none (M-09)."""

    accepted: int
    discarded: list[Discarded]
    refused_samples: int


class PollerIn(ApiModel):
    """A poller."""

    name: str = pydantic.Field(min_length=1, max_length=80)
    unit: str | None = pydantic.Field(default=None, max_length=40)


class PollerOut(ApiModel):
    """A poller and when it was last heard of."""

    name: str
    unit: str
    enrolled_at: Instant
    last_seen_at: Instant | None
    version: str
    clock_offset_s: float | None
    state: Literal["online", "offline", "never-seen", "retired"]


class AlertOut(ApiModel):
    """An alert: the newest episode of its problem."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    state: Literal["firing", "suppressed", "resolved"]
    suppressed_by: list[str]
    severity: Severity
    episode: int
    starts_at: Instant
    ends_at: Instant | None
    last_seen_at: Instant
    count: int
    acknowledged_by: str | None
    acknowledged_until: Instant | None
    ticket: str | None
    item: int | None
    check: int | None
    unit: str
    root: str | None


class AlertQuery(ListQuery):
    """Filters of the list of alerts."""

    state: Literal["firing", "suppressed", "resolved"] | None = None
    severity: Severity | None = None
    fingerprint: str | None = None
    alertname: str | None = None
    item: int | None = None
    check: int | None = None
    unit: str | None = None
    service: int | None = None
    source: str | None = None
    acknowledged: bool | None = None
    acknowledged_by: str | None = None
    since: Instant | None = None
    until: Instant | None = None


class AckIn(ApiModel):
    """An acknowledgement. Without `until` it expires by itself after a day."""

    text: str = pydantic.Field(min_length=1, max_length=2000)
    sticky: bool = False
    until: Instant | None = None


class HeartbeatIn(ApiModel):
    """A beat to be expected every `period_s` seconds."""

    item: int = pydantic.Field(ge=1)
    name: str = pydantic.Field(min_length=1, max_length=120)
    period_s: int = pydantic.Field(ge=1, le=31 * DAY_S)
    grace_s: int = pydantic.Field(default=60, ge=0, le=7 * DAY_S)


class HeartbeatOut(ApiModel):
    """A heartbeat; `token` and `url` are told once, when it is made."""

    id: int
    check: int
    name: str
    item: int
    period_s: int
    grace_s: int
    last_beat_at: Instant | None
    due_at: Instant
    token: str | None = None
    url: str | None = None
