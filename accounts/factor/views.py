"""Between the password and the work: the authenticator's code, or binding one. Open only to a session that waits for it."""

from __future__ import annotations

import segno
from flask import current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.factor import rules, service
from accounts.models import Person
from accounts.signin import service as signin
from accounts.signin.failures import SignInFailed
from accounts.signin.stages import Stage
from accounts.signin.views import blueprint, let_in
from accounts.signin.waiting import lead_on, waiting_at, wanted
from core import clock
from core.i18n import gettext as _
from web import access, ratelimit
from web.db import db

TRIES = "20/minute"  # of one person, beside the lock that grows


def secret_key() -> str:
    """The installation's own secret, from which the keys of this room are derived."""
    return str(current_app.config["SECRET_KEY"])


def picture(address: str) -> Markup:
    """The QR code of an otpauth address, drawn into the page: no other server sees the secret."""
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(scale=5, border=4, light="#fff", dark="#000"))  # noqa: S704  segno's own drawing


def spelled(secret: str) -> str:
    """A secret to type by hand, in groups of four."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


@blueprint.get("/login/factor")
@access.public
def factor() -> ResponseReturnValue:
    """Ask for the code."""
    found = waiting_at(Stage.FACTOR)
    return lead_on() if found is None else _ask(found[1])


def _ask(person: Person, error: str | None = None) -> str:
    return render_template("accounts/factor.html", person=person, error=error)


@blueprint.post("/login/factor")
@access.public
def check_factor() -> ResponseReturnValue:
    """Take the code, or a recovery code; wrong ones are counted and lock."""
    found = waiting_at(Stage.FACTOR)
    if found is None:
        return lead_on()
    row, person = found
    ratelimit.hit(TRIES, "factor", str(person.id))
    now, target = clock.now(), wanted()
    failed = service.prove(db.session(), person, request.form.get("code", "")[:64], secret=secret_key(), now=now)
    if isinstance(failed, SignInFailed):
        db.session().commit()  # the failure counts
        headers = {"Retry-After": str(failed.retry_after)} if failed.retry_after else {}
        return _ask(person, failed.message), 429 if failed.retry_after else 401, headers
    begun = signin.advance(db.session(), row, person, now=now)
    db.session().commit()
    return let_in(begun, target)


@blueprint.get("/login/enrol")
@access.public
def enrol() -> ResponseReturnValue:
    """Bind an authenticator, because a role asks for it; nothing else opens before."""
    found = waiting_at(Stage.ENROL)
    return lead_on() if found is None else _binding(found[1])


def _binding(person: Person, error: str | None = None) -> str:
    shown = service.offered(db.session(), person.id, secret=secret_key())
    return render_template(
        "accounts/enrol.html",
        person=person,
        error=error,
        picture=picture(rules.address(shown, person.login, rules.ISSUER)) if shown else None,
        spelled=spelled(shown) if shown else None,
    )


@blueprint.post("/login/enrol/begin")
@access.public
def begin_enrol() -> ResponseReturnValue:
    """Show a new secret."""
    found = waiting_at(Stage.ENROL)
    if found is None:
        return lead_on()
    service.offer(db.session(), found[1], secret=secret_key())
    db.session().commit()
    return redirect(url_for("accounts.enrol"), 303)


@blueprint.post("/login/enrol")
@access.public
def confirm_enrol() -> ResponseReturnValue:
    """The first code binds it; the recovery codes are shown, once, and the person is in."""
    found = waiting_at(Stage.ENROL)
    if found is None:
        return lead_on()
    row, person = found
    ratelimit.hit(TRIES, "factor", str(person.id))
    now, target = clock.now(), wanted()
    codes = service.confirm(db.session(), person, request.form.get("code", "")[:64], secret=secret_key(), now=now)
    if codes is None:
        db.session().rollback()
        return _binding(person, wrong_first_code()), 422
    begun = signin.advance(db.session(), row, person, now=now)
    db.session().commit()
    page = render_template("accounts/recovery_codes.html", codes=codes, person=person, onward=target, renewed=False)
    return let_in(begun, target, page=page)


def wrong_first_code() -> str:
    """Why an authenticator was not bound."""
    return _("验证码不正确。请核对手机时间是否自动校准，再输入当前显示的 6 位数字。")
