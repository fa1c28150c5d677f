"""taxops events map: who listens to what."""

from __future__ import annotations

import json

import click

from app import rooms
from core.outbox import registry


@click.group()
def events() -> None:
    """Events between rooms."""


def listeners() -> dict[str, list[str]]:
    """Event name → listeners, both sorted."""
    rooms.subscribe()
    return {
        event.event_name(): sorted(key.rpartition(":")[0] for key in keys)
        for event, keys in sorted(registry.by_event.items(), key=lambda pair: pair[0].event_name())
    }


@events.command("map")
@click.option("--json", "as_json", is_flag=True)
def show_map(as_json: bool) -> None:
    """Print who listens to what."""
    found = listeners()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for event, names in found.items():
        click.echo(event)
        for name in names:
            click.echo(f"  -> {name}")
