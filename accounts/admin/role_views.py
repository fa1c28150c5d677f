"""Pages of roles: which permissions each is."""

from __future__ import annotations

import sqlalchemy as sa
from flask import render_template
from flask.typing import ResponseReturnValue

from accounts.admin.pages import blueprint
from accounts.models import Role
from accounts.permissions import PERMISSIONS
from web import access
from web.db import db


@blueprint.get("/roles")
@access.needs("grant.write")
def roles() -> ResponseReturnValue:
    """Roles and what each may."""
    rows = db.session().scalars(sa.select(Role).order_by(Role.administrator.is_not(None), Role.code)).all()
    return render_template("accounts/roles.html", rows=rows, permissions=PERMISSIONS)
