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
    if not settings.elasticsearch_url:
        return EmbeddedEngine(settings.home)
    from kb.search.elasticsearch import ElasticsearchEngine  # its client is not loaded where nobody uses it
    from kb.search.elasticsearch.cluster import Address

    address = Address.of(
        settings.elasticsearch_url, api_key=settings.elasticsearch_api_key, ca_file=settings.elasticsearch_ca_file
    )
    return ElasticsearchEngine(address, prefix=settings.elasticsearch_index)


def engine_of(app: Flask) -> SearchEngine:
    """The one engine of an application."""
    with _opening:
        if _EXTENSION not in app.extensions:
            app.extensions[_EXTENSION] = open_engine(app.config["TAXOPS"])
        return cast("SearchEngine", app.extensions[_EXTENSION])


def engine() -> SearchEngine:
    """The engine of the current application."""
    return engine_of(current_app)
