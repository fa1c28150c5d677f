"""A new password at sign-in, where the present one is an administrator's or too old; and the hints while one types."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from accounts.models import Person, SignInSession
from accounts.signin import password_rules, passwords, service
from accounts.signin.password_rules import LONGEST, Whose
from accounts.signin.stages import Stage
from accounts.signin.views import blueprint, let_in
from accounts.signin.waiting import lead_on, waiting, waiting_at, wanted
from core import clock
from core.errors import Invalid, Unauthenticated
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import db

HINTS = "240/minute"  # by address: one a keystroke
TRIES = "20/minute"


def hints_page(whose: Whose) -> str:
    """The rules, each with whether what is typed meets it. It came in the body of a POST, and is forgotten."""
    typed = (request.form.get("new") or request.form.get("password") or "")[:LONGEST]
    return render_template("accounts/_password_hints.html", rules=password_rules.hints(typed, whose))


@blueprint.post("/password/hints")
@access.public
def password_hints() -> ResponseReturnValue:
    """For one's own password: of who is in, or has to change it first."""
    ratelimit.hit(HINTS, "password-hints", request.remote_addr or "")
    if (who := access.current()) is not None:
        return hints_page(Whose(who.login, who.name))
    if (found := waiting()) is not None:
        return hints_page(Whose(found[1].login, found[1].name))
    raise Unauthenticated(_("请先输入登录名和口令。"))


@blueprint.get("/login/password")
@access.public
def new_password() -> ResponseReturnValue:
    """Ask for a new one; nothing else opens before."""
    found = waiting_at(Stage.PASSWORD)
    return lead_on() if found is None else _ask(found[1])


def _ask(person: Person, error: str | None = None) -> str:
    hints = password_rules.hints("", Whose(person.login, person.name))
    return render_template("accounts/new_password.html", person=person, error=error, hints=hints)


@blueprint.post("/login/password")
@access.public
def set_new_password() -> ResponseReturnValue:
    """Take the new one; all other sessions end, and this one goes on."""
    found = waiting_at(Stage.PASSWORD)
    if found is None:
        return lead_on()
    ratelimit.hit(TRIES, "password", str(found[1].id))
    typed, target = request.form.get("new", "")[:LONGEST], wanted()
    known = passwords.former(db.session(), found[1])
    db.session().rollback()  # hashing is slow: not while we hold the right to write
    try:
        if typed != request.form.get("again", "")[:LONGEST]:
            raise Invalid.of("again", _("两次输入的口令不一样。"))
        hashed = passwords.accept(known, typed)
    except Invalid as error:
        return _ask(found[1], error.message), 422
    return _store(found[0].id, found[1].id, known.present, hashed, target)


def _store(session_id: int, person_id: int, proven: str | None, hashed: str, target: str) -> ResponseReturnValue:
    session, now = db.session(), clock.now()
    person = session.get_one(Person, person_id, with_for_update=True, populate_existing=True)
    row = session.get_one(SignInSession, session_id, with_for_update=True, populate_existing=True)
    if row.ended_at is not None or row.waiting_for != Stage.PASSWORD or person.password_hash != proven:
        raise Unauthenticated(_("请先输入登录名和口令。"))  # done, ended or reset meanwhile
    service.set_password(session, person, hashed, now=now, keep_session=row.id)
    begun = service.advance(session, row, person, now=now)
    session.commit()
    return let_in(begun, target)
