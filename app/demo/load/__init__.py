"""Loading the demo province: repeatable, in stages of their own transactions, adding only what is missing.

A load that was interrupted is finished by the next one. A database with somebody's real data is refused.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from accounts.audit.listener import record
from accounts.scope import forget_viewers
from app.demo.load import duty, knowledge, matters, operations, organisation
from app.demo.load.real import refuse_real_data
from app.demo.units import SEED, Scale
from core.db import transaction

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how much of it is done, and how much there is."""


@dataclass
class Loaded:
    """What a load added, by kind, and how long it took."""

    added: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Progress nobody looks at."""


def load(
    engine: sa.Engine,
    *,
    secret: str,
    now: dt.datetime,
    scale: Scale = "province",
    tickets: int = 0,
    force: bool = False,
    seed: int = SEED,
    progress: Progress = _silent,
) -> Loaded:
    """Bring the demo province into the database; repeating it changes nothing.

    `secret` is the installation's key, from which the passwords of the people to try are computed. `tickets`: how many
    matters of the last half year to add. Raises Conflict for a database with real data, unless `force`.
    """
    started = time.monotonic()
    if not force:
        refuse_real_data(engine)
    done = Loaded()
    done.added |= organisation.load(engine, secret=secret, now=now, scale=scale, seed=seed, progress=progress)
    done.added |= operations.load(engine, now=now, scale=scale, seed=seed, progress=progress)
    done.added |= duty.load(engine, now=now)
    done.added |= knowledge.load(engine, now=now, progress=progress)
    if tickets:
        done.added |= matters.load(engine, now=now, scale=scale, seed=seed, count=tickets, progress=progress)
    added = {kind: count for kind, count in done.added.items() if count}
    if added:
        with transaction(engine) as session:
            session.info["actor"] = "command-line"
            record(session, verb="demo.load", object_name=f"demo:{scale}", after=dict(added), now=now)
        forget_viewers()
    done.seconds = time.monotonic() - started
    return done
