"""Notices follow the matter they tell about (K-04). Each handler may run twice."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from core.events.servicedesk import IncidentCancelled, IncidentClosed, IncidentReopened, IncidentResolved
from kb.notices import service


def end(session: Session, event: IncidentResolved | IncidentClosed | IncidentCancelled, now: dt.datetime) -> None:
    """The matter is over."""
    service.end_with_ticket(session, event.number, now=now)


def resume(session: Session, event: IncidentReopened, now: dt.datetime) -> None:
    """The matter came back."""
    service.resume_with_ticket(session, event.number, now=now)
