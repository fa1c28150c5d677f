"""/ leads everybody to the page that answers their question (pages.md)."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.scope import Viewer
from web import access

blueprint = Blueprint("home", __name__)

# (permission, endpoint), the first that fits
HOMES = (
    ("wall.read", "monitor.wall"),
    ("vendor.work", "vendor.workspace"),
    ("audit.read", "admin.audit"),
    ("grant.write", "admin.settings"),
    ("settings.read", "admin.settings"),
    ("figures.read", "overview.index"),
    ("ticket.work", "desk.work"),
    ("ticket.report", "desk.mine"),
)


def home_of(who: Viewer) -> str:
    """The endpoint of this viewer's home."""
    for permission, endpoint in HOMES:
        if who.can(permission) and endpoint in current_app.view_functions:
            return endpoint
    return "accounts.menu"


@blueprint.get("/")
@access.signed_in
def index() -> ResponseReturnValue:
    """To the home by role."""
    return redirect(url_for(home_of(viewer())), 303)
