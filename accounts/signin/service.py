"""Verbs of signing in: check a password, begin and end sessions, make and revoke tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import ApiToken, Person, SignInFailure, SignInSession
from accounts.permissions import PERMISSIONS
from accounts.signin import rules
from core.errors import Invalid, NotFound
from core.i18n import gettext as _

_hasher = argon2.PasswordHasher()  # argon2id with the library's recommended cost
_nobody_hash: list[str] = []


@dataclass(frozen=True)
class SignInFailed(Exception):
    """Wrong login or password, or locked; neither the message nor the delay tells which logins exist."""

    message: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Known:
    """What a sign-in needs to know of a login before the password is looked at. `stored`: the person's hash, if any.

    `counted_as`: whose failures these are; of a login nobody has what was typed is not kept, it may be a password.
    """

    login: str
    stored: str | None
    counted_as: str


@dataclass(frozen=True)
class Proven:
    """What looking at the password found; `fresh` is a new hash where the old one's cost is outdated."""

    known: Known
    right: bool
    fresh: str | None = None


def hash_password(password: str) -> str:
    """An argon2id hash. Slow on purpose: never while a writing transaction is open (SQLite has one writer)."""
    return _hasher.hash(password)


def new_password(login: str, password: str) -> str:
    """The hash of a new password for `login`; raises Invalid when it is too weak. Slow, see hash_password."""
    if problem := rules.password_problem(password, login):
        raise Invalid.of("password", _(problem))
    return hash_password(password)


def set_password(
    session: Session, person: Person, hashed: str, *, now: dt.datetime, keep_session: int | None = None
) -> None:
    """Give a stored person a new password, from `new_password`. Ends all their sessions but `keep_session`."""
    person.password_hash = hashed
    person.access_version += 1
    _forget_failures(session, person.login)
    end_sessions(session, person.id, now=now, keep=keep_session)


def verify(stored: str | None, password: str) -> bool:
    """Whether this is the password; takes equally long where there is none. Slow, see hash_password."""
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


def look_up(session: Session, login: str, *, now: dt.datetime, secret: str) -> Known | SignInFailed:
    """First step of a sign-in, reading only: the login, or that it is locked (known or not, all the same).

    `secret` is the installation's: with it the failures of logins that nobody has are counted without keeping them.
    """
    login = login.replace("\0", "")[:64]
    found = session.execute(sa.select(Person.login, Person.password_hash).where(Person.login == login)).one_or_none()
    blurred = rules.blurred(login, secret)
    known = Known(login, found.password_hash, login) if found else Known(login, None, blurred)
    row = session.get(SignInFailure, known.counted_as)
    return (row is not None and _locked(row, now)) or known


def prove(known: Known, password: str) -> Proven:
    """Second step, without any transaction: the slow look at the password."""
    right = verify(known.stored, password)
    outdated = right and known.stored is not None and _hasher.check_needs_rehash(known.stored)
    return Proven(known, right, hash_password(password) if outdated else None)


def sign_in(session: Session, proven: Proven, *, address: str, user_agent: str, now: dt.datetime) -> str | SignInFailed:
    """Last step: begin a session and return its cookie value, or what to tell. The caller commits either way."""
    login, counted_as = proven.known.login, proven.known.counted_as
    failure = session.get(SignInFailure, counted_as, with_for_update=True)
    if failure is not None and (locked := _locked(failure, now)):
        return locked  # others failed while we looked: a right guess among many at once does not count
    person = session.scalar(sa.select(Person).where(Person.login == login).with_for_update())
    unchanged = person is not None and person.password_hash == proven.known.stored
    if person is None or not person.active or not unchanged or not proven.right:
        _count_failure(session, failure, counted_as, now)
        audit.record(session, verb="sign-in-failed", object_name=f"person:{person.login if person else '?'}", now=now)
        return SignInFailed(_("登录名或口令不正确。"))
    _forget_failures(session, counted_as)
    if proven.fresh is not None:
        person.password_hash = proven.fresh
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


def _locked(failure: SignInFailure, now: dt.datetime) -> SignInFailed | None:
    if failure.locked_until is None or failure.locked_until <= now:
        return None
    wait = int((failure.locked_until - now).total_seconds()) + 1
    return SignInFailed(_("连续输错次数过多，请 %(n)d 分钟后再试。", n=-(-wait // 60)), wait)


def _count_failure(session: Session, failure: SignInFailure | None, counted_as: str, now: dt.datetime) -> None:
    if failure is None:
        try:
            with session.begin_nested():
                session.add(failure := SignInFailure(login=counted_as, failures=0, last_at=now))
                session.flush()
        except sa.exc.IntegrityError:  # another attempt began the count at the same moment
            failure = session.get_one(SignInFailure, counted_as, with_for_update=True, populate_existing=True)
    failure.failures += 1
    failure.last_at = now
    if (lock := rules.lock_for(failure.failures)) is not None:
        failure.locked_until = now + lock


def _forget_failures(session: Session, login: str) -> None:
    session.execute(sa.delete(SignInFailure).where(SignInFailure.login == login))


def forget_old_failures(session: Session, *, now: dt.datetime) -> int:
    """Drop counts nobody added to for a day; returns how many."""
    old = SignInFailure.last_at < now - rules.FORGET_FAILURES
    return int(getattr(session.execute(sa.delete(SignInFailure).where(old)), "rowcount", 0))


def _is_wall(session: Session, person: Person, now: dt.datetime) -> bool:
    from accounts.scope import viewer_for  # scope stands on models only; imported here to keep this module's load light

    viewer = viewer_for(session, person, now=now)
    return viewer.roles == frozenset({"wall"})


def sign_out(session: Session, token: str, *, now: dt.datetime) -> None:
    """End the session of this cookie."""
    row = session.scalar(
        sa.select(SignInSession).where(
            SignInSession.token_hash == rules.token_hash(token), SignInSession.ended_at.is_(None)
        )
    )
    if row is not None:
        row.ended_at = now
        login = session.get_one(Person, row.person_id).login
        audit.record(session, verb="sign-out", object_name=f"person:{login}", now=now)


def end_sessions(session: Session, person_id: int, *, now: dt.datetime, keep: int | None = None) -> int:
    """End every session of a person but `keep`, and record it; returns how many."""
    result = session.execute(
        sa.update(SignInSession)
        .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None), SignInSession.id != (keep or 0))
        .values(ended_at=now)
    )
    ended = int(getattr(result, "rowcount", 0))
    if ended:
        name = f"person:{session.get_one(Person, person_id).login}"
        audit.record(session, verb="sessions-ended", object_name=name, after={"sessions": ended}, now=now)
    return ended


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
