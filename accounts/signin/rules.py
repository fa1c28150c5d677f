"""Pure rules of signing in (policies.md, "People")."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets

IDLE = dt.timedelta(minutes=30)
LONGEST = dt.timedelta(hours=12)
HALFWAY = dt.timedelta(minutes=15)  # between the password and what else is asked
LOCK_FROM = 5
FIRST_LOCK = dt.timedelta(minutes=1)
FORGET_FAILURES = dt.timedelta(days=1)
LONGEST_LOCK = dt.timedelta(minutes=15)
TOUCH_EVERY = dt.timedelta(seconds=60)
TOKEN_PREFIX = "txo_"  # noqa: S105  not a secret: it lets scanners recognise ours


def lock_for(failures: int) -> dt.timedelta | None:
    """How long the account is locked after so many failures in a row: from the fifth on, doubling, at most 15 minutes."""
    if failures < LOCK_FROM:
        return None
    doublings: int = min(10, failures - LOCK_FROM)
    return min(LONGEST_LOCK, FIRST_LOCK * (1 << doublings))


def session_over(created_at: dt.datetime, last_seen_at: dt.datetime, *, endless: bool, now: dt.datetime) -> bool:
    """Whether a session has ended: 30 minutes idle, 12 hours at most; the wall's does not end."""
    if endless:
        return False
    return now - last_seen_at >= IDLE or now - created_at >= LONGEST


def new_token() -> str:
    """256 random bits; only the hash is ever stored."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """A fast hash is right for random tokens; only passwords need a slow one."""
    return hashlib.sha256(token.encode()).hexdigest()


def blurred(typed: str, secret: str) -> str:
    """What stands for a login that nobody has, in 64 letters. People type passwords there, and those are guessed from a
    plain hash: so it takes the installation's secret."""
    return hmac.new(secret.encode(), typed.encode(), hashlib.sha256).hexdigest()
