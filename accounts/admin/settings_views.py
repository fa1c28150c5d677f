"""The administrators' home: what is misconfigured, and where each thing is set."""

from __future__ import annotations

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from accounts.admin import findings
from accounts.admin.pages import blueprint
from accounts.current import viewer
from core import clock
from web import access
from web.db import db

STATES = ("critical", "warning", "ok")


@blueprint.get("/settings")
@access.needs("settings.read", "grant.write")
def settings() -> ResponseReturnValue:
    """What is wrong, the worst first: of the installation for who sets it up, of rights for who gives them."""
    session, who, now = db.session(), viewer(), clock.now()
    found: list[findings.Finding] = []
    installation: findings.Installation | None = current_app.extensions.get(findings.EXTENSION)
    if who.can("settings.read") and installation:
        found += installation(session)
    if who.can("grant.write"):
        if not found:
            found += findings.of_people(session, now=now, viewer=who)
        found += findings.of_rights(session, who, now=now)
    found.sort(key=lambda each: STATES.index(each.state))
    wrong = [each for each in found if each.state != "ok"]
    fine = [each for each in found if each.state == "ok"]
    # a finding may name the page of another administrator: told here, mended there
    known = {name for name, view in current_app.view_functions.items() if access.open_to_current(view)}
    return render_template("accounts/settings.html", wrong=wrong, fine=fine, known=known)
