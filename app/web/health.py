"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

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
    found: dict[str, Any] = {"database": _database()}
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


@blueprint.get("/metrics")
@access.public
def metrics() -> Response:
    """This process in Prometheus' text format."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
