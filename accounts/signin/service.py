"""Verbs of signing in: check a password, begin and end sessions, make and revoke tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.directory import client
from accounts.directory.client import Directory
from accounts.factor import queries as factors
from accounts.models import ApiToken, Person, SignInFailure, SignInSession
from accounts.permissions import PERMISSIONS
from accounts.realms import service as realms
from accounts.realms.models import Realm
from accounts.signin import failures, passwords, rules
from accounts.signin.failures import SignInFailed
from accounts.signin.stages import Needs, Stage, following
from core.errors import Invalid, NotFound, Unavailable
from core.i18n import gettext as _


@dataclass(frozen=True)
class Known:
    """What a sign-in needs to know of a login before the password is looked at. `stored`: the person's hash, if any;
    `directory`: the directory knows the password.

    `counted_as`: whose failures these are; of a login nobody has what was typed is not kept, it may be a password.
    """

    login: str
    stored: str | None
    counted_as: str
    directory: bool = False


@dataclass(frozen=True)
class Proven:
    """What looking at the password found; `fresh` is a new hash where the old one's cost is outdated."""

    known: Known
    right: bool
    fresh: str | None = None


def set_password(
    session: Session,
    person: Person,
    hashed: str,
    *,
    now: dt.datetime,
    keep_session: int | None = None,
    by_administrator: bool = False,
) -> None:
    """Give a stored person a new password, from `passwords.accept`. Ends all their sessions but `keep_session`."""
    passwords.store(session, person, hashed, now=now, by_administrator=by_administrator)
    end_sessions(session, person.id, now=now, keep=keep_session)


def look_up(session: Session, login: str, *, now: dt.datetime, secret: str) -> Known | SignInFailed:
    """First step of a sign-in, reading only: the login, or that it is locked (known or not, all the same).

    `secret` is the installation's: with it the failures of logins that nobody has are counted without keeping them.
    """
    login = login.replace("\0", "")[:64]
    wanted = sa.select(Person.password_hash, Person.directory).where(Person.login == login)
    found = session.execute(wanted).one_or_none()
    blurred = rules.blurred(login, secret)
    known = Known(login, found.password_hash, login, found.directory) if found else Known(login, None, blurred)
    row = session.get(SignInFailure, known.counted_as)
    return (row is not None and failures.locked(row, now)) or known


def prove(known: Known, password: str, directory: Directory | None = None) -> Proven | SignInFailed:
    """Second step, without any transaction: the slow look at the password, here or in the `directory`.

    Of logins that nobody has it asks as of the directory's people, without telling it what was typed: the delay and a
    directory that is away must not say which logins exist.
    """
    if directory is not None and known.stored is None:
        try:
            asked = known.login if known.directory else None
            return Proven(known, client.right_password(directory, asked, password))
        except Unavailable as error:
            return SignInFailed(error.message, away=True)
    right = passwords.verify(known.stored, password)
    outdated = right and known.stored is not None and passwords.outdated(known.stored)
    return Proven(known, right, passwords.hash_password(password) if outdated else None)


def _may_know(session: Session, person: Person) -> bool:
    """A vendor's contact whose account was disabled is told so; of staff a disabled login reads like a wrong one."""
    return person.active or realms.realm_of(session, person) is Realm.VENDOR


@dataclass(frozen=True)
class Begun:
    """A session that began. `token` is its cookie's value; `waiting_for`: what is still asked before any other page opens."""

    token: str
    waiting_for: Stage | None
    endless: bool


