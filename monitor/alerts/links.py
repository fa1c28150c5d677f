"""What higher rooms know of an alert, wired in by app: monitor asks through here and imports nobody above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from monitor.alerts.models import Alert

TicketsOf = Callable[[Session, Sequence[Alert]], dict[int, str]]
"""Alert id → number of the incident that took it up."""


def _nobody(_session: Session, _alerts: Sequence[Alert]) -> dict[int, str]:
    return {}


_tickets: list[TicketsOf] = [_nobody]


def set_tickets(function: TicketsOf) -> None:
    """Let the service desk say which incident holds which alert."""
    _tickets[0] = function


def tickets_of(session: Session, alerts: Sequence[Alert]) -> dict[int, str]:
    """Numbers of the incidents of these alerts, by alert id."""
    return _tickets[0](session, alerts) if alerts else {}
