"""The search engine of this program: chosen by the settings, opened at the first use."""

from __future__ import annotations

import threading
from typing import cast

from flask import Flask, current_app

from config import Settings
from kb.search.embedded import EmbeddedEngine
from kb.search.engine import SearchEngine

_EXTENSION = "taxops.search"
_opening = threading.Lock()


def open_engine(settings: Settings) -> SearchEngine:
    """A new engine; the caller closes it."""
    return EmbeddedEngine(settings.home)


def engine_of(app: Flask) -> SearchEngine:
    """The one engine of an application."""
    with _opening:
        if _EXTENSION not in app.extensions:
            app.extensions[_EXTENSION] = open_engine(app.config["TAXOPS"])
        return cast("SearchEngine", app.extensions[_EXTENSION])


def engine() -> SearchEngine:
    """The engine of the current application."""
    return engine_of(current_app)
