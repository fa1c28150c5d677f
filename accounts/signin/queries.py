"""Who is behind a cookie or a token."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import ApiToken, Person, SignInSession
from accounts.signin import rules

AT_ONCE = 500


def by_cookie(session: Session, token: str, *, now: dt.datetime) -> tuple[SignInSession, Person] | None:
    """The living session of this cookie and its person; not one that still waits for something."""
    return by_cookies(session, [token], now=now).get(token)


def by_cookies(session: Session, tokens: Sequence[str], *, now: dt.datetime) -> dict[str, tuple[SignInSession, Person]]:
    """The same for many cookies, in one statement for five hundred; those without such a session are left out."""
    by_hash = {rules.token_hash(token): token for token in tokens}
    hashes = list(by_hash)
    found: dict[str, tuple[SignInSession, Person]] = {}
    for first in range(0, len(hashes), AT_ONCE):
        for one, person in session.execute(_in(hashes[first : first + AT_ONCE], SignInSession.waiting_for.is_(None))):
            over = rules.session_over(one.created_at, one.last_seen_at, endless=one.endless, now=now)
            if person.active and not over:
                found[by_hash[one.token_hash]] = one, person
    return found


def waiting(session: Session, token: str, *, now: dt.datetime) -> tuple[SignInSession, Person] | None:
    """The session of this cookie that has shown the password and waits for more, and its person."""
    row = _session_of(session, token, SignInSession.waiting_for.is_not(None))
    if row is None or not row[1].active or now - row[0].created_at >= rules.HALFWAY:
        return None
    return row


def _session_of(session: Session, token: str, condition: sa.ColumnElement[bool]) -> tuple[SignInSession, Person] | None:
    row = session.execute(_in([rules.token_hash(token)], condition)).one_or_none()
    return (row[0], row[1]) if row is not None else None


def _in(hashes: Sequence[str], condition: sa.ColumnElement[bool]) -> sa.Select[SignInSession, Person]:
    return (
        sa.select(SignInSession, Person)
        .join(Person, Person.id == SignInSession.person_id)
        .where(SignInSession.token_hash.in_(hashes), SignInSession.ended_at.is_(None), condition)
    )


def by_token(session: Session, token: str, *, now: dt.datetime) -> tuple[ApiToken, Person] | None:
    """The valid API token and the person it speaks for."""
    row = session.execute(
        sa.select(ApiToken, Person)
        .join(Person, Person.id == ApiToken.person_id)
        .where(ApiToken.token_hash == rules.token_hash(token), ApiToken.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    found, person = row
    if not person.active or (found.expires_at is not None and found.expires_at <= now):
        return None
    return found, person
