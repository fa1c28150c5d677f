"""Pages of units."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import queries
from accounts.admin.authority import require, require_top
from accounts.admin.pages import as_invalid, blueprint, following
from accounts.admin.schemas import UnitForm, UnitIn
from accounts.current import viewer
from accounts.models import LEVEL_LABELS, Unit, UnitLevel
from accounts.validity import stands
from core import clock
from core.errors import NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form


@blueprint.get("/units")
@access.needs("unit.read")
def units() -> ResponseReturnValue:
    """All units one administers, searchable."""
    q, level = request.args.get("q", "").strip(), request.args.get("level", "")
    found = queries.units(
        db.session(),
        viewer(),
        now=clock.now(),
        q=q or None,
        level=UnitLevel(level) if level in set(UnitLevel) else None,
        cursor=request.args.get("cursor"),
    )
    next_url = following("admin.units", found.next, q=q or None, level=level or None)
    return render_template(
        "accounts/units.html", rows=found.items, next_url=next_url, q=q, level=level, levels=LEVEL_LABELS
    )


@blueprint.get("/units/new")
@access.needs("unit.write")
def new_unit() -> ResponseReturnValue:
    """The form for a new unit."""
    form = Form(UnitIn, {"parent": request.args.get("parent", "")})
    return render_template("accounts/unit_form.html", form=form, levels=LEVEL_LABELS)


@blueprint.post("/units/new")
@access.needs("unit.write")
def create_unit() -> ResponseReturnValue:
    """Add a unit."""
    form = Form(UnitIn, request.form)
    given = form.validate()
    if given is not None:
        try:
            parent = service.unit_by_code(db.session(), given.parent) if given.parent else None
            if parent is None:
                require_top("unit.write")
            else:
                require("unit.write", parent)
            row = service.create_unit(
                db.session(),
                code=given.code,
                name=given.name,
                level=given.level,
                parent=parent,
                valid_from=given.valid_from,
                valid_until=given.valid_until,
                now=clock.now(),
            )
            db.session().commit()
            flash(_("机构“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.unit", code=row.code), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {NotFound.slug: "parent", "conflict": "code"}))
    return render_template("accounts/unit_form.html", form=form, levels=LEVEL_LABELS), 422


@blueprint.get("/units/<code>")
@access.needs("unit.read")
def unit(code: str) -> ResponseReturnValue:
    """One unit with what hangs on it."""
    row = queries.unit(db.session(), viewer(), code)
    return render_template(
        "accounts/unit.html",
        unit=row,
        more=queries.unit_overview(db.session(), viewer(), row, now=clock.now()),
        levels=LEVEL_LABELS,
        stands=stands(row, clock.now()),
    )


@blueprint.post("/units/<code>/retire")
@access.needs("unit.write")
def retire_unit(code: str) -> ResponseReturnValue:
    """End a unit's validity today; refused while something hangs on it (R-03)."""
    row = queries.unit(db.session(), viewer(), code)
    require("unit.write", row)
    now = clock.now()
    service.retire_unit(db.session(), row, on=clock.local_date(now), now=now)
    db.session().commit()
    flash(_("机构“%(name)s”已停用，历史保留。", name=row.name), "ok")
    return redirect(url_for("admin.unit", code=code), 303)


@blueprint.get("/units/<code>/edit")
@access.needs("unit.write")
def edit_unit(code: str) -> ResponseReturnValue:
    """The form of one unit, with what keeps it where it is."""
    row = queries.unit(db.session(), viewer(), code)
    given = {"name": row.name, "parent": row.parent.code if row.parent else "", "valid_until": row.valid_until}
    return _edit_page(row, Form(UnitForm, given))


def _edit_page(row: Unit, form: Form[UnitForm]) -> str:
    hanging = service.hanging_grants(db.session(), row, now=clock.now())
    return render_template("accounts/unit_edit.html", unit=row, form=form, hanging=hanging, levels=LEVEL_LABELS)


@blueprint.post("/units/<code>/edit")
@access.needs("unit.write")
def change_unit(code: str) -> ResponseReturnValue:
    """Rename a unit, move it below another, or set until when a vendor's contract runs."""
    row = queries.unit(db.session(), viewer(), code)
    require("unit.write", row)
    form = Form(UnitForm, request.form)
    if (given := form.validate()) is not None:
        try:
            _change(row, given)
            db.session().commit()
            flash(_("机构“%(name)s”已修改。", name=row.name), "ok")
            return redirect(url_for("admin.unit", code=code), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {NotFound.slug: "parent", "conflict": "parent"}))
            row = queries.unit(db.session(), viewer(), code)
    return _edit_page(row, form), 422


def _change(row: Unit, given: UnitForm) -> None:
    session = db.session()
    if given.parent and (row.parent is None or given.parent != row.parent.code):
        parent = service.unit_by_code(session, given.parent)
        require("unit.write", parent)
        service.move_unit(session, row, parent, now=clock.now())
    if row.level is UnitLevel.VENDOR:
        service.set_contract_end(session, row, given.valid_until)
    row.name = given.name  # last: moving locks units in their order, and a changed name is a lock already
