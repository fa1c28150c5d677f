"""Pages of roles: which permissions each is; editing one shows first whom it would concern."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import roles as service
from accounts.admin.authority import require_everywhere
from accounts.admin.pages import as_invalid, blueprint
from accounts.admin.schemas import RoleChange, RoleIn, RoleSignIn
from accounts.current import viewer
from accounts.factor import queries as factors
from accounts.models import Role
from accounts.permissions import PERMISSIONS
from core import clock
from core.errors import NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form


@blueprint.get("/roles")
@access.needs("grant.write")
def roles() -> ResponseReturnValue:
    """Roles and what each may: who gives them anywhere reads what they are."""
    rows = db.session().scalars(sa.select(Role).order_by(Role.administrator.is_not(None), Role.code)).all()
    may_edit = viewer().at_province("grant.write")
    return render_template("accounts/roles.html", rows=rows, permissions=PERMISSIONS, may_edit=may_edit)


@blueprint.get("/roles/new")
@access.needs("grant.write")
def new_role() -> ResponseReturnValue:
    """The form for a role of one's own."""
    require_everywhere("grant.write")
    return role_form(None, Form(RoleIn))


@blueprint.post("/roles/new")
@access.needs("grant.write")
def create_role() -> ResponseReturnValue:
    """Add a role."""
    require_everywhere("grant.write")
    form = Form(RoleIn, request.form)
    if (given := form.validate()) is not None:
        try:
            row = service.create(db.session(), code=given.code, name=given.name, permissions=given.permissions)
            db.session().commit()
            flash(_("角色“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.roles"), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {"conflict": "code"}))
    return role_form(None, form), 422


@blueprint.get("/roles/<code>/edit")
@access.needs("grant.write")
def edit_role(code: str) -> ResponseReturnValue:
    """The form of one role; those of administrators can be looked at only."""
    row = _role(code)
    return role_form(row, Form(RoleChange, {"name": row.name, "permissions": row.permissions}))


@blueprint.post("/roles/<code>/edit")
@access.needs("grant.write")
def change_role(code: str) -> ResponseReturnValue:
    """First what would change and for whom; with `confirmed`, the change."""
    row = _role(code)
    form = Form(RoleChange, request.form)
    given = form.validate()
    if given is None:
        return role_form(row, form), 422
    try:
        wanted = service.check(row, given.permissions)
        if not given.confirmed:
            return _preview(row, given.name, wanted)
        service.change(db.session(), row, name=given.name, permissions=wanted, seen=given.seen)
    except TaxopsError as error:
        db.session().rollback()
        form.refuse(as_invalid(error, {}))
        return role_form(_role(code), form), 422
    db.session().commit()
    flash(_("角色“%(name)s”已修改，立即生效。", name=row.name), "ok")
    return redirect(url_for("admin.roles"), 303)


def _preview(row: Role, name: str, wanted: list[str]) -> str:
    count, first = service.holders(db.session(), row, now=clock.now())
    return render_template(
        "accounts/role_preview.html",
        role=row,
        name=name,
        wanted=wanted,
        added=[PERMISSIONS[p] for p in wanted if p not in row.permissions],
        removed=[PERMISSIONS.get(p, p) for p in row.permissions if p not in wanted],
        count=count,
        first=first,
    )


def role_form(
    row: Role | None, form: Form[RoleIn] | Form[RoleChange] | None = None, *, signing: Form[RoleSignIn] | None = None
) -> str:
    """The page of a role, with what was refused on it."""
    if form is None and row is not None:
        form = Form(RoleChange, {"name": row.name, "permissions": row.permissions})
    if signing is None and row is not None:
        signing = Form(RoleSignIn, {"second_factor": row.second_factor, "password_days": row.password_days})
    options = [(p, PERMISSIONS[p]) for p in service.allowed(row)]
    holding = factors.without(db.session(), row.code, now=clock.now()) if row else (0, 0)
    return render_template(
        "accounts/role_form.html",
        role=row,
        form=form,
        options=options,
        permissions=PERMISSIONS,
        holding=holding,
        signing=signing,
    )


def _role(code: str) -> Role:
    """A role to be edited: it is everybody's who holds it, wherever they are."""
    require_everywhere("grant.write")
    found = db.session().get(Role, code)
    if found is None:
        raise NotFound(_("没有名为“%(role)s”的角色。", role=code))
    return found
