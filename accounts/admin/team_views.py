"""Pages of teams."""

from __future__ import annotations

import sqlalchemy as sa
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import queries
from accounts.admin.authority import require
from accounts.admin.pages import blueprint, following
from accounts.admin.schemas import TeamIn
from accounts.current import viewer
from accounts.models import Person, Team
from accounts.queries import members
from core.errors import Invalid
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form


@blueprint.get("/teams")
@access.needs("unit.read")
def teams() -> ResponseReturnValue:
    """Teams, searchable."""
    q = request.args.get("q", "").strip()
    found = queries.teams(db.session(), viewer(), q=q or None, cursor=request.args.get("cursor"))
    next_url = following("admin.teams", found.next, q=q or None)
    return render_template("accounts/teams.html", rows=found.items, next_url=next_url, q=q, form=Form(TeamIn))


@blueprint.get("/teams/<code>")
@access.needs("unit.read")
def team(code: str) -> ResponseReturnValue:
    """One team with its members."""
    row = queries.team(db.session(), viewer(), code)
    return render_template("accounts/team.html", team=row, members=members(db.session(), row.id))


@blueprint.post("/teams/<code>/members")
@access.needs("unit.write")
def change_member(code: str) -> ResponseReturnValue:
    """Add or remove a member, or make one the head (`what`: add, remove, head)."""
    row = queries.team(db.session(), viewer(), code)
    require("unit.write", row.unit)
    login = request.form.get("login", "").strip()
    found = db.session().scalar(sa.select(Person).where(Person.login == login, Person.active))
    if found is None:
        raise Invalid.of("login", _("没有登录名为“%(login)s”的在用人员。", login=login))
    _change_member(row, found, request.form.get("what", "add"))
    db.session().commit()
    return redirect(url_for("admin.team", code=code), 303)


def _change_member(row: Team, found: Person, what: str) -> None:
    if what == "remove":
        service.leave_team(db.session(), row, found)
    else:
        service.join_team(db.session(), row, found)
    if what == "head":
        row.head_id = found.id
