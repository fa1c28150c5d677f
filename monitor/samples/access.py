"""The sample store of this process: opened at the first need, by whoever needs it first."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Flask, current_app

from config import Settings
from monitor.samples.base import SampleStore, SampleStoreError
from monitor.samples.embedded import EmbeddedSamples

EXTENSION = "taxops.samples"
_lock = threading.Lock()


def store_of(app: Flask) -> SampleStore | None:
    """The store of `app`, or None where another process owns the file (then only that one draws charts)."""
    with _lock:
        if EXTENSION not in app.extensions:
            settings: Settings = app.config["TAXOPS"]
            app.extensions[EXTENSION] = _open(settings.path("samples.duckdb"))
        found: SampleStore | None = app.extensions[EXTENSION]
        return found


def current_store() -> SampleStore | None:
    """The store of the current app."""
    return store_of(current_app)


def _open(path: Path) -> SampleStore | None:
    try:
        return EmbeddedSamples(path)
    except SampleStoreError:
        import structlog

        structlog.get_logger(__name__).exception("samples.closed")
        return None


def close(app: Flask) -> None:
    """Let go of the file; the next need opens it again."""
    with _lock:
        found: SampleStore | None = app.extensions.pop(EXTENSION, None)
    if found is not None:
        found.close()
