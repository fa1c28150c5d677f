"""Verbs of signing in: check a password, begin and end sessions, make and revoke tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import ApiToken, Person, SignInSession
from accounts.permissions import PERMISSIONS
from accounts.signin import rules
from core.errors import Invalid, NotFound
from core.i18n import gettext as _

_hasher = argon2.PasswordHasher()  # argon2id with the library's recommended cost
_nobody_hash: list[str] = []


@dataclass(frozen=True)
class SignInFailed(Exception):
    """Wrong login or password, or locked; the message never tells which logins exist."""

    message: str
    retry_after: int | None = None


def hash_password(password: str) -> str:
    """An argon2id hash."""
    return _hasher.hash(password)


def set_password(person: Person, password: str) -> None:
    """Give a person a new password; raises Invalid when it is too weak. Ends all their sessions."""
    if problem := rules.password_problem(password, person.login):
        raise Invalid.of("password", _(problem))
    person.password_hash = hash_password(password)
    person.failed_sign_ins, person.locked_until = 0, None
    person.access_version = (person.access_version or 0) + 1  # a person not stored yet has none


def _verifies(stored: str | None, password: str) -> bool:
    """Takes equally long whether the login exists or not."""
    if stored is None:
        if not _nobody_hash:
            _nobody_hash.append(hash_password("nobody has this password"))
        stored_or_dummy = _nobody_hash[0]
    else:
        stored_or_dummy = stored
    try:
        return _hasher.verify(stored_or_dummy, password) and stored is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def sign_in(
    session: Session, *, login: str, password: str, address: str, user_agent: str, now: dt.datetime
) -> str | SignInFailed:
    """Begin a session and return its cookie value, or what to tell. The caller commits either way (failures count)."""
    person = session.scalar(sa.select(Person).where(Person.login == login).with_for_update())
    wrong = SignInFailed(_("登录名或口令不正确。"))
    if person is not None and person.locked_until is not None and person.locked_until > now:
        wait = int((person.locked_until - now).total_seconds()) + 1
        return SignInFailed(_("连续输错次数过多，请 %(n)d 分钟后再试。", n=-(-wait // 60)), wait)
    if not _verifies(person.password_hash if person else None, password) or person is None or not person.active:
        if person is not None:
            person.failed_sign_ins += 1
            if (lock := rules.lock_for(person.failed_sign_ins)) is not None:
                person.locked_until = now + lock
            audit.record(session, verb="sign-in-failed", object_name=f"person:{person.login}", now=now)
        return wrong
    person.failed_sign_ins, person.locked_until = 0, None
    if person.password_hash and _hasher.check_needs_rehash(person.password_hash):
        person.password_hash = hash_password(password)
    token = rules.new_token()
    session.add(
        SignInSession(
            token_hash=rules.token_hash(token),
            person_id=person.id,
            created_at=now,
            last_seen_at=now,
            address=address[:64],
            user_agent=user_agent[:200],
            endless=_is_wall(session, person, now),
        )
    )
    session.info["actor"] = person.login
    audit.record(session, verb="sign-in", object_name=f"person:{person.login}", now=now)
    return token


def _is_wall(session: Session, person: Person, now: dt.datetime) -> bool:
    from accounts.scope import viewer_for  # scope stands on models only; imported here to keep this module's load light

    viewer = viewer_for(session, person, now=now)
    return viewer.roles == frozenset({"wall"})


def sign_out(session: Session, token: str, *, now: dt.datetime) -> None:
    """End the session of this cookie."""
    session.execute(
        sa.update(SignInSession)
        .where(SignInSession.token_hash == rules.token_hash(token), SignInSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def sign_out_everywhere(session: Session, person_id: int, *, now: dt.datetime) -> int:
    """End every session of a person; returns how many."""
    result = session.execute(
        sa.update(SignInSession)
        .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
        .values(ended_at=now)
    )
    return int(getattr(result, "rowcount", 0))


def create_token(
    session: Session, *, person: Person, name: str, scopes: list[str], expires_at: dt.datetime | None, now: dt.datetime
) -> tuple[ApiToken, str]:
    """Make a token; returns its row and the token itself, which is never shown again.

    Raises Invalid for an empty name, an unknown scope or an end that has passed.
    """
    if not name.strip():
        raise Invalid.of("name", _("请给令牌起一个名字。"))
    for scope in scopes:
        if scope not in PERMISSIONS:
            raise Invalid.of("scopes", _("没有名为“%(scope)s”的权限。", scope=scope))
    if expires_at is not None and expires_at <= now:
        raise Invalid.of("expires_at", _("到期时间已经过去。"))
    token = rules.new_token()
    row = ApiToken(
        person_id=person.id,
        name=name.strip()[:80],
        prefix=token[:10],
        token_hash=rules.token_hash(token),
        scopes=sorted(set(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, token


def revoke_token(session: Session, token_id: int, *, person_id: int | None, now: dt.datetime) -> ApiToken:
    """End a token; `person_id` limits it to that person's own. Raises NotFound."""
    row = session.get(ApiToken, token_id)
    if row is None or (person_id is not None and row.person_id != person_id):
        raise NotFound(_("没有这个令牌。"))
    row.revoked_at = row.revoked_at or now
    return row


def verifies(person: Person, password: str) -> bool:
    """Whether this is the person's password."""
    return _verifies(person.password_hash, password)
