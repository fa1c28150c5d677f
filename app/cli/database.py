"""taxops init: create or upgrade the database."""

from __future__ import annotations

import click

import config
from app import migrate, shipped
from core import clock
from core.db import make_engine, transaction


@click.command()
def init() -> None:
    """Create or upgrade the database; repeating it changes nothing."""
    settings = config.load()
    engine = make_engine(settings.database_url)
    before, after = migrate.upgrade(engine)
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    engine.dispose()
    click.echo(f"database {engine.url.render_as_string(hide_password=True)}: {before or 'empty'} -> {after}")