def sign_in(
    session: Session, proven: Proven, *, address: str, user_agent: str, now: dt.datetime, door: Realm = Realm.STAFF
) -> Begun | SignInFailed:
    """Last step: begin a session, or say what to tell. The caller commits either way."""
    login, counted_as = proven.known.login, proven.known.counted_as
    failure = failures.of(session, counted_as)
    if failure is not None and (locked := failures.locked(failure, now)):
        return locked  # others failed while we looked: a right guess among many at once does not count
    person = session.scalar(sa.select(Person).where(Person.login == login).with_for_update())
    known = (proven.known.stored, proven.known.directory)
    unchanged = person is not None and (person.password_hash, person.directory) == known
    if person is None or not unchanged or not proven.right or not _may_know(session, person):
        failures.count(session, failure, counted_as, now)
        audit.record(session, verb="sign-in-failed", object_name=f"person:{person.login if person else '?'}", now=now)
        return SignInFailed(_("登录名或口令不正确。"))
    if refused := realms.refusal(session, person, door=door, address=address, now=now):
        audit.record(
            session, verb="sign-in-refused", object_name=f"person:{person.login}", after={"reason": refused}, now=now
        )
        return SignInFailed(refused)
    if proven.fresh is not None:
        person.password_hash = proven.fresh
    return begin(session, person, address=address, user_agent=user_agent, now=now)


def begin(
    session: Session, person: Person, *, address: str, user_agent: str, now: dt.datetime, provider: bool = False
) -> Begun:
    """A session for somebody who has proven who they are, waiting for whatever else is asked of them.

    `provider`: proven by an OpenID provider, which is told of signing out, too. A password that is due is none of its.
    """
    row = SignInSession(
        person_id=person.id,
        token_hash="",
        created_at=now,
        last_seen_at=now,
        address=address[:64],
        user_agent=user_agent[:200],
        endless=_is_wall(session, person, now),
        provider=provider,
    )
    return _stand_at(
        session, row, person, following(None, needs_of(session, person, now=now, provider=provider)), now=now
    )


def advance(session: Session, row: SignInSession, person: Person, *, now: dt.datetime) -> Begun:
    """What the session waited for was done: it waits for the next, or the person is in. Its cookie changes."""
    done = Stage(row.waiting_for) if row.waiting_for else None
    return _stand_at(
        session, row, person, following(done, needs_of(session, person, now=now, provider=row.provider)), now=now
    )


def _stand_at(session: Session, row: SignInSession, person: Person, stage: Stage | None, *, now: dt.datetime) -> Begun:
    token = rules.new_token()
    row.token_hash, row.waiting_for = rules.token_hash(token), stage
    if row.id is None:
        session.add(row)
    session.info["actor"] = person.login
    if stage is None:  # only now: else whoever knows the password could try codes without end
        failures.forget(session, person.login)
        row.created_at = row.last_seen_at = now
        audit.record(session, verb="sign-in", object_name=f"person:{person.login}", now=now)
    session.flush()
    return Begun(token, stage, row.endless)


def needs_of(session: Session, person: Person, *, now: dt.datetime, provider: bool = False) -> Needs:
    """What is asked of this person beside the password."""
    return Needs(
        has_factor=factors.confirmed(session, person.id) is not None,
        factor_required=factors.required(session, person, now=now),
        password_due=not provider and passwords.due(session, person, now=now),
    )


def _is_wall(session: Session, person: Person, now: dt.datetime) -> bool:
    from accounts.scope import viewer_for  # scope stands on models only; imported here to keep this module's load light

    viewer = viewer_for(session, person, now=now)
    return viewer.roles == frozenset({"wall"})


def _open_session(session: Session, token: str) -> SignInSession | None:
    return session.scalar(
        sa.select(SignInSession).where(
            SignInSession.token_hash == rules.token_hash(token), SignInSession.ended_at.is_(None)
        )
    )


def began_at_provider(session: Session, token: str | None) -> bool:
    """Whether the open session of this cookie began at an OpenID provider."""
    row = _open_session(session, token) if token else None
    return row is not None and row.provider


def sign_out(session: Session, token: str, *, now: dt.datetime) -> bool:
    """End the session of this cookie; returns whether it began at an OpenID provider."""
    row = _open_session(session, token)
    if row is not None:
        row.ended_at = now
        login = session.get_one(Person, row.person_id).login
        audit.record(session, verb="sign-out", object_name=f"person:{login}", now=now)
    return row is not None and row.provider


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
