"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kb.search import health as search_health
from kb.search.current import engine as search_engine
from web import access
from web.db import engine

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access.public
def healthz() -> Response:
    """Alive: this process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@access.public
def readyz() -> tuple[Response, int]:
    """Each dependency's state; 503 if one that is needed is down."""
    found: dict[str, Any] = {"database": _database(), "search": _search()}
    for name, probe in current_app.extensions.get("taxops.readiness", {}).items():
        found[name] = probe()
    ready = all(part["ok"] or not part.get("needed", True) for part in found.values())
    return jsonify({"ready": ready, "dependencies": found}), 200 if ready else 503


def _database() -> dict[str, Any]:
    try:
        with engine().connect() as connection:
            connection.execute(sa.text("SELECT version_num FROM alembic_version"))
    except sa.exc.SQLAlchemyError as error:
        return {"ok": False, "needed": True, "detail": type(error).__name__}
    return {"ok": True, "needed": True, "detail": engine().dialect.name}


def _search() -> dict[str, Any]:
    """Not needed: without it tickets go on and the search asks the database. Nothing here names a host to a stranger."""
    health = search_health.of(search_engine())
    detail = ("building" if health.building else "answers") if health.ok else "away, the database is searched instead"
    return {"ok": health.ok, "needed": False, "detail": detail}


@blueprint.get("/metrics")
@access.public
def metrics() -> Response:
    """This process in Prometheus' text format."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
