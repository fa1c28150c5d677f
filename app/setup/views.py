"""Pages of the first hour."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from app.setup import importing, packing, sheets
from app.setup.importing import Fate, Line, Outcome
from app.setup.kinds import KINDS, Kind
from app.setup.steps import steps
from core.errors import NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.db import db

blueprint = Blueprint("setup", __name__, template_folder="../templates", url_prefix="/admin/setup")
SHOWN = 200  # rows of a look; the wrong ones come first
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PERMISSIONS = tuple(kind.permission for kind in KINDS.values())


@blueprint.get("/")
@access.needs("settings.read", "grant.write")
def index() -> ResponseReturnValue:
    """What is still to be done, and by whom."""
    found = steps(db.session())
    return render_template("app/setup.html", steps=found, done=sum(step.done for step in found))


def _kind(name: str) -> Kind:
    kind = KINDS.get(name)
    if kind is None or not viewer().can(kind.permission):
        raise NotFound(_("没有这个页面，或您无权查看。"))
    return kind


@blueprint.get("/<name>")
@access.needs(*PERMISSIONS)
def choose(name: str) -> ResponseReturnValue:
    """The form for a file."""
    return render_template("app/setup_import.html", kind=_kind(name), outcome=None, error="", shown=[], packed="")


@blueprint.get("/<name>/template.xlsx")
@access.needs(*PERMISSIONS)
def template(name: str) -> ResponseReturnValue:
    """A workbook to fill in."""
    kind = _kind(name)
    content = sheets.write(
        [str(column.label) for column in kind.columns], [str(column.help) for column in kind.columns], kind.examples
    )
    return send_file(BytesIO(content), WORKBOOK, as_attachment=True, download_name=f"{kind.label}.xlsx")


@blueprint.post("/<name>/look")
@access.needs(*PERMISSIONS)
def look(name: str) -> ResponseReturnValue:
    """Try every row of a file, show what became of it, and keep nothing."""
    kind = _kind(name)
    file = request.files.get("file")
    try:
        sheet = sheets.read(file.filename or "", file.read(sheets.MOST_BYTES + 1)) if file else sheets.read("", b"")
        lines, ignored = importing.read(kind, sheet)
        importing.attempt(db.session(), kind, lines)
    except TaxopsError as error:
        return render_template(
            "app/setup_import.html", kind=kind, outcome=None, error=error.message, shown=[], packed=""
        ), 422
    finally:
        db.session().rollback()
    return _shown(kind, Outcome(lines, ignored))


def _shown(kind: Kind, outcome: Outcome) -> ResponseReturnValue:
    ordered = sorted(
        outcome.lines, key=lambda line: (line.fate is not Fate.WRONG, line.fate is Fate.THERE, line.number)
    )
    page = render_template(
        "app/setup_import.html", kind=kind, outcome=outcome, error="", shown=ordered[:SHOWN],
        packed=packing.pack([Line(line.number, line.values) for line in outcome.lines]),
    )  # fmt: skip
    return page, 422 if outcome.count(Fate.WRONG) else 200


@blueprint.post("/<name>/apply")
@access.needs(*PERMISSIONS)
def apply(name: str) -> ResponseReturnValue:
    """Bring in what was looked at: all rows, or none where one is refused now. Twice makes nothing twice."""
    kind = _kind(name)
    lines = packing.unpack(request.form.get("lines", ""))
    importing.attempt(db.session(), kind, lines)
    outcome = Outcome(lines, [])
    if outcome.count(Fate.WRONG):
        db.session().rollback()
        return _shown(kind, outcome)
    db.session().commit()
    flash(
        _(
            "%(label)s：新增 %(new)d 行，%(there)d 行已经有了。",
            label=str(kind.label),
            new=outcome.count(Fate.NEW),
            there=outcome.count(Fate.THERE),
        ),
        "ok",
    )
    steps_too = viewer().can("settings.read", "grant.write")
    return redirect(url_for("setup.index" if steps_too else "cmdb.items"), 303)
