"""Which rooms are open: their blueprints, APIs, and what they subscribe to and do periodically.

A room offers, where it has them: `<room>/routes.py` with `BLUEPRINTS` (a tuple, pages and `Api(...).blueprint`),
`<room>/wiring.py` with `subscribe()` (outbox listeners) and `JOBS` (periodic duties), `<room>/cli.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from flask import Flask

from accounts.audit import listener as _audit  # noqa: F401  whoever opens a room writes the trail, whatever else it loads
from core import elapsed, outbox
from core.bus import postgres as bus
from core.jobs import Job
from core.schedule import runs

ROOMS = (
    "accounts",
    "cmdb",
    "kb",
    "monitor",
    "servicedesk",
    "servicedesk.clocks",
    "servicedesk.calendar",
    "escalation",
    "escalation.handoff",
    "escalation.urging",
    "escalation.vendor",
    "assessment",
    "app",
)


def _modules(name: str) -> Iterator[ModuleType]:
    for room in ROOMS:
        if importlib.util.find_spec(room) and importlib.util.find_spec(f"{room}.{name}"):
            yield importlib.import_module(f"{room}.{name}")


def register(app: Flask) -> None:
    """Open every room's pages and APIs."""
    for module in _modules("routes"):
        for blueprint in module.BLUEPRINTS:
            app.register_blueprint(blueprint)


def import_models() -> None:
    """Make every table known to the metadata; models live in modules named `models` anywhere below a room."""
    for room in sorted({r.split(".")[0] for r in ROOMS} | {"core"}):
        # by the files: walking through packages would load each of them, the cluster's client too
        for top in map(Path, importlib.import_module(room).__path__):
            for file in sorted(top.rglob("models.py")):
                importlib.import_module(".".join([room, *file.relative_to(top).with_suffix("").parts]))


def subscribe() -> None:
    """Fill the outbox's registry from every room's wiring; repeating it changes nothing."""
    import_models()
    for module in _modules("wiring"):
        if hasattr(module, "subscribe"):
            module.subscribe()


def jobs() -> list[Job]:
    """Every room's periodic duties, and the house's own."""
    found = [
        Job("outbox.purge", 3600, lambda session, now: outbox.relay.purge(session, now=now)),
        Job("bus.purge", 600, lambda session, now: bus.purge(session, now=now)),
        Job("schedule.purge", 600, lambda session, now: runs.purge(session, now=now)),
    ]
    for module in _modules("wiring"):
        found.extend(getattr(module, "JOBS", ()))
    return found


def elapsing() -> list[elapsed.Move]:
    """What moves with a wall clock that was set: the house's own, and every room's."""
    found = [*outbox.relay.ELAPSING, runs.forget_future]
    for module in _modules("wiring"):
        found.extend(getattr(module, "ELAPSING", ()))
    return found
