"""Who is behind a cookie or a token."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import ApiToken, Person, SignInSession
from accounts.signin import rules


def by_cookie(session: Session, token: str, *, now: dt.datetime) -> tuple[SignInSession, Person] | None:
    """The living session of this cookie and its person; not one that still waits for something."""
    row = _session_of(session, token, SignInSession.waiting_for.is_(None))
    if row is None:
        return None
    found, person = row
    if not person.active or rules.session_over(found.created_at, found.last_seen_at, endless=found.endless, now=now):
        return None
    return found, person


def waiting(session: Session, token: str, *, now: dt.datetime) -> tuple[SignInSession, Person] | None:
    """The session of this cookie that has shown the password and waits for more, and its person."""
    row = _session_of(session, token, SignInSession.waiting_for.is_not(None))
    if row is None or not row[1].active or now - row[0].created_at >= rules.HALFWAY:
        return None
    return row


def _session_of(session: Session, token: str, condition: sa.ColumnElement[bool]) -> tuple[SignInSession, Person] | None:
    row = session.execute(
        sa.select(SignInSession, Person)
        .join(Person, Person.id == SignInSession.person_id)
        .where(SignInSession.token_hash == rules.token_hash(token), SignInSession.ended_at.is_(None), condition)
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


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
