"""Ending sessions from the page of one's own account."""

from __future__ import annotations

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.signin import service, sessions
from accounts.signin.profile import by_a_person
from accounts.signin.views import blueprint
from core import clock
from core.i18n import gettext as _
from web import access
from web.db import db


@blueprint.post("/profile/sessions/<int:session_id>/end")
@access.signed_in
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign one of the own devices out."""
    by_a_person()
    sessions.end(db.session(), session_id, person_id=viewer().person_id, now=clock.now())
    db.session().commit()
    flash(_("该设备已退出登录。"), "ok")
    return redirect(url_for("accounts.profile") + "#sessions", 303)


@blueprint.post("/profile/sessions/end-others")
@access.signed_in
def end_other_sessions() -> ResponseReturnValue:
    """Sign all the own devices out but this one."""
    by_a_person()
    kept = g.get("sign_in_session_id")
    ended = service.end_sessions(db.session(), viewer().person_id, now=clock.now(), keep=kept)
    db.session().commit()
    flash(_("其他设备已全部退出（%(n)d 个登录）。", n=ended), "ok")
    return redirect(url_for("accounts.profile") + "#sessions", 303)
