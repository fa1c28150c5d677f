"""Pages for writing notices."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.current import viewer
from core import clock
from core.errors import Invalid, Stale, TaxopsError
from core.i18n import gettext as _
from kb import references, services, units
from kb.blueprint import blueprint
from kb.markdown import to_html
from kb.notices import queries, rights, service
from kb.notices.forms import NoticeForm, given_by
from kb.notices.models import Notice
from kb.notices.states import Action, State
from kb.tickets import desk
from web import access, once
from web.db import db
from web.filters import local_input
from web.forms import Form

WRITE = ("notice.write", "notice.publish")


def _editor(form: Form[NoticeForm], *, notice: Notice | None, status: int = 200) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    known = dict(units.below(session, who, *WRITE)) | (
        {r.unit.code: r.unit.name for r in notice.reaches} if notice else {}
    )
    page = render_template(
        "kb/notice_editor.html", form=form, notice=notice, units=list(known.items()), chosen=[str(u) for u in form.value("units") or []],
        services=services.options(session), may_publish=who.can("notice.publish"), key=once.new_key(),
        base=request.form.get("base") or (notice.version if notice else ""), preview=Markup(to_html(str(form.value("body") or ""))),  # noqa: S704  sanitised
    )  # fmt: skip
    return page, status


@blueprint.get("/notices/new")
@access.needs(*WRITE)
def new_notice() -> ResponseReturnValue:
    """An empty editor; `?ticket=NUMBER` begins a bulletin about that matter."""
    session, who, now = db.session(), viewer(), clock.now()
    given: dict[str, object] = {"units": [who.unit_code], "starts_at": local_input(now)}
    ticket = desk().facts(session, request.args.get("ticket", ""), who)
    if ticket is not None:
        given |= {
            "title": ticket.title, "ticket": ticket.number, "error_codes": ticket.error_code or "",
            "services": [ticket.service_id] if ticket.service_id else [],
            "body": _("**正在发生**：%(title)s\n\n我们正在处理，恢复后会更新这条公告。不必重复报障。", title=ticket.title),
        }  # fmt: skip
    return _editor(Form(NoticeForm, given), notice=None)


@blueprint.post("/notices/new")
@access.needs(*WRITE)
def create_notice() -> ResponseReturnValue:
    """Save it; publish it where that was asked and allowed."""
    session, who, now = db.session(), viewer(), clock.now()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    form = Form(NoticeForm, request.form)
    values = form.validate()
    if values is None:
        return _editor(form, notice=None, status=422)
    try:
        content = values.content(units=references.units(session, values.units), now=now)
        publish = request.form.get("then") == "publish"
        found = service.create(session, who, content=content, publish=publish, now=now)
    except TaxopsError as error:
        session.rollback()
        form.refuse(_as_invalid(error))
        return _editor(form, notice=None, status=422)
    return _saved(found, first)


def _as_invalid(error: TaxopsError) -> Invalid:
    return error if isinstance(error, Invalid) else Invalid.of("", error.message)


@blueprint.get("/notices/<number>/edit")
@access.needs(*WRITE)
def edit_notice(number: str) -> ResponseReturnValue:
    """The editor on what there is."""
    session, who = db.session(), viewer()
    found = queries.get(session, who, number, now=clock.now())
    rights.require(rights.may_edit(session, who, found))
    return _editor(Form(NoticeForm, given_by(found)), notice=found)


@blueprint.post("/notices/<number>/edit")
@access.needs(*WRITE)
def save_notice(number: str) -> ResponseReturnValue:
    """Save a change; nothing typed is lost when somebody was faster."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, now=now, lock=True)
    form = Form(NoticeForm, request.form)
    values = form.validate()
    if values is None:
        return _editor(form, notice=found, status=422)
    base = request.form.get("base", "")
    try:
        content = values.content(units=references.units(session, values.units), now=now)
        service.revise(
            session,
            who,
            found,
            content=content,
            now=now,
            base=int(base) if base.isdigit() else None,
            confirm_again=values.confirm_again,
        )
        if request.form.get("then") == "publish" and found.state is State.DRAFT:
            service.act(session, who, found, Action.PUBLISH, now=now)
    except TaxopsError as error:
        session.rollback()
        form.refuse(_as_invalid(error))
        status = 409 if isinstance(error, Stale) else 422
        return _editor(form, notice=queries.get(session, who, number, now=now), status=status)
    return _saved(found, None)


def _saved(found: Notice, first: str | None) -> ResponseReturnValue:
    url = url_for("kb.notice", number=found.number)
    once.finish(first, url)
    db.session().commit()
    flash(_("公告已发布。") if found.state is State.PUBLISHED else _("草稿已保存，发布后大家才能看到。"), "ok")
    return redirect(url, 303)


@blueprint.post("/notices/preview")
@access.needs(*WRITE)
def preview_notice() -> ResponseReturnValue:
    """How it will look, while it is being typed."""
    return render_template("kb/_preview.html", preview=Markup(to_html(request.form.get("body", ""))))  # noqa: S704  sanitised
