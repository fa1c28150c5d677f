"""What the pages of the stages share: whose session waits, where it has to be, and where it wanted to go."""

from __future__ import annotations

from flask import redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from accounts.models import Person, SignInSession
from accounts.signin import queries
from accounts.signin.stages import Stage
from accounts.signin.views import COOKIE, STAGE_PAGES, safe_next
from core import clock
from core.errors import Unauthenticated
from core.i18n import gettext as _
from web import access
from web.db import db


def waiting() -> tuple[SignInSession, Person] | None:
    """The browser's session that waits at some stage, and its person."""
    return queries.waiting(db.session(), request.cookies.get(COOKIE, ""), now=clock.now())


def waiting_at(stage: Stage) -> tuple[SignInSession, Person] | None:
    """The session that waits at this stage; None where the browser is in already or has to be elsewhere.

    Raises Unauthenticated where nobody has shown a password.
    """
    found = waiting()
    if found is None and access.current() is None:
        raise Unauthenticated(_("请先输入登录名和口令。"))
    return found if found is not None and found[0].waiting_for == stage else None


def lead_on() -> ResponseReturnValue:
    """To the stage the session really waits at, or into the house."""
    found = waiting()
    return redirect(url_for(STAGE_PAGES[Stage(found[0].waiting_for or "")]) if found else wanted(), 303)


def wanted() -> str:
    """Where the browser was going when it was asked to sign in."""
    return safe_next(session.get("next"))
