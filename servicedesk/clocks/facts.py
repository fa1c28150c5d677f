"""What the clocks are computed from: the ticket's facts, as small values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FactKind(StrEnum):
    """Facts that move a clock; all other kinds of facts are passed over."""

    OPENED = "opened"  # priority 1–5, tax (bool), line, targets (version)
    SENT = "sent"  # line: the receiver's; a hand-off waits for acceptance
    ACCEPTED = "accepted"  # line: the line that is answerable now
    RETURNED = "returned"  # line: who holds it now, if it had been accepted before
    WITHDRAWN = "withdrawn"
    ARBITRATED = "arbitrated"  # line: the line that has to take it now, which it does by accepting
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    PRIORITY = "priority-changed"  # priority 1–5
    SERVICE = "service-changed"  # tax (bool)
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Fact:
    """One thing that happened at `at`; `kind` one of FactKind, or a word that concerns no clock."""

    at: dt.datetime
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
