"""The page of one's own account: rights, password, devices, tokens."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin.schemas import TokenIn
from accounts.current import viewer
from accounts.models import Person
from accounts.permissions import PERMISSIONS
from accounts.signin import overview, password_rules, passwords, service
from accounts.signin.password_rules import Whose
from accounts.signin.views import blueprint
from core import clock
from core.db import reading
from core.errors import Forbidden, Invalid
from core.i18n import gettext as _
from web import access
from web.db import db, engine
from web.forms import Form


def _page(form: Form[TokenIn] | None = None, **more: Any) -> str:
    who = viewer()
    return render_template(
        "accounts/profile.html",
        me=overview.of(db.session(), who.person_id, g.get("sign_in_session_id"), now=clock.now()),
        form=form or Form(TokenIn),
        scopes=[(p, label) for p, label in PERMISSIONS.items() if who.can(p)],
        days=[(n, _("%(n)d 天", n=n)) for n in overview.TOKEN_DAYS],
        permissions=PERMISSIONS,
        hints=password_rules.hints("", Whose(who.login, who.name)),
        **more,
    )


def by_a_person() -> None:
    """A token must not make a stronger one, nor take the account over."""
    if g.get("by_token"):
        raise Forbidden(_("请用口令登录后在页面上操作，令牌不能做这件事。"))


@blueprint.get("/profile")
@access.signed_in
def profile() -> ResponseReturnValue:
    """Own name, unit, roles, sessions and tokens."""
    return _page()


@blueprint.post("/profile/password")
@access.signed_in
def change_password() -> ResponseReturnValue:
    """Change the own password; other sessions end."""
    by_a_person()
    problem = _change_password(
        request.form.get("current", "")[:200], request.form.get("new", "")[: password_rules.LONGEST]
    )
    if problem:
        db.session().rollback()
        return _page(password_error=problem), 422
    db.session().commit()
    flash(_("口令已修改，其他登录已全部退出。"))
    return redirect(url_for("accounts.profile"), 303)


def _change_password(current: str, new: str) -> str | None:
    """What is wrong, or None. Verified and hashed before the writing transaction begins, as in a sign-in."""
    who = viewer()
    db.session().rollback()
    with reading(engine()) as session:
        known = passwords.former(session, session.get_one(Person, who.person_id))
    passwords.refuse_directory(known.whose.directory)
    if known.present is None or not passwords.verify(known.present, current):
        return _("当前口令不正确。")
    try:
        hashed = passwords.accept(known, new)
    except Invalid as error:
        return error.message
    kept = g.get("sign_in_session_id")
    done = overview.change_password(
        db.session(), who.person_id, proven=known.present, hashed=hashed, keep_session=kept, now=clock.now()
    )
    return None if done else _("当前口令不正确。")


@blueprint.post("/profile/tokens")
@access.signed_in
def create_token() -> ResponseReturnValue:
    """Make an API token for oneself, for some of one's permissions and a time; it is shown once."""
    by_a_person()
    who = viewer()
    form = Form(TokenIn, request.form)
    if (given := form.validate()) is None:
        return _page(form), 422
    try:
        token = overview.create_token(
            db.session(),
            who.person_id,
            name=given.name,
            scopes=given.scopes,
            held=[p for p in PERMISSIONS if who.can(p)],
            days=given.days,
            now=clock.now(),
        )
    except Invalid as error:
        db.session().rollback()
        form.refuse(error)
        return _page(form), 422
    db.session().commit()
    return _page(new_token=token)


@blueprint.post("/profile/tokens/<int:token_id>/revoke")
@access.signed_in
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End one of the own tokens."""
    service.revoke_token(db.session(), token_id, person_id=viewer().person_id, now=clock.now())
    db.session().commit()
    flash(_("令牌已吊销。"))
    return redirect(url_for("accounts.profile"), 303)
