"""Periodic duties: rooms declare them, app's scheduler runs them. A job owns its own transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Job:
    """A duty run every `every_s` seconds in a transaction of its own: `run(session, now)`.

    Runs never overlap; a run that fails is logged and tried again at the next tick. Where several processes share one
    database, one of them does it, whichever; `everywhere`: each does it for itself (it concerns the process, not the data).
    """

    name: str
    every_s: float
    run: Callable[[Session, dt.datetime], object]
    everywhere: bool = False
