"""Long-running parts beside relay and schedule: each has stop(). Rooms' parts are started here, by name."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask

from config import Settings

log = structlog.get_logger()

# "module:function", called as function(app, engine, settings) -> object with stop(); None where there is nothing to run
STARTERS = (
    "app.run.control:start",
    "kb.search.part:start",
    "monitor.polling:start",
    "escalation.notify.part:start",
    "escalation.oncall.auditor:start",
)


def start(app: Flask, engine: sa.Engine, settings: Settings, *, demo: bool) -> list[Any]:
    """Start every part whose room is there."""
    found: list[Any] = []
    starters = [*STARTERS, "app.demo.part:start"] if demo else list(STARTERS)
    for where in starters:
        module, _colon, function = where.partition(":")
        try:
            present = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            present = False
        if present and (part := getattr(importlib.import_module(module), function)(app, engine, settings)) is not None:
            found.append(part)
    return found
