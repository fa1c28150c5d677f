"""taxops run: the whole product in one process, or one role of an installation of several."""

from __future__ import annotations

import gc

import click

import config

ROLES = ["all", "web", "worker", "poller", "live"]


@click.command()
@click.option(
    "--role", type=click.Choice(ROLES), default="all", show_default=True, help="on PostgreSQL, each may be many"
)
@click.option(
    "--demo/--no-demo", default=False, help="load the demo province in the background if the database is empty"
)
def run(role: str, demo: bool) -> None:
    """Start web, background duties, poller and live feed, or one of them."""
    settings = config.load()
    if role != "all" and settings.embedded:
        raise click.UsageError(
            "--role needs PostgreSQL (TAXOPS_DATABASE_URL); on the embedded default one process does everything"
        )
    if demo and role not in {"all", "worker"}:
        raise click.UsageError("--demo is for the role worker, or for all in one")
    if settings.embedded:
        # until memory.settle: what is loaded stays, and looking through it for rubbish takes a tenth of the start
        gc.disable()
        from app.run import embedded  # each loads what the other has no use for

        embedded.main(settings, demo=demo)
    else:
        from app.run import grown

        grown.main(settings, role, demo=demo)
