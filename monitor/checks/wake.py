"""Tells the poller of this process that checks were changed, once the change is committed."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

_CHANGED = "checks_changed"
on_commit: list[Callable[[], None]] = []


def changed(session: Session) -> None:
    """The list of checks is another one when this transaction commits."""
    session.info[_CHANGED] = True


@sa.event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    if session.info.pop(_CHANGED, False):
        for callback in on_commit:
            callback()
