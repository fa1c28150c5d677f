"""The sync by itself, every so many hours: whoever reads the directory holds no transaction meanwhile."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import sqlalchemy as sa
import structlog

from accounts.directory import client, sync
from accounts.directory.client import Directory
from accounts.directory.models import DirectoryRun, Outcome
from config import Settings
from core import clock
from core.db import reading, transaction
from core.errors import TaxopsError
from core.i18n import use_locale

log = structlog.get_logger()
LOOK_S = 60.0
ACTOR = "job:directory.sync"


def run(engine: sa.Engine, directory: Directory, *, most: int, by: str, address: str = "", seen: str | None = None) -> DirectoryRun:  # fmt: skip
    """Read the directory, then plan and do in one transaction. What could not be done is noted, and raised.

    Raises Unavailable, and Conflict where it has to stop or is not what was `seen`.
    """
    try:
        found = client.entries(directory)
        with transaction(engine) as session:
            session.info |= {"actor": by, "address": address}
            now = clock.now()
            plan = sync.look(session, found, most=most, now=now)
            return sync.carry_out(session, plan, by=by, seen=seen, now=now)
    except sync.Changed:
        raise
    except TaxopsError as error:
        with transaction(engine) as session:
            sync.note(session, sync.outcome_of(error), by=by, why=error.message, now=clock.now())
        raise


class Keeper:
    """Looks once a minute whether a sync is due."""

    def __init__(self, engine: sa.Engine, directory: Directory, settings: Settings) -> None:
        self._engine, self._directory = engine, directory
        self._every = dt.timedelta(hours=int(settings.ldap_sync_hours))
        self._most, self._locale = int(settings.ldap_most_disabled), settings.locale
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="directory keeper", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; a sync under way is finished or undone whole."""
        self._stop.set()
        self._thread.join(timeout=client.WAIT_S * 2)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001  the next round tries again
                log.warning("directory.keeper-failed", error=type(error).__name__)

    def round(self) -> DirectoryRun | None:
        """One sync, where one is due; what could not be done is on the page and waits for the next time."""
        with reading(self._engine) as session:
            last = session.scalar(sa.select(sa.func.max(DirectoryRun.at)).where(DirectoryRun.by == ACTOR))
        if last is not None and last > clock.now() - self._every:
            return None
        with use_locale(self._locale):
            try:
                done = run(self._engine, self._directory, most=self._most, by=ACTOR)
            except TaxopsError as error:
                log.warning("directory.not-synced", outcome=sync.outcome_of(error).value, why=error.message)
                return None
        log.info("directory.synced", outcome=Outcome.DONE.value, **done.counts)
        return done


def start(app: Any, engine: sa.Engine, settings: Settings) -> Keeper | None:  # noqa: ARG001  the signature of all parts
    """Start it, where there is a directory and hours are set."""
    directory = client.of_settings(settings)
    if directory is None or not int(settings.ldap_sync_hours):
        return None
    made = Keeper(engine, directory, settings)
    made.start()
    return made
