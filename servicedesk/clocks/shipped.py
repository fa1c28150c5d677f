"""The targets every installation begins with."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from servicedesk.clocks import service
from servicedesk.clocks.targets import DEFAULT_TARGETS


def install(session: Session, now: dt.datetime) -> None:
    """Version 1 of the targets, where there is none."""
    if not service.targets_version(session):
        service.publish_targets(session, DEFAULT_TARGETS, now=now)
