"""Loading the demo in the background of a running program, after its pages answer (make run)."""

from __future__ import annotations

import threading

import click
import sqlalchemy as sa
import structlog
from flask import Flask

from app.demo.cli import STAGES, sign_ins
from app.demo.load import load
from app.demo.load.real import is_loaded
from config import Settings
from core import clock
from core.db import reading
from core.errors import Conflict

log = structlog.get_logger()


class DemoLoading:
    """One thread that loads scale `province` once and prints who can sign in."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._stopping = threading.Event()
        self._told: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="demo", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop between two stages; what is missing is added at the next start."""
        self._stopping.set()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        try:
            done = load(self._engine, secret=self._settings.secret_key, now=clock.now(), progress=self._tell)
            log.info("demo loaded", seconds=round(done.seconds, 1), **done.added)
        except Conflict as error:
            log.info("demo not loaded", why=error.message)
            return
        except _Stopped:
            return
        print_sign_ins(self._engine, self._settings)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _Stopped
        share = 100 * done // max(total, 1)
        if share >= self._told.get(stage, -25) + 25 or share == 100 > self._told.get(stage, -1):  # noqa: PLR2004
            self._told[stage] = share
            click.echo(f"taxops: demo {STAGES.get(stage, stage)} {share} %")


class _Stopped(Exception):
    """The program ends while the demo is loading."""


def print_sign_ins(engine: sa.Engine, settings: Settings) -> None:
    """Show on the terminal who can sign in."""
    for row in sign_ins(engine, settings.secret_key):
        click.echo(f"taxops: {row['role']:<18} {row['login']:<14} {row['password']}  {row['unit_name']}")


def start(_app: Flask, engine: sa.Engine, settings: Settings) -> DemoLoading | None:
    """Load what is missing; where all is there, only say who can sign in."""
    with reading(engine) as session:
        if is_loaded(session) and session.scalar(sa.text("SELECT count(*) FROM relation")):
            print_sign_ins(engine, settings)
            return None
    return DemoLoading(engine, settings)
