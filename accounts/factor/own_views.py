"""The second factor on the page of one's own account: bind, change the phone, new recovery codes, give up."""

from __future__ import annotations

import datetime as dt

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.factor import queries, rules, service
from accounts.factor.views import TRIES, picture, secret_key, spelled, wrong_first_code
from accounts.models import Person, SignInSession
from accounts.signin import passwords
from accounts.signin.failures import SignInFailed
from accounts.signin.views import blueprint
from core import clock
from core.db import reading
from core.errors import Forbidden
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import db, engine

FRESH = dt.timedelta(minutes=10)  # who has no password here shows by a new sign-in that it is them


def _me() -> Person:
    if g.get("by_token"):
        raise Forbidden(_("请用口令登录后在页面上操作，令牌不能做这件事。"))
    return db.session().get_one(Person, viewer().person_id)


@blueprint.get("/profile/factor")
@access.signed_in
def own_factor() -> ResponseReturnValue:
    """Where the second factor stands, and each thing one can do with it."""
    return _page()


def _page(error: str | None = None) -> str:
    session, me = db.session(), _me()
    row = queries.confirmed(session, me.id)
    shown = service.offered(session, me.id, secret=secret_key())
    return render_template(
        "accounts/own_factor.html",
        me=me,
        bound_at=row.confirmed_at if row else None,
        left=queries.codes_left(session, me.id),
        total=rules.RECOVERY_CODES,
        required=queries.required(session, me, now=clock.now()),
        picture=picture(rules.address(shown, me.login, rules.ISSUER)) if shown else None,
        spelled=spelled(shown) if shown else None,
        error=error,
    )


@blueprint.post("/profile/factor/begin")
@access.signed_in
def begin_factor() -> ResponseReturnValue:
    """Show a new authenticator secret, to somebody who proves again who they are."""
    if problem := _not_proven():
        return _page(problem), 422
    service.offer(db.session(), _me(), secret=secret_key())
    db.session().commit()
    return redirect(url_for("accounts.own_factor"), 303)


def _not_proven() -> str | None:
    """A session left open on somebody's desk must not bind a stranger's phone: the code in use, or the password."""
    session, me = db.session(), _me()
    if queries.confirmed(session, me.id) is not None:
        return _wrong_code(me)
    if me.password_hash is None:
        row = session.get_one(SignInSession, g.sign_in_session_id)
        return None if clock.now() - row.created_at < FRESH else _("请重新登录，并在十分钟内绑定验证器。")
    ratelimit.hit(TRIES, "password", str(me.id))
    session.rollback()
    with reading(engine()) as fresh:
        stored = fresh.get_one(Person, me.id).password_hash
    return None if passwords.verify(stored, request.form.get("password", "")[:200]) else _("当前口令不正确。")


def _wrong_code(me: Person) -> str | None:
    ratelimit.hit(TRIES, "factor", str(me.id))
    typed = request.form.get("code", "")[:64]
    failed = service.prove(db.session(), me, typed, secret=secret_key(), now=clock.now())
    if isinstance(failed, SignInFailed):
        db.session().commit()  # the failure counts
        return failed.message
    return None


@blueprint.post("/profile/factor/confirm")
@access.signed_in
def confirm_factor() -> ResponseReturnValue:
    """The first code binds it; recovery codes are shown, once."""
    me = _me()
    ratelimit.hit(TRIES, "factor", str(me.id))
    typed = request.form.get("code", "")[:64]
    codes = service.confirm(db.session(), me, typed, secret=secret_key(), now=clock.now())
    if codes is None:
        db.session().rollback()
        return _page(wrong_first_code()), 422
    db.session().commit()
    return _codes(me, codes)


def _codes(me: Person, codes: list[str], *, renewed: bool = False) -> str:
    onward = url_for("accounts.own_factor")
    return render_template("accounts/recovery_codes.html", codes=codes, person=me, onward=onward, renewed=renewed)


@blueprint.post("/profile/factor/codes")
@access.signed_in
def renew_codes() -> ResponseReturnValue:
    """Ten new recovery codes against a code; the old ones end."""
    me = _me()
    if problem := _wrong_code(me):
        return _page(problem), 422
    codes = service.new_codes(db.session(), me, secret=secret_key(), now=clock.now())
    db.session().commit()
    return _codes(me, codes, renewed=True)


@blueprint.post("/profile/factor/disable")
@access.signed_in
def disable_factor() -> ResponseReturnValue:
    """Give it up, against a code; not where a role asks for it."""
    me = _me()
    if problem := _wrong_code(me):
        return _page(problem), 422
    service.disable(db.session(), me, now=clock.now())
    db.session().commit()
    flash(_("二次验证已关闭。"), "ok")
    return redirect(url_for("accounts.own_factor"), 303)
