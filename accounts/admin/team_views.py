"""Pages of teams."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import queries
from accounts.admin.authority import require
from accounts.admin.pages import as_invalid, blueprint, following
from accounts.admin.schemas import TeamChange, TeamForm
from accounts.current import viewer
from accounts.models import Person, Team
from accounts.queries import members
from core.errors import NotFound, TaxopsError
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
    return render_template(
        "accounts/teams.html", rows=found.items, next_url=next_url, q=q, may_add=viewer().can("unit.write")
    )


@blueprint.get("/teams/new")
@access.needs("unit.write")
def new_team() -> ResponseReturnValue:
    """The form for a new team."""
    form = Form(TeamForm, {"unit": request.args.get("unit", "")})
    return render_template("accounts/team_form.html", form=form, team=None)


@blueprint.post("/teams/new")
@access.needs("unit.write")
def create_team() -> ResponseReturnValue:
    """Add a team; its head, where one is named, is its first member."""
    form = Form(TeamForm, request.form)
    if (given := form.validate()) is not None:
        try:
            unit = service.unit_by_code(db.session(), given.unit)
            require("unit.write", unit)
            head = _head(given.head)
            row = service.create_team(
                db.session(), code=given.code, name=given.name, unit=unit, head=head, is_default=given.is_default
            )
            if head is not None:
                service.join_team(db.session(), row, head)
            db.session().commit()
            flash(_("班组“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.team", code=row.code), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {NotFound.slug: "unit", "conflict": "code"}))
    return render_template("accounts/team_form.html", form=form, team=None), 422


@blueprint.get("/teams/<code>/edit")
@access.needs("unit.write")
def edit_team(code: str) -> ResponseReturnValue:
    """The form of one team."""
    row = queries.team(db.session(), viewer(), code)
    given = {"name": row.name, "head": row.head.login if row.head else "", "is_default": row.is_default}
    return render_template("accounts/team_form.html", form=Form(TeamChange, given), team=row)


@blueprint.post("/teams/<code>/edit")
@access.needs("unit.write")
def change_team(code: str) -> ResponseReturnValue:
    """Rename a team, name its head, make it the default one of its unit."""
    row = queries.team(db.session(), viewer(), code)
    require("unit.write", row.unit)
    form = Form(TeamChange, request.form)
    if (given := form.validate()) is not None:
        try:
            head = _head(given.head)
            service.change_team(db.session(), row, name=given.name, head=head, is_default=given.is_default)
            db.session().commit()
            flash(_("班组“%(name)s”已修改。", name=row.name), "ok")
            return redirect(url_for("admin.team", code=code), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {}))
            row = queries.team(db.session(), viewer(), code)
    return render_template("accounts/team_form.html", form=form, team=row), 422


def _head(login: str | None) -> Person | None:
    return service.person_in_use(db.session(), login, field="head") if login else None


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
    found = service.person_in_use(db.session(), request.form.get("login", "").strip(), field="login")
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
