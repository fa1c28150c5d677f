"""taxops run: the whole product in one process on the embedded default."""

from __future__ import annotations

import click

import config
from app.run import embedded


@click.command()
@click.option("--role", type=click.Choice(["all", "web", "worker", "poller", "live"]), default="all", show_default=True)
@click.option(
    "--demo/--no-demo", default=False, help="load the demo province in the background if the database is empty"
)
def run(role: str, demo: bool) -> None:
    """Start web, background duties, poller and live feed."""
    settings = config.load()
    if role != "all" and settings.embedded:
        raise click.UsageError(
            "--role needs PostgreSQL (TAXOPS_DATABASE_URL); on the embedded default one process does everything"
        )
    if role != "all":
        raise click.UsageError(f"--role {role} is not there yet; start without it")
    embedded.main(settings, demo=demo)
