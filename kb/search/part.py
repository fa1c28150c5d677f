"""The indexer of the running program: a thread that follows the notes of `kb.search.index`."""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa
import structlog
from flask import Flask

from config import Settings
from kb.search import index
from kb.search.current import engine_of
from kb.search.engine import SearchEngine, SearchEngineError
from kb.search.registry import sources

log = structlog.get_logger(__name__)
TIMER_S = 1.0
"""Other processes' notes are seen this late at most."""
LOOK_S = 15.0
"""How often it is asked whether the index has to be built; a cluster may come back empty."""


class Indexer:
    """Keeps one index true to one database."""

    def __init__(self, database: sa.Engine, engine: SearchEngine) -> None:
        self._database, self._engine = database, engine
        self._wake, self._stop = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._follow, name="indexer", daemon=True),
            threading.Thread(target=self._build, name="index-builder", daemon=True),
        ]

    def start(self) -> None:
        """Begin to follow; a new or damaged index is built beside."""
        index.on_commit.append(self._wake.set)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batch in hand and release the index."""
        self._stop.set()
        self._wake.set()
        index.on_commit.remove(self._wake.set)
        for thread in self._threads:
            thread.join(timeout=10)
        self._engine.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TIMER_S)
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                index.drain(self._database, self._engine, sources)
            except Exception as error:  # noqa: BLE001  the notes are kept, and tried again at the next tick
                log.warning("indexer.failed", error=f"{type(error).__name__}: {error}".splitlines()[0])
                self._stop.wait(2.0)

    def _build(self) -> None:
        """Builds the index whenever it is stale: new at the start, or lost by a cluster meanwhile."""
        while not self._stop.is_set():
            try:
                self._build_if_stale()
            except SearchEngineError as error:  # away, or another process is at it: asked again at the next tick
                log.warning("index.not-built", error=error.message)
            except Exception:  # the old index goes on answering
                log.exception("index.rebuild-failed")
            self._stop.wait(LOOK_S)

    def _build_if_stale(self) -> None:
        if not self._engine.stale:
            return
        started = time.monotonic()
        count = index.rebuild(self._database, self._engine, sources)
        log.info("index.rebuilt", documents=count, seconds=round(time.monotonic() - started, 1))


def start(app: Flask, database: sa.Engine, settings: Settings) -> Indexer:  # noqa: ARG001  the shape of a part
    """Start the indexer of this process."""
    indexer = Indexer(database, engine_of(app))
    indexer.start()
    return indexer
