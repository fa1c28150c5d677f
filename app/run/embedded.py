"""Everything in one process: granian serves ASGI, Flask runs behind a2wsgi, duties run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys

import click
import structlog
from granian.constants import Interfaces
from granian.server.embed import Server

from app import migrate, rooms, shipped
from app.asgi import Gateway
from app.backup.restore import MARKER
from app.factory import create_app
from app.run import memory
from app.run.background import Background
from config import Settings
from core import clock, logs
from core.db import make_engine, transaction

log = structlog.get_logger()
THREADS = 12


def main(settings: Settings, *, demo: bool = False) -> None:
    """Prepare the database, start everything, and run until SIGINT or SIGTERM."""
    memory.limit_arenas()
    logs.configure(settings.log_level)
    _port_is_free(settings)
    _is_whole(settings)
    engine = make_engine(settings.database_url)
    migrate.upgrade(engine)
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    rooms.subscribe()
    app = create_app(settings, engine=engine)
    background = Background(app, engine, settings, demo=demo)
    gateway = Gateway(app, threads=THREADS)
    asyncio.run(_serve(settings, gateway, background))
    engine.dispose()
    log.info("stopped")


def _port_is_free(settings: Settings) -> None:
    """Say it in words before anything starts, instead of a stack trace afterwards."""
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            click.echo(
                f"taxops: TAXOPS_BIND: {settings.bind} can't be used ({error.strerror}); choose another, such as PORT=8001",
                err=True,
            )
            sys.exit(2)


def _is_whole(settings: Settings) -> None:
    """An interrupted restore is finished by another one, not by starting on half of it."""
    if settings.path(MARKER).exists():
        click.echo(f"taxops: a restore into {settings.home} was interrupted: run taxops restore FILE again", err=True)
        sys.exit(2)


async def _serve(settings: Settings, gateway: Gateway, background: Background) -> None:
    server = Server(
        gateway,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        websockets=False,
        backlog=1024,
    )
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve())
    background.start()
    log.info("started", url=settings.base_url)
    click.echo(f"taxops: {settings.base_url}")
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    gateway.close()
    await asyncio.to_thread(background.stop)
    server.stop()  # type: ignore[no-untyped-call]
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(serving, timeout=8)
