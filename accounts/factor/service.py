"""Verbs of the second factor. None commits; a wrong code is counted like a wrong password."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.factor import queries, rules
from accounts.factor.models import RecoveryCode, SecondFactor
from accounts.models import Person
from accounts.signin import failures
from accounts.signin.failures import SignInFailed
from core import outbox, sealed
from core.errors import Conflict, NotFound
from core.events.accounts import SignInChanged
from core.i18n import gettext as _

_AUTHENTICATOR, _RECOVERY = "second factor", "recovery codes"  # purposes of the derived keys


def offer(session: Session, person: Person, *, secret: str) -> str:
    """A new authenticator secret for this person, kept sealed until its first code proves it. Returns it, in base32."""
    row = session.get(SecondFactor, person.id, with_for_update=True)
    if row is None:
        row = SecondFactor(person_id=person.id, last_step=0)
        session.add(row)
    fresh = rules.new_secret()
    row.offered = sealed.seal(fresh, secret=secret, purpose=_AUTHENTICATOR, place=_place(person.id))
    session.flush()
    return fresh


def offered(session: Session, person_id: int, *, secret: str) -> str | None:
    """The secret that was offered and waits for its first code; None where there is none that can be read."""
    row = session.get(SecondFactor, person_id)
    return _opened(row.offered, person_id, secret) if row is not None else None


def _opened(text: str | None, person_id: int, secret: str) -> str | None:
    if text is None:
        return None
    try:
        return sealed.unseal(text, secret=secret, purpose=_AUTHENTICATOR, place=_place(person_id))
    except sealed.Unreadable:  # TAXOPS_SECRET_KEY is another one now
        return None


def confirm(session: Session, person: Person, code: str, *, secret: str, now: dt.datetime) -> list[str] | None:
    """Take the offered authenticator into use with its first code; returns new recovery codes, None for a wrong code.

    Raises Conflict where nothing was offered.
    """
    row = session.get(SecondFactor, person.id, with_for_update=True)
    shown = _opened(row.offered, person.id, secret) if row is not None else None
    if row is None or shown is None:
        raise Conflict(_("请重新开始绑定验证器。"))
    step = rules.matching_step(shown, rules.tidy(code), after=0, now=now)
    if step is None:
        return None
    row.secret, row.offered, row.confirmed_at, row.last_step = row.offered, None, now, step
    _tell(session, person, "factor-enabled", now=now)
    return new_codes(session, person, secret=secret, now=now, quietly=True)


def new_codes(session: Session, person: Person, *, secret: str, now: dt.datetime, quietly: bool = False) -> list[str]:
    """Ten new recovery codes; the old ones end. They are shown once: only keyed hashes are kept."""
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    codes = rules.new_recovery_codes()
    session.add_all(RecoveryCode(person_id=person.id, code_hash=_hash(person.id, c, secret)) for c in codes)
    session.flush()
    if not quietly:
        _tell(session, person, "recovery-codes-made", now=now)
    return codes


def _hash(person_id: int, code: str, secret: str) -> str:
    return sealed.keyed_hash(f"{person_id}:{rules.tidy(code)}", secret=secret, purpose=_RECOVERY)


def prove(session: Session, person: Person, typed: str, *, secret: str, now: dt.datetime) -> SignInFailed | None:
    """Take a code of the authenticator, or a recovery code, once. None: it was right.

    A wrong one is counted with the person's wrong passwords, and locks as they do. The caller commits either way.
    """
    failure = failures.of(session, person.login)
    if failure is not None and (locked := failures.locked(failure, now)):
        return locked
    row = session.get(SecondFactor, person.id, with_for_update=True)
    code = rules.tidy(typed)
    if row is not None and row.secret is not None and _takes(session, row, code, secret=secret, now=now):
        if not rules.is_code(code):
            _tell(session, person, "recovery-code-used", now=now)
        return None
    failures.count(session, failure, person.login, now)
    audit.record(session, verb="factor-failed", object_name=f"person:{person.login}", now=now)
    return SignInFailed(_("验证码不正确或已用过。请等验证器显示下一个验证码再试。"))


def _takes(session: Session, row: SecondFactor, code: str, *, secret: str, now: dt.datetime) -> bool:
    if rules.is_code(code):
        own = _opened(row.secret, row.person_id, secret)
        step = rules.matching_step(own, code, after=row.last_step, now=now) if own else None
        if step is not None:
            row.last_step = step
        return step is not None
    found = session.scalar(
        sa.select(RecoveryCode)
        .where(
            RecoveryCode.person_id == row.person_id,
            RecoveryCode.code_hash == _hash(row.person_id, code, secret),
            RecoveryCode.used_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        return False
    found.used_at = now
    return True


def disable(session: Session, person: Person, *, now: dt.datetime) -> None:
    """Give up the second factor. Raises Conflict where a role asks for it."""
    if queries.required(session, person, now=now):
        raise Conflict(_("您的角色要求二次验证，不能关闭；换手机请用“更换验证器”。"))
    _forget(session, person)
    _tell(session, person, "factor-disabled", now=now)


def reset(session: Session, person: Person, *, by: int, now: dt.datetime) -> None:
    """Take a lost authenticator away, as an administrator: the person is told, and starts anew at the next sign-in.

    Raises NotFound where there is none.
    """
    if queries.confirmed(session, person.id) is None:
        raise NotFound(_("此人没有启用二次验证。"))
    _forget(session, person)
    _tell(session, person, "factor-reset", now=now, by=by)


def _forget(session: Session, person: Person) -> None:
    row = session.get(SecondFactor, person.id, with_for_update=True)
    if row is not None:
        row.secret = row.offered = row.confirmed_at = None  # last_step stays: an old code is never taken again
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.person_id == person.id))


def _tell(session: Session, person: Person, what: str, *, now: dt.datetime, by: int | None = None) -> None:
    audit.record(session, verb=what, object_name=f"person:{person.login}", now=now)
    outbox.record(session, SignInChanged(person_id=person.id, what=what, by_id=by), now=now)


def _place(person_id: int) -> str:
    return f"person:{person_id}"
