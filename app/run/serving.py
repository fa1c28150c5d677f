"""Serving one port until told to stop: granian serves ASGI, duties run beside it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from typing import Protocol

import click
import structlog
from granian.constants import Interfaces
from granian.server.embed import Server

from app.asgi import Gateway
from app.backup.restore import MARKER
from config import Settings

log = structlog.get_logger()
THREADS = 12
LAST_ANSWERS_S = 25.0


class Duties(Protocol):
    """What runs beside the server."""

    def start(self) -> None:
        """Begin; returns at once."""

    def stop(self) -> None:
        """Finish what is in hand."""


def check(settings: Settings) -> None:
    """End with one clear line where this process can't be."""
    _port_is_free(settings)
    _is_whole(settings)


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


async def serve(settings: Settings, gateway: Gateway, duties: Duties, *, leave_s: float = 0.0) -> None:
    """Serve until SIGINT or SIGTERM.

    Then, in this order: not ready, for half of `leave_s` seconds (a proxy in front has time to find those processes
    again that were restarted before); for the other half who can ask another process is turned away, and whoever comes
    all the same is served; nothing new is accepted; what is in hand is answered; the duties finish.
    """
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
    duties.start()
    log.info("started", url=settings.base_url)
    click.echo(f"taxops: {settings.base_url}")
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    gateway.leave()
    await asyncio.sleep(leave_s / 2)
    gateway.turn_away()
    await asyncio.sleep(leave_s / 2)
    gateway.close()
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.to_thread(duties.stop)
    with contextlib.suppress(TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(serving, timeout=LAST_ANSWERS_S)
    await asyncio.to_thread(gateway.end)
