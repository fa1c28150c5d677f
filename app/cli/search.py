"""taxops search …"""

from __future__ import annotations

import json
import time

import click

import config
from app import rooms
from core.db import make_engine
from kb.search import index
from kb.search.current import open_engine
from kb.search.registry import sources


@click.group()
def search() -> None:
    """The search index."""


@search.command()
@click.option("--json", "as_json", is_flag=True)
def rebuild(as_json: bool) -> None:
    """Build the index anew while the old one goes on answering; safe beside the running program."""
    rooms.subscribe()
    settings = config.load()
    engine, database = open_engine(settings), make_engine(settings.database_url)
    started = time.monotonic()
    count = index.rebuild(database, engine, sources)
    found = {
        "documents": count,
        "seconds": round(time.monotonic() - started, 1),
        "kinds": {k: engine.count(k) for k in sources.kinds},
    }
    engine.close()
    database.dispose()
    click.echo(json.dumps(found) if as_json else f"{count} documents in {found['seconds']} s")
