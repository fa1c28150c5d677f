"""The reader of the running program: a thread that has new files read one after the other, outside of every request."""

from __future__ import annotations

import threading

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.orm import Session

from config import Settings
from core import clock
from core.db import committed, reading, transaction
from servicedesk.attachments.reading import reader, texts
from servicedesk.attachments.store import FileStore

log = structlog.get_logger(__name__)
TIMER_S = 2.0
"""Files that another process took in are seen this late at most."""
MISSING_S = 600.0
"""A file that is not on the disk (a database restored before its files) is looked for again so often."""
BATCH = 20
_wakes: list[threading.Event] = []


@committed.on_commit
def _wake(session: Session) -> None:
    if session.info.pop(texts.NOTED, False):
        for wake in _wakes:
            wake.set()


class FileReader:
    """Reads what waits; one file at a time, since the machine has other things to do."""

    def __init__(self, database: sa.Engine, store: FileStore) -> None:
        self._database, self._store = database, store
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="file-reader", daemon=True)
        self._missing: dict[str, float] = {}

    def start(self) -> None:
        """Begin to follow."""
        _wakes.append(self._wake)
        self._thread.start()

    def stop(self) -> None:
        """Finish the file in hand."""
        self._stop.set()
        self._wake.set()
        _wakes.remove(self._wake)
        self._thread.join(timeout=10)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.drain()
            except Exception as error:  # noqa: BLE001  what waits is kept, and read at a later tick
                log.warning("file-reader.failed", error=f"{type(error).__name__}: {error}".splitlines()[0])
                self._stop.wait(10.0)
            self._wake.wait(TIMER_S)
            self._wake.clear()

    def drain(self) -> int:
        """Read everything that waits; returns how many files were settled."""
        done = last = 0
        while not self._stop.is_set():
            with reading(self._database) as session:
                batch = texts.waiting(session, after=last, limit=BATCH)
            if not batch:
                break
            for row in batch:
                last = row.id
                if self._stop.is_set():
                    break
                done += self._read(row.sha256, row.media_type)
        return done

    def _read(self, digest: str, media_type: str) -> bool:
        if self._missing.get(digest, 0.0) > clock.elapsed():
            return False
        try:
            found = reader.read(self._store.path(digest), media_type)
        except FileNotFoundError:
            log.warning("file-reader.missing", sha256=digest)
            self._missing[digest] = clock.elapsed() + MISSING_S
            return False
        with transaction(self._database) as session:
            texts.settle(session, digest, found, now=clock.now())
        return True


def start(app: Flask, database: sa.Engine, settings: Settings) -> FileReader:  # noqa: ARG001  the shape of a part
    """Start the reader of this process."""
    made = FileReader(database, FileStore(settings.path("attachments")))
    made.start()
    return made
