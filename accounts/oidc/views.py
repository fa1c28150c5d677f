"""The way to the provider and back, and out of it."""

from __future__ import annotations

import re
import secrets

from flask import Response, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from accounts.oidc import client, service
from accounts.realms.models import Realm
from accounts.signin.failures import SignInFailed
from accounts.signin.views import blueprint, form_page, let_in, safe_next
from core import clock
from core.errors import NotFound, TaxopsError
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import db

PENDING = "oidc"
PATIENCE_S = 600
TRIES = "30/minute"


def _provider() -> client.Provider:
    found = client.of_settings(current_app.config["TAXOPS"])
    if found is None:
        raise NotFound(_("没有这个页面，或您无权查看。"))
    return found


def _refused(message: str, status: int, target: str = "/") -> tuple[str, int]:
    return form_page(Realm.STAFF, target, error=message), status


@blueprint.get("/login/oidc")
@access.public
def oidc_begin() -> ResponseReturnValue:
    """To the provider. What is needed to know whoever comes back stays in this browser's signed cookie."""
    provider = _provider()
    ratelimit.hit(TRIES, "oidc", request.remote_addr or "")
    target = safe_next(request.args.get("next"))
    db.session().rollback()
    try:
        asked = client.begin(
            provider,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
        )
    except TaxopsError as error:
        return _refused(error.message, error.status, target)
    session[PENDING] = {
        "state": asked.state, "nonce": asked.nonce, "verifier": asked.verifier, "next": target,
        "at": int(clock.now().timestamp()),
    }  # fmt: skip
    return redirect(asked.url, 303)


@blueprint.get("/login/oidc/callback")
@access.public
def oidc_callback() -> ResponseReturnValue:
    """Back from the provider, once for each time somebody went there."""
    provider = _provider()
    ratelimit.hit(TRIES, "oidc", request.remote_addr or "")
    pending = session.pop(PENDING, None) or {}
    target = safe_next(pending.get("next"))
    age = clock.now().timestamp() - float(pending.get("at", 0))
    given = request.args.get("state", "")
    if (
        not pending
        or not secrets.compare_digest(given.encode(), pending["state"].encode())
        or not 0 <= age < PATIENCE_S
    ):
        return _refused(_("这次登录已过期，或不是从这里开始的。请重新从登录页进入。"), 400, target)
    if "code" not in request.args:
        why = re.sub(r"[^a-z_]", "", request.args.get("error", ""))[:40] or "?"
        return _refused(_("统一身份认证没有完成登录（%(why)s）。请重试，或用登录名和口令登录。", why=why), 401, target)
    return _come_in(provider, pending, target)


def _come_in(provider: client.Provider, pending: dict[str, str], target: str) -> Response | tuple[str, int]:
    db.session().rollback()  # asking the provider is slow: not while we hold the right to write
    try:
        claims = client.finish(
            provider, request.args["code"][:2000], nonce=pending["nonce"], verifier=pending["verifier"]
        )
    except TaxopsError as error:
        return _refused(error.message, error.status, target)
    found = service.sign_in(
        db.session(), claims, claim=provider.claim, address=request.remote_addr or "",
        user_agent=request.user_agent.string, now=clock.now(),
    )  # fmt: skip
    db.session().commit()
    if isinstance(found, SignInFailed):
        return _refused(found.message, 403, target)
    return let_in(found, target)


@blueprint.get("/login/oidc/logout")
@access.public
def oidc_sign_out() -> ResponseReturnValue:
    """Out of the provider, too: a link, since no form of ours may lead to another server (form-action)."""
    back = f"{current_app.config['TAXOPS'].base_url}{url_for('accounts.sign_in')}"
    there = client.sign_out_address(_provider(), back=back)
    return redirect(there or url_for("accounts.sign_in"), 303)
