"""The page of everybody's API tokens: who has which, until when, and the way to end one."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin import queries
from accounts.admin.authority import require_over
from accounts.admin.pages import blueprint, following
from accounts.current import viewer
from accounts.permissions import PERMISSIONS
from accounts.signin import service as signin
from core import clock
from core.i18n import gettext as _
from web import access
from web.db import db


@blueprint.get("/tokens")
@access.needs("token.write")
def tokens() -> ResponseReturnValue:
    """Tokens not revoked, of the people one administers."""
    q = request.args.get("q", "").strip()
    found = queries.tokens(db.session(), viewer(), q=q or None, cursor=request.args.get("cursor"))
    next_url = following("admin.tokens", found.next, q=q or None)
    return render_template("accounts/tokens.html", rows=found.items, next_url=next_url, q=q, permissions=PERMISSIONS)


@blueprint.post("/tokens/<int:token_id>/revoke")
@access.needs("token.write")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End anybody's token, at once."""
    row, person = queries.token(db.session(), viewer(), token_id)
    require_over("token.write", person)
    signin.revoke_token(db.session(), row.id, person_id=None, now=clock.now())
    db.session().commit()
    flash(_("令牌已吊销。"), "ok")
    return redirect(url_for("admin.tokens"), 303)
