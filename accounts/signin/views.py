"""Sign-in, sign-out, language, and the menu for browsers without JavaScript."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.models import Person, SignInSession
from accounts.signin import rules, service
from core import clock
from core.db import reading
from core.errors import Invalid
from core.i18n import LOCALES
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import db, engine

blueprint = Blueprint("accounts", __name__, template_folder="../templates")
COOKIE = "taxops_session"
YEAR = 365 * 86400


def safe_next(target: str | None) -> str:
    """Only addresses of our own are followed after signing in (no open redirect)."""
    if not target or any(c < " " or c == "\x7f" for c in target):  # a line break would end the header it is put into
        return "/"
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target


@blueprint.get("/login")
@access.public
def sign_in() -> ResponseReturnValue:
    """The form."""
    if access.current() is not None:
        return redirect(safe_next(request.args.get("next")), 303)
    return render_template("accounts/sign_in.html", next=safe_next(request.args.get("next")), login="", error=None)


@blueprint.post("/login")
@access.public
def do_sign_in() -> ResponseReturnValue:
    """Check login and password; failures are counted and answered alike."""
    ratelimit.hit("60/minute", "sign-in", request.remote_addr or "")
    found = _prove_and_sign_in(request.form.get("login", "").strip().lower(), request.form.get("password", "")[:200])
    target = safe_next(request.form.get("next"))
    if isinstance(found, service.SignInFailed):
        page = render_template(
            "accounts/sign_in.html", next=target, login=request.form.get("login", "").strip(), error=found.message
        )
        if found.retry_after:
            return page, 429, {"Retry-After": str(found.retry_after)}
        return page, 401
    session.clear()  # a new CSRF secret for the new identity
    response = redirect(target, 303)
    response.set_cookie(
        COOKIE,
        found,
        httponly=True,
        samesite="Lax",
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure,
        max_age=400 * 86400 if _endless(found) else None,
    )
    return response


def _prove_and_sign_in(login: str, password: str) -> str | service.SignInFailed:
    """In three steps, so that the slow look at the password holds no transaction: SQLite has one writer."""
    db.session().rollback()  # whoever asked may have come with a cookie, which was looked up in a writing transaction
    with reading(engine()) as session:
        known = service.look_up(session, login, now=clock.now())
    if isinstance(known, service.SignInFailed):
        return known
    proven = service.prove(known, password)
    address, browser = request.remote_addr or "", request.user_agent.string
    found = service.sign_in(db.session(), proven, address=address, user_agent=browser, now=clock.now())
    db.session().commit()
    return found


def _endless(token: str) -> bool:
    row = db.session().query(SignInSession).filter_by(token_hash=rules.token_hash(token)).one()
    return row.endless


@blueprint.post("/logout")
@access.signed_in
def sign_out() -> ResponseReturnValue:
    """End this session, or with `everywhere` all of the person's."""
    now = clock.now()
    if request.form.get("everywhere"):
        service.end_sessions(db.session(), viewer().person_id, now=now)
    elif token := request.cookies.get(COOKIE):
        service.sign_out(db.session(), token, now=now)
    db.session().commit()
    session.clear()
    response = redirect(url_for("accounts.sign_in"), 303)
    response.delete_cookie(COOKIE, path="/")
    return response


@blueprint.post("/language")
@access.public
def language() -> ResponseReturnValue:
    """Choose the language of the pages."""
    chosen = request.form.get("locale", "")
    response = redirect(safe_next(request.form.get("next")), 303)
    if chosen in LOCALES:
        response.set_cookie("taxops_locale", chosen, max_age=YEAR, samesite="Lax", httponly=True, path="/")
    return response


@blueprint.get("/menu")
@access.signed_in
def menu() -> ResponseReturnValue:
    """All places as a page, for phones and browsers without JavaScript."""
    return render_template("accounts/menu.html")


@blueprint.get("/profile")
@access.signed_in
def profile() -> ResponseReturnValue:
    """Own name, unit, roles, sessions and tokens."""
    from accounts.signin import overview

    return render_template(
        "accounts/profile.html",
        me=overview.of(db.session(), viewer().person_id, g.get("sign_in_session_id"), now=clock.now()),
    )


@blueprint.post("/profile/password")
@access.signed_in
def change_password() -> ResponseReturnValue:
    """Change the own password; other sessions end."""
    from accounts.signin import overview

    problem = _change_password(request.form.get("current", "")[:200], request.form.get("new", "")[:200])
    if problem:
        db.session().rollback()
        me = overview.of(db.session(), viewer().person_id, g.get("sign_in_session_id"), now=clock.now())
        return render_template("accounts/profile.html", me=me, password_error=problem), 422
    db.session().commit()
    flash(_("口令已修改，其他登录已全部退出。"))
    return redirect(url_for("accounts.profile"), 303)


def _change_password(current: str, new: str) -> str | None:
    """What is wrong, or None. Verified and hashed before the writing transaction begins, as in a sign-in."""
    from accounts.signin import overview

    who = viewer()
    db.session().rollback()
    with reading(engine()) as session:
        stored = session.get_one(Person, who.person_id).password_hash
    if stored is None or not service.verify(stored, current):
        return _("当前口令不正确。")
    try:
        hashed = service.new_password(who.login, new)
    except Invalid as error:
        return error.message
    kept = g.get("sign_in_session_id")
    done = overview.change_password(
        db.session(), who.person_id, proven=stored, hashed=hashed, keep_session=kept, now=clock.now()
    )
    return None if done else _("当前口令不正确。")


@blueprint.post("/profile/tokens")
@access.signed_in
def create_token() -> ResponseReturnValue:
    """Make an API token for oneself; it is shown once."""
    from accounts.signin import overview

    token = overview.create_token(db.session(), viewer().person_id, name=request.form.get("name", ""), now=clock.now())
    db.session().commit()
    me = overview.of(db.session(), viewer().person_id, g.get("sign_in_session_id"), now=clock.now())
    return render_template("accounts/profile.html", me=me, new_token=token)


@blueprint.post("/profile/tokens/<int:token_id>/revoke")
@access.signed_in
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End one of the own tokens."""
    service.revoke_token(db.session(), token_id, person_id=viewer().person_id, now=clock.now())
    db.session().commit()
    flash(_("令牌已吊销。"))
    return redirect(url_for("accounts.profile"), 303)
