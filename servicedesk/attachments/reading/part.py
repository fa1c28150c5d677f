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
ASIDE_S = 600.0
"""A file that could not even be opened (a database restored before its files, a library that is missing) is tried again
so often. Nothing is said of it meanwhile: it waits, and the doctor says so."""
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
        self._aside: dict[str, float] = {}

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
        """Read everything that waits; returns how many files were settled. What fails is put aside and holds up no other."""
        done = 0
        while not self._stop.is_set():
            aside = {digest for digest, until in self._aside.items() if until > clock.elapsed()}
            with reading(self._database) as session:
                batch = texts.waiting(session, limit=BATCH + len(aside))
            batch = [(digest, media_type) for digest, media_type in batch if digest not in aside][:BATCH]
            if not batch:
                break
            for digest, media_type in batch:
                if self._stop.is_set():
                    break
                try:
                    self._read(digest, media_type)
                    done += 1
                except sa.exc.OperationalError:  # the database is away: everything waits
                    raise
                except Exception as error:  # noqa: BLE001  ours, whatever it is: the files behind it are read all the same
                    log.warning(
                        "file-reader.aside", sha256=digest, error=f"{type(error).__name__}: {error}".splitlines()[0]
                    )
                    self._aside[digest] = clock.elapsed() + ASIDE_S
        return done

    def _read(self, digest: str, media_type: str) -> None:
        found = reader.read(self._store.path(digest), media_type)
        with transaction(self._database) as session:
            texts.settle(session, digest, found, now=clock.now())
        self._aside.pop(digest, None)


def start(app: Flask, database: sa.Engine, settings: Settings) -> FileReader:  # noqa: ARG001  the shape of a part
    """Start the reader of this process."""
    made = FileReader(database, FileStore(settings.path("attachments")))
    made.start()
    return made
