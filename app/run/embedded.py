"""Everything in one process: the embedded default."""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

import click
import structlog

from app import migrate, rooms, shipped
from app.asgi import Gateway
from app.factory import create_app
from app.run import instance, memory, serving
from app.run.background import Background
from config import Settings
from core import clock, logs
from core.db import make_engine, transaction

log = structlog.get_logger()


def main(settings: Settings, *, demo: bool = False) -> None:
    """Prepare the database, start everything, and run until SIGINT or SIGTERM."""
    memory.limit_arenas()
    memory.allow_open_files()
    logs.configure(settings.log_level)
    serving.check(settings)
    if instance.alone(settings) is None:
        _is_taken(settings)
    engine = make_engine(settings.database_url)
    migrate.upgrade(engine)
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    rooms.subscribe()
    app = create_app(settings, engine=engine)
    background = Background(app, engine, settings, demo=demo)
    gateway = Gateway(app, threads=serving.THREADS)
    memory.settle()
    asyncio.run(serving.serve(settings, gateway, background))
    engine.dispose()
    log.info("stopped")


def _is_taken(settings: Settings) -> NoReturn:
    click.echo(
        f"taxops: another taxops runs on {settings.home} already (a second would do every duty twice): stop it, or set"
        " another TAXOPS_HOME; several processes need PostgreSQL",
        err=True,
    )
    sys.exit(2)
