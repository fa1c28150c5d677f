"""What monitoring tells: the life of alerts, for incidents, notifications, the live page and the search index.

An alert is an episode: one firing of one problem, from its beginning to its end (architecture decision 2).
"""

from __future__ import annotations

import datetime as dt

from core.events.base import Event


class AlertRaised(Event, frozen=True, kw_only=True):
    """A problem began. `severity` critical|warning|unknown|info; `source` check|heartbeat|api; `at` when it began.

    Not told for an episode that began and ended inside one batch of results: nobody is to be woken for what is over.
    """

    alert_id: int
    fingerprint: str
    problem_key: str
    episode: int
    severity: str
    alertname: str
    summary: str
    source: str
    at: dt.datetime
    unit_id: int
    item_id: int | None = None
    service_id: int | None = None
    team_id: int | None = None
    check_id: int | None = None


class AlertSeverityChanged(Event, frozen=True, kw_only=True):
    """The same episode is worse or less bad now; a rise takes back an acknowledgement (M-08)."""

    alert_id: int
    fingerprint: str
    problem_key: str
    episode: int
    before: str
    after: str
    rose: bool
    summary: str
    alertname: str = ""
    at: dt.datetime
    unit_id: int
    item_id: int | None = None
    service_id: int | None = None
    team_id: int | None = None
    check_id: int | None = None


class AlertResolved(Event, frozen=True, kw_only=True):
    """The episode is over. `why` recovered|ended|timed-out|retired (OK, endsAt, silence, check gone)."""

    alert_id: int
    fingerprint: str
    problem_key: str
    episode: int
    why: str
    at: dt.datetime
    unit_id: int
    item_id: int | None = None
    service_id: int | None = None
    team_id: int | None = None
    check_id: int | None = None


class AlertAcknowledged(Event, frozen=True, kw_only=True):
    """Somebody has seen it: paging stops. `until`: the acknowledgement expires then; None: with the episode."""

    alert_id: int
    fingerprint: str
    problem_key: str
    episode: int
    person_id: int
    text: str
    at: dt.datetime
    unit_id: int
    until: dt.datetime | None = None
    sticky: bool = False
    item_id: int | None = None


class AlertAcknowledgementEnded(Event, frozen=True, kw_only=True):
    """It is open again. `why` by-hand|expired|changed (the state changed, or the severity rose)."""

    alert_id: int
    fingerprint: str
    problem_key: str
    episode: int
    why: str
    at: dt.datetime
    unit_id: int
    item_id: int | None = None


class AlertsSuppressed(Event, frozen=True, kw_only=True):
    """Alerts went quiet (`alert_ids`) or ceased to be (`freed_ids`): what is shown of them is another.

    `fingerprints` and `unit_ids` name both, in that order. `person_id`: who silenced them, where somebody did. Nothing
    begins or ends by this: what was kept back is told by events of its own.
    """

    alert_ids: list[int]
    freed_ids: list[int]
    fingerprints: list[str]
    unit_ids: list[int]
    at: dt.datetime
    person_id: int | None = None


class InhibitionMoved(Event, frozen=True, kw_only=True):
    """Alerts that keep others quiet came or went; `keys`: the hashes of their equal labels. Heard by monitoring itself."""

    keys: list[str]
    at: dt.datetime
