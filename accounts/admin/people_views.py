"""Pages of people, what they were granted, and their sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import queries
from accounts.admin.authority import require, require_over
from accounts.admin.grant_views import person_page
from accounts.admin.pages import as_invalid, blueprint, following
from accounts.admin.schemas import PersonIn
from accounts.current import viewer
from accounts.directory import client
from accounts.models import Role
from accounts.signin import passwords, sessions
from accounts.signin import service as signin
from accounts.signin.password_rules import LONGEST, Whose
from accounts.signin.password_views import hints_page
from core import clock, outbox
from core.errors import Conflict, Invalid, NotFound, TaxopsError
from core.events.accounts import SignInChanged
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form


@blueprint.get("/people")
@access.needs("person.read")
def people() -> ResponseReturnValue:
    """People, searchable by name, login, unit and role."""
    q, role, unit_code = (request.args.get(k, "").strip() for k in ("q", "role", "unit"))
    disabled = bool(request.args.get("disabled"))
    found = queries.people(
        db.session(),
        viewer(),
        now=clock.now(),
        q=q or None,
        role=role or None,
        unit_code=unit_code or None,
        active=None if disabled else True,
        cursor=request.args.get("cursor"),
    )
    known = {r.code: r.name for r in db.session().scalars(sa.select(Role).order_by(Role.code))}
    next_url = following("admin.people", found.next, q=q or None, role=role or None, unit=unit_code or None)
    held = queries.roles_of(db.session(), [p.id for p, _unit in found.items], now=clock.now())
    return render_template(
        "accounts/people.html",
        rows=found.items,
        next_url=next_url,
        q=q,
        role=role,
        unit_code=unit_code,
        roles=known,
        held=held,
        disabled=disabled,
    )


@blueprint.get("/people/new")
@access.needs("person.write")
def new_person() -> ResponseReturnValue:
    """The form for a new person."""
    return render_template("accounts/person_form.html", form=Form(PersonIn, {"unit": request.args.get("unit", "")}))


@blueprint.post("/people/new")
@access.needs("person.write")
def create_person() -> ResponseReturnValue:
    """Add a person; a first password is given separately."""
    form = Form(PersonIn, request.form)
    given = form.validate()
    if given is not None:
        try:
            unit_row = service.unit_by_code(db.session(), given.unit)
            require("person.write", unit_row)
            row = service.create_person(
                db.session(),
                login=given.login,
                name=given.name,
                unit=unit_row,
                email=given.email,
                phone=given.phone,
                now=clock.now(),
            )
            db.session().commit()
            flash(_("人员“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.person", login=row.login), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(as_invalid(error, {NotFound.slug: "unit", "conflict": "login"}))
    return render_template("accounts/person_form.html", form=form), 422


@blueprint.post("/people/<login>/active")
@access.needs("person.write")
def set_active(login: str) -> ResponseReturnValue:
    """Disable somebody, or let them in again: `active` says which, so that asking twice changes nothing more (R-02)."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    require_over("person.write", row)
    wanted = {"true": True, "false": False}.get(request.form.get("active", ""))
    if wanted is None:
        raise Invalid.of("active", _("请说明是停用还是启用。"))
    if row.active is not wanted:
        service.set_active(db.session(), row, active=wanted, now=clock.now())
    db.session().commit()
    flash(_("已启用。") if row.active else _("已停用，其登录已全部退出。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/directory")
@access.needs("person.write")
def set_directory(login: str) -> ResponseReturnValue:
    """Give somebody's password to the directory, or take them back: `directory` says which (R-02)."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    require_over("person.write", row)
    wanted = {"true": True, "false": False}.get(request.form.get("directory", ""))
    if wanted is None:
        raise Invalid.of("directory", _("请说明由目录还是由本平台登录。"))
    if wanted and client.of_settings(current_app.config["TAXOPS"]) is None:
        raise Conflict(_("还没有设置目录服务，改了就登录不了。"))
    service.set_directory(db.session(), row, directory=wanted, now=clock.now())
    db.session().commit()
    flash(_("已改由目录服务登录，本平台的口令已清除。") if wanted else _("已改由本平台登录，请为其重置口令。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/password")
@access.needs("person.write")
def reset_password(login: str) -> ResponseReturnValue:
    """Give a new password; all sessions of that person end."""
    row = queries.person(db.session(), viewer(), login)
    require_over("person.write", row)
    if row.id == viewer().person_id:
        raise Conflict(_("自己的口令请在“我的资料”中修改，那里要先输入当前口令。"))
    known = passwords.former(db.session(), row)
    db.session().rollback()  # hashing is slow: not while we hold the right to write
    try:
        hashed = passwords.accept(known, request.form.get("password", "")[:LONGEST])
    except Invalid as error:
        return person_page(login, password_error=error.message), 422
    row = queries.person(db.session(), viewer(), login, lock=True)
    require_over("person.write", row)
    now = clock.now()
    signin.set_password(db.session(), row, hashed, now=now, by_administrator=True)
    outbox.record(
        db.session(), SignInChanged(person_id=row.id, what="password-reset", by_id=viewer().person_id), now=now
    )
    db.session().commit()
    flash(_("口令已重置，请当面告知本人；下次登录时须先修改。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/password/hints")
@access.needs("person.write")
def password_hints(login: str) -> ResponseReturnValue:
    """Which rules what is being typed meets; nothing is kept."""
    row = queries.person(db.session(), viewer(), login)
    require_over("person.write", row)
    return hints_page(Whose(row.login, row.name))


@blueprint.post("/people/<login>/sessions/end")
@access.needs("session.end")
def end_sessions(login: str) -> ResponseReturnValue:
    """Sign somebody out everywhere."""
    row = queries.person(db.session(), viewer(), login)
    require_over("session.end", row)
    ended = signin.end_sessions(db.session(), row.id, now=clock.now())
    db.session().commit()
    flash(_("已结束 %(n)d 个登录。", n=ended), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/sessions/<int:session_id>/end")
@access.needs("session.end")
def end_session(login: str, session_id: int) -> ResponseReturnValue:
    """Sign somebody out on one device."""
    row = queries.person(db.session(), viewer(), login)
    require_over("session.end", row)
    sessions.end(db.session(), session_id, person_id=row.id, now=clock.now())
    db.session().commit()
    flash(_("该设备已退出登录。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)
