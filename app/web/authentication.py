"""Who is asking: a browser's session cookie, or a machine's API token; then the access rule of the endpoint."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, current_app, g, request
from flask_wtf import CSRFProtect

from accounts.models import ApiToken, SignInSession
from accounts.scope import Viewer, viewer_for
from accounts.signin import queries, rules
from core import clock, i18n
from core.db import transaction
from core.errors import NotFound, Unauthenticated
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import SAFE, db, engine

COOKIE = "taxops_session"
LOCALE_COOKIE = "taxops_locale"
WRONG_TOKENS = "60/minute"  # by address: guessing a token is slow
WRITES = "240/minute"  # by person in a browser: more is no person


def init(app: Flask) -> None:
    """Install the checks that run before every request."""

    @app.before_request
    def _locale() -> None:
        g.locale_context = i18n.use_locale(_chosen_locale())
        g.locale_context.__enter__()

    @app.teardown_request
    def _end_locale(_error: BaseException | None) -> None:
        if context := g.pop("locale_context", None):
            context.__exit__(None, None, None)

    @app.before_request
    def _authenticate() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if request.endpoint == "static":
            return
        g.by_token = False
        g.viewer = None if request.endpoint is None else _viewer()
        if request.endpoint is None:
            return
        access.enforce(view)
        if request.method not in SAFE and not g.by_token and not getattr(view, "__no_csrf__", False):
            csrf: CSRFProtect = current_app.extensions["taxops.csrf"]
            csrf.protect()
        _sign_writes()


def _sign_writes() -> None:
    """Tell the audit who writes, through what, from where."""
    if request.method in SAFE:
        return
    viewer = access.current()
    if viewer is not None and not g.by_token:
        ratelimit.hit(WRITES, "write", str(viewer.person_id))
    db.session().info.update(
        actor=viewer.login if viewer else "anonymous",
        address=request.remote_addr or "",
        verb=None,
    )


def _chosen_locale() -> str:
    return request.cookies.get(LOCALE_COOKIE) or current_app.config["TAXOPS"].locale


def _viewer() -> Viewer | None:
    header = request.headers.get("Authorization", "")
    if header:
        return _by_header(header)
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    now = clock.now()
    found = queries.by_cookie(db.session(), cookie, now=now)
    if found is None:
        return None
    row, person = found
    g.sign_in_session_id = row.id
    if now - row.last_seen_at >= rules.TOUCH_EVERY and not request.headers.get("X-Background"):
        _touch(SignInSession, row.id, "last_seen_at", now)
    return viewer_for(db.session(), person, now=now)


def _by_header(header: str) -> Viewer:
    token = token_of(header)
    now = clock.now()
    found = queries.by_token(db.session(), token, now=now)
    if found is None:
        ratelimit.hit(WRONG_TOKENS, "token", request.remote_addr or "")
        raise Unauthenticated(_("令牌无效、已过期或已吊销。"))
    row, person = found
    g.by_token = True
    if row.last_used_at is None or now - row.last_used_at >= rules.TOUCH_EVERY:
        _touch(ApiToken, row.id, "last_used_at", now)
    return viewer_for(db.session(), person, now=now, token_scopes=frozenset(row.scopes) or None)


def token_of(header: str) -> str:
    """The token in an Authorization header, bearer or basic (as password); raises Unauthenticated for another form."""
    kind, _space, value = header.partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unauthenticated(_("Authorization 头格式不正确。")) from error
    raise Unauthenticated(_("Authorization 头格式不正确，应为 Bearer 令牌。"))


def _touch(model: Any, row_id: int, column: str, now: dt.datetime) -> None:
    """At most once a minute, in a transaction of its own: reading a page must not wait for it to matter."""
    db.session().rollback()  # neither a snapshot nor the right to write may be held while we write beside it
    with transaction(engine()) as session:
        session.execute(sa.update(model).where(model.id == row_id).values(**{column: now}))


def set_cookie(response: Response, token: str, *, endless: bool = False) -> None:
    """Give the browser its session cookie."""
    response.set_cookie(
        COOKIE,
        token,
        httponly=True,
        samesite="Lax",
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure,
        max_age=dt.timedelta(days=400) if endless else None,
    )


def not_found() -> Any:
    """For catch-all routes."""
    raise NotFound(_("没有这个页面。"))
