"""Tells the poller of this process that checks were changed, once the change is committed."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from core.db import committed

_CHANGED = "checks_changed"
on_commit: list[Callable[[], None]] = []


def changed(session: Session) -> None:
    """The list of checks is another one when this transaction commits."""
    session.info[_CHANGED] = True


@committed.on_commit
def _tell(session: Session) -> None:
    if session.info.pop(_CHANGED, False):
        for callback in on_commit:
            callback()
