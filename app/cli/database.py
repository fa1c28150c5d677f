"""taxops init: create or upgrade the database."""

from __future__ import annotations

import json

import click

import config
from app import migrate, shipped
from core import clock
from core.db import make_engine, transaction


@click.command()
@click.option("--json", "as_json", is_flag=True)
def init(as_json: bool) -> None:
    """Create or upgrade the database; repeating it changes nothing."""
    settings = config.load()
    engine = make_engine(settings.database_url)
    before, after = migrate.upgrade(engine)
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    engine.dispose()
    url = engine.url.render_as_string(hide_password=True)
    found = {"database": url, "before": before, "after": after}
    click.echo(json.dumps(found) if as_json else f"database {url}: {before or 'empty'} -> {after}")
