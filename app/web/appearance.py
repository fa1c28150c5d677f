"""Choosing how pages look on this device."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, request
from flask.typing import ResponseReturnValue

from accounts.signin.views import safe_next
from web import access
from web.appearance import choose

blueprint = Blueprint("appearance", __name__)


@blueprint.post("/appearance")
@access.public
def change() -> ResponseReturnValue:
    """`theme` auto|light|dark, `density` comfortable|compact; back to the page it was chosen on."""
    response = make_response(redirect(safe_next(request.form.get("next")), 303))
    choose(response, theme=request.form.get("theme"), density=request.form.get("density"))
    return response
