"""What all of /api/v2 shares: its blueprint, answers that look as Alertmanager's do, and the parameters it takes."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from core.errors import Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from monitor.am import matchers

blueprint = Blueprint("alertmanager", __name__, url_prefix="/api/v2")


def answer(value: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json")


@blueprint.errorhandler(Invalid)
def _refused(error: Invalid) -> Response:
    """Alertmanager answers a plain string; its clients show it."""
    return answer(error.message, 400)


@blueprint.errorhandler(Forbidden)
def _forbidden(error: Forbidden) -> Response:
    return answer(error.message, 403)


@blueprint.errorhandler(NotFound)
def _missing(error: NotFound) -> Response:
    return answer(error.message, 404)


def asked_matchers() -> list[matchers.Matcher]:
    """The matchers of `filter`, which may come several times, in braces or without. Raises Invalid."""
    return [m for text in request.args.getlist("filter") for m in _matchers(text)]


def _matchers(text: str) -> list[matchers.Matcher]:
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        return [matchers.parse(part) for part in matchers.parts(inner[1:-1])]
    return [matchers.parse(inner)]


def flag(name: str) -> bool:
    """A boolean parameter, true where it is not given. Raises Invalid."""
    value = request.args.get(name, "true").lower()
    if value not in ("true", "false", "1", "0", "t", "f"):
        raise Invalid.of(name, _("须为 true 或 false。"))
    return value in ("true", "1", "t")
