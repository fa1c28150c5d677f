"""The audit's duties beside the web: sealing, verifying, and forgetting what is old enough."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from accounts.audit import anchor, chain, looks, retention, sealer
from accounts.audit.verify import verify
from config import Settings
from core import clock
from core.db import reading, transaction

log = structlog.get_logger()
EVERY_S = 10.0
PURGE_EVERY = dt.timedelta(days=1)


class Keeper:
    """Seals every ten seconds; verifies once a day and when asked to; forgets once a day."""

    def __init__(self, engine: sa.Engine, *, secret_key: str, home: Path, keep: dt.timedelta) -> None:
        self._engine, self._key, self._home, self._keep = engine, chain.key_of(secret_key), home, keep
        self._purged_at: dt.datetime | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit keeper", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; a verification under way is left to whoever comes next."""
        self._stop.set()
        self._thread.join(timeout=EVERY_S)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001  the next round tries again; the doctor tells of rows left unsealed
                log.warning("audit.keeper-failed", error=type(error).__name__)

    def round(self) -> None:
        """Every duty once."""
        self.seal()
        self.look()
        now = clock.now()
        if self._purged_at is None or self._purged_at <= now - PURGE_EVERY:
            with transaction(self._engine) as session:
                session.info["actor"] = "job:audit.purge"
                retention.purge(session, now=now, keep=self._keep)
            self._purged_at = now

    def seal(self) -> int:
        """Seal all there is, in transactions small enough to let others write; returns how many rows."""
        sealed = 0
        while not self._stop.is_set():
            with transaction(self._engine) as session:
                rows = sealer.seal(session, key=self._key, now=clock.now())
            sealed += rows
            if rows < sealer.MOST:
                break
        if sealed:
            with reading(self._engine) as session:
                last = sealer.last_seal(session)
            if last is not None:
                anchor.keep(self._home, anchor.Anchor(last.seq, last.hash))
        return sealed

    def look(self) -> bool:
        """Do a verification that waits, if there is one."""
        now = clock.now()
        with transaction(self._engine) as session:
            looks.ask_daily(session, now=now)
            look_id = looks.claim(session, now=now)
        if look_id is None:
            return False
        with reading(self._engine) as session:
            verdict = verify(session, key=self._key, now=now, keep=self._keep, anchor=anchor.read(self._home))
        if not verdict.whole:
            log.error("audit.broken", problems=[looks.words(problem) for problem in verdict.problems[:5]])
        with transaction(self._engine) as session:
            looks.finish(session, look_id, verdict, now=clock.now())
        return True


def keeper(engine: sa.Engine, settings: Settings) -> Keeper:
    """One for this installation."""
    keep = dt.timedelta(days=settings.audit_days)
    return Keeper(engine, secret_key=settings.secret_key, home=settings.home, keep=keep)


def start(app: Any, engine: sa.Engine, settings: Settings) -> Keeper:  # noqa: ARG001  the signature of all parts
    """Start it."""
    made = keeper(engine, settings)
    made.start()
    return made
