"""Sign-in, sign-out, language, and the menu for browsers without JavaScript."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.directory import client as directory
from accounts.realms import service as realms
from accounts.realms.models import Realm
from accounts.signin import service
from accounts.signin.failures import SignInFailed
from accounts.signin.stages import Stage
from core import clock
from core.db import reading
from core.i18n import LOCALES
from web import access, ratelimit
from web.db import db, engine

blueprint = Blueprint("accounts", __name__, template_folder="../templates")
COOKIE = "taxops_session"
YEAR = 365 * 86400
STAGE_PAGES = {
    Stage.FACTOR: "accounts.factor",
    Stage.PASSWORD: "accounts.new_password",
    Stage.ENROL: "accounts.enrol",
}


def safe_next(target: str | None) -> str:
    """Only addresses of our own are followed after signing in (no open redirect)."""
    if not target or any(c < " " or c == "\x7f" for c in target):  # a line break would end the header it is put into
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:  # a bracket without its twin
        return "/"
    if parts.scheme or parts.netloc or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    return target


@blueprint.get("/login")
@access.public
def sign_in() -> ResponseReturnValue:
    """The form."""
    return show_sign_in(Realm.STAFF)


def show_sign_in(door: Realm) -> ResponseReturnValue:
    """The form of one door; who is in is led on."""
    target = safe_next(request.args.get("next"))
    if access.current() is not None:
        return redirect(target, 303)
    return form_page(door, target, left_provider=request.args.get("left") == "provider")


def form_page(
    door: Realm, target: str, *, login: str = "", error: str | None = None, left_provider: bool = False
) -> str:
    """The form of one door; of the staff's with the button of the OpenID provider, where one is set."""
    settings = current_app.config["TAXOPS"]
    return render_template(
        "accounts/sign_in.html",
        next=target,
        login=login,
        error=error,
        vendor=door is Realm.VENDOR,
        apart=realms.vendors_apart(db.session()),
        provider=settings.oidc_issuer and door is Realm.STAFF,
        label=settings.oidc_label,
        left_provider=left_provider and settings.oidc_issuer,
    )


@blueprint.post("/login")
@access.public
def do_sign_in() -> ResponseReturnValue:
    """Check login and password; failures are counted and answered alike."""
    return answer_sign_in(Realm.STAFF)


def answer_sign_in(door: Realm) -> ResponseReturnValue:
    """Who showed login and password at this door comes in, or hears why not."""
    ratelimit.hit("60/minute", "sign-in", request.remote_addr or "")
    login, password = request.form.get("login", "").strip().lower(), request.form.get("password", "")[:200]
    found = _prove_and_sign_in(login, password, door)
    target = safe_next(request.form.get("next"))
    if isinstance(found, SignInFailed):
        page = form_page(door, target, login=request.form.get("login", "").strip(), error=found.message)
        if found.retry_after:
            return page, 429, {"Retry-After": str(found.retry_after)}
        return page, 503 if found.away else 401
    return let_in(found, target)


def let_in(begun: service.Begun, target: str, *, page: str | None = None) -> Response:
    """Give the browser its session and lead on: to what is still asked, or to where it wanted to go (`page`: shown first)."""
    session.clear()  # a new CSRF secret for the new identity
    if begun.waiting_for is not None:
        session["next"] = target
        target = url_for(STAGE_PAGES[begun.waiting_for])
    response = current_app.make_response(page or redirect(target, 303))
    response.set_cookie(
        COOKIE,
        begun.token,
        httponly=True,
        samesite="Lax",
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure,
        max_age=400 * 86400 if begun.endless and begun.waiting_for is None else None,
    )
    return response


def _prove_and_sign_in(login: str, password: str, door: Realm) -> service.Begun | SignInFailed:
    """In three steps, so that the slow look at the password holds no transaction: SQLite has one writer."""
    db.session().rollback()  # whoever asked may have come with a cookie, which was looked up in a writing transaction
    with reading(engine()) as session:
        known = service.look_up(session, login, now=clock.now(), secret=str(current_app.config["SECRET_KEY"]))
    if isinstance(known, SignInFailed):
        return known
    proven = service.prove(known, password, directory.of_settings(current_app.config["TAXOPS"]))
    if isinstance(proven, SignInFailed):
        return proven
    address, browser = request.remote_addr or "", request.user_agent.string
    found = service.sign_in(db.session(), proven, address=address, user_agent=browser, now=clock.now(), door=door)
    db.session().commit()
    return found


@blueprint.post("/logout")
@access.signed_in
def sign_out() -> ResponseReturnValue:
    """End this session, or with `everywhere` all of the person's."""
    now, by_provider = clock.now(), False
    token = request.cookies.get(COOKIE)
    if request.form.get("everywhere"):  # this one is among them, and counted with them
        by_provider = service.began_at_provider(db.session(), token)
        service.end_sessions(db.session(), viewer().person_id, now=now)
    elif token:
        by_provider = service.sign_out(db.session(), token, now=now)
    db.session().commit()
    session.clear()
    response = redirect(url_for("accounts.sign_in", left="provider" if by_provider else None), 303)
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
