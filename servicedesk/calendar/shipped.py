"""The calendar every installation begins with."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from servicedesk.calendar import service


def install(session: Session, now: dt.datetime) -> None:
    """The usual hours, nothing entered by hand; what is there stays."""
    service.begin(session, now=now)
