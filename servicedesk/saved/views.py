"""Saved filters on the pages: the tabs over the list, saving, and the page where they are put in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from kb.search.current import engine
from servicedesk.blueprint import blueprint
from servicedesk.saved import queries, service
from servicedesk.saved.schemas import FormIn
from servicedesk.tickets import naming
from servicedesk.tickets.asking import query_of
from servicedesk.tickets.schemas import TicketQuery
from web import access as door
from web.db import db
from web.forms import Form

SEE = ("ticket.read", "ticket.work")
ALL = "all"


def tabs(found: Sequence[queries.Entry], active: str, counted: dict[str, int]) -> list[dict[str, Any]]:
    """“All” and the viewer's filters, as ui/layout.html draws them."""
    shown = [{"url": f"/desk/tickets?view={ALL}", "label": _("全部"), "active": active == ALL, "badge": ""}]
    for entry in found:
        badge = queries.count_words(counted.get(entry.key))
        icon = "users" if entry.team else ""
        shown.append(
            {"url": entry.address, "label": entry.name, "active": entry.key == active, "badge": badge, "icon": icon}
        )
    return shown


def for_list(query: TicketQuery) -> dict[str, Any]:
    """What the list's page shows of saved filters; `changed`: the address is not what is kept under the open tab."""
    session, who = db.session(), viewer()
    given = query.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude=service.NOT_KEPT)
    view = request.args.get("view") or ("" if given else ALL)
    found = queries.entries(session, who)
    shown = next((e for e in found if e.key == view), None)
    changed = shown is not None and queries.query_of(shown.query) != queries.query_of(given)
    return {
        "tabs": tabs(found, view, {}),
        "view": view,
        "saved": shown,
        "changed": changed,
        "teams_led": [(team.code, team.name) for team in queries.teams_led(session, who)],
        "as_query": urlencode(list(queries.pairs(given))),
    }


def default_address() -> str | None:
    """Where the bare list leads a viewer who chose a default."""
    entry = queries.default_of(db.session(), viewer())
    return entry.address if entry else None


@blueprint.get("/filters/tabs")
@door.needs(*SEE)
def filter_tabs() -> ResponseReturnValue:
    """The tabs with their counts; loaded after the list, which never waits for them."""
    session, who = db.session(), viewer()
    found = queries.entries(session, who)
    counted = queries.counts(session, who, found, now=clock.now(), engine=engine())
    return render_template("servicedesk/_filter_tabs.html", tabs=tabs(found, request.args.get("view", ""), counted))


@blueprint.get("/filters")
@door.needs(*SEE)
def filters() -> ResponseReturnValue:
    """All of the viewer's filters, to name, order and delete."""
    return _page()


def _page(form: Form[Any] | None = None, naming_id: int | None = None, status: int = 200) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    deleted = request.args.get("deleted", type=int)
    return render_template(
        "servicedesk/filters.html",
        entries=queries.entries(session, who),
        deleted=deleted,
        form=form,
        naming_id=naming_id if naming_id is not None else request.args.get("rename", type=int),
    ), status


def _given() -> TicketQuery:
    """The conditions that the form carries as the text of an address."""
    return query_of(parse_qs(request.form.get("query", "")[:4000], max_num_fields=200))


@blueprint.post("/filters")
@door.needs(*SEE)
def save_filter() -> ResponseReturnValue:
    """Keep the present conditions under a name."""
    session, who = db.session(), viewer()
    form = Form(FormIn, request.form)
    values = form.validate()
    back = "/desk/tickets?" + urlencode(list(queries.pairs(_given().model_dump(mode="json", exclude_unset=True))))
    if values is None:
        flash(_("筛选没有保存：%(why)s", why=" ".join(e.message for e in form.errors)), "error")
        return redirect(back, 303)
    try:
        team = naming.team(session, values.team)
        row = service.save(session, who, name=values.name, query=_given(), team=team, now=clock.now())
        if values.default:
            service.set_default(session, who, queries.key_of(row))
    except Invalid as error:
        session.rollback()
        flash(_("筛选没有保存：%(why)s", why=error.message), "error")
        return redirect(back, 303)
    session.commit()
    flash(_("已保存筛选“%(name)s”。", name=row.name), "success")
    return redirect(queries.entry_of(row, who).address, 303)


@blueprint.post("/filters/<int:filter_id>/edit")
@door.needs(*SEE)
def change_filter(filter_id: int) -> ResponseReturnValue:
    """Another name, or the conditions that the list has now."""
    session, who = db.session(), viewer()
    row = service.for_change(session, who, filter_id)
    name, renames = request.form.get("name", "").strip(), "name" in request.form
    form = Form(FormIn, request.form)
    if renames and form.validate() is None:
        return _page(form, filter_id, 422)
    try:
        service.change(session, row, name=name if renames else None, query=None if renames else _given())
    except Invalid as error:
        session.rollback()
        form.refuse(error)
        return _page(form, filter_id, 422)
    session.commit()
    flash(_("已保存筛选“%(name)s”。", name=row.name), "success")
    return redirect(url_for("desk.filters") if renames else queries.entry_of(row, who).address, 303)


@blueprint.post("/filters/<int:filter_id>/delete")
@door.needs(*SEE)
def delete_filter(filter_id: int) -> ResponseReturnValue:
    """Take it away; the page offers to undo that."""
    session = db.session()
    try:
        service.delete(service.for_change(session, viewer(), filter_id), now=clock.now())
    except Forbidden as error:
        flash(error.message, "error")
        return redirect(url_for("desk.filters"), 303)
    session.commit()
    return redirect(url_for("desk.filters", deleted=filter_id), 303)


@blueprint.post("/filters/<int:filter_id>/restore")
@door.needs(*SEE)
def restore_filter(filter_id: int) -> ResponseReturnValue:
    """Undo a deletion."""
    session = db.session()
    try:
        row = service.restore(session, service.for_change(session, viewer(), filter_id, deleted=True))
    except (Invalid, Forbidden, Conflict) as error:
        session.rollback()
        flash(error.message, "error")
        return redirect(url_for("desk.filters"), 303)
    session.commit()
    flash(_("已恢复筛选“%(name)s”。", name=row.name), "success")
    return redirect(url_for("desk.filters"), 303)


@blueprint.post("/filters/choice")
@door.needs(*SEE)
def choose_filter() -> ResponseReturnValue:
    """Move one up or down, or have the list open with it."""
    session, who, form = db.session(), viewer(), request.form
    try:
        if "default" in form:
            service.set_default(session, who, form["default"] or None)
        elif form.get("move") in {"up", "down"}:
            service.move(session, who, form.get("key", ""), by=-1 if form["move"] == "up" else 1)
    except Invalid as error:
        session.rollback()
        flash(error.message, "error")
        return redirect(url_for("desk.filters"), 303)
    session.commit()
    return redirect(url_for("desk.filters"), 303)
