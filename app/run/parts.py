"""Long-running parts of a role: each has stop(). Rooms' parts are started here, by name."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask

from config import Settings
from core.schedule.lease import Leadership

log = structlog.get_logger()


@dataclass(frozen=True)
class Part:
    """`where` is "module:function", called as function(app, engine, settings) → object with stop(), or None.

    `role`: whose processes run it. `one`: of several processes only one does, under a lease, and another takes over.
    """

    where: str
    role: str
    one: bool = False


STARTERS = (
    Part("app.run.control:start", "poller", one=True),
    Part("accounts.audit.part:start", "worker", one=True),
    Part("accounts.audit.export:start", "worker", one=True),
    Part("accounts.directory.part:start", "worker", one=True),
    Part("kb.search.part:start", "worker", one=True),
    Part("monitor.polling:start", "poller"),
    Part("servicedesk.attachments.reading.part:start", "worker", one=True),
    Part("escalation.notify.part:start", "worker"),
    Part("escalation.oncall.auditor:start", "worker"),
)
DEMO = Part("app.demo.part:start", "worker")


def of_roles(roles: Iterable[str], *, demo: bool) -> list[Part]:
    """The parts these roles run."""
    wanted = set(roles)
    return [part for part in (*STARTERS, *([DEMO] if demo else [])) if part.role in wanted]


def start(
    app: Flask, engine: sa.Engine, settings: Settings, parts: Iterable[Part], *, holder: str | None = None
) -> list[Any]:
    """Start every part whose room is there. `holder`: this process's name where there are several."""
    found: list[Any] = []
    for part in parts:
        make = _starter(part.where)
        if make is None:
            continue
        if part.one and holder is not None:
            started: Any = _Alone(part.where, engine, holder, partial(make, app, engine, settings))
        else:
            started = make(app, engine, settings)
        if started is not None:
            found.append(started)
    return found


def _starter(where: str) -> Callable[..., Any] | None:
    module, _colon, function = where.partition(":")
    try:
        present = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        present = False
    found: Callable[..., Any] | None = getattr(importlib.import_module(module), function) if present else None
    return found


class _Alone:
    """A part that runs while its lease is held."""

    def __init__(self, name: str, engine: sa.Engine, holder: str, make: Callable[[], Any]) -> None:
        self._make = make
        self._part: Any = None
        self._leadership = Leadership(engine, name, holder, gained=self._begin, lost=self._end)
        self._leadership.start()

    def stop(self) -> None:
        self._leadership.stop()

    def _begin(self) -> None:
        self._part = self._make()

    def _end(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            part.stop()
