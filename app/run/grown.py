"""One of several processes that share a PostgreSQL: some roles, or all of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import sqlalchemy as sa
import structlog

from app import migrate, rooms, shipped
from app.asgi import Gateway
from app.factory import create_app
from app.run import instance, memory, serving
from app.run.roles import ROLES, Duties, paths_of
from config import Settings
from core import clock, logs
from core.db import make_engine, transaction

log = structlog.get_logger()
FEW = 4


def main(settings: Settings, role: str, *, demo: bool = False) -> None:
    """Prepare the database, start what the role needs, and run until SIGINT or SIGTERM."""
    memory.limit_arenas()
    memory.allow_open_files()
    logs.configure(settings.log_level)
    serving.check(settings)
    roles = ROLES if role == "all" else (role,)
    engine = make_engine(settings.database_url)
    with _one_after_the_other(engine):
        migrate.upgrade(engine)
        with transaction(engine) as session:
            shipped.install(session, now=clock.now())
    rooms.subscribe()
    app = create_app(settings, engine=engine)
    duties = Duties(app, engine, settings, instance.claim(settings, role), roles, demo=demo)
    gateway = Gateway(app, threads=serving.THREADS if "web" in roles else FEW, paths=paths_of(roles))
    asyncio.run(serving.serve(settings, gateway, duties, leave_s=settings.leave_seconds))
    engine.dispose()
    log.info("stopped")


@contextlib.contextmanager
def _one_after_the_other(engine: sa.Engine) -> Iterator[None]:
    """Processes that start together do not change the database together."""
    key = sa.func.hashtextextended("taxops:start", 0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
