"""Failures in a row of one login: passwords and second factors alike. They lock it for a growing while."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import SignInFailure
from accounts.signin import rules
from core.i18n import gettext as _


@dataclass(frozen=True)
class SignInFailed(Exception):
    """Wrong login, password or code, or locked; neither the message nor the delay tells which logins exist."""

    message: str
    retry_after: int | None = None
    away: bool = False  # nothing was judged: the directory could not be asked


def of(session: Session, counted_as: str) -> SignInFailure | None:
    """The count of this login, held until we commit: others who fail at the same moment wait."""
    return session.get(SignInFailure, counted_as, with_for_update=True)


def locked(failure: SignInFailure, now: dt.datetime) -> SignInFailed | None:
    """What to tell while the login is locked, with the seconds to wait; None where it is not."""
    if failure.locked_until is None or failure.locked_until <= now:
        return None
    wait = int((failure.locked_until - now).total_seconds()) + 1
    return SignInFailed(_("连续输错次数过多，请 %(n)d 分钟后再试。", n=-(-wait // 60)), wait)


def count(session: Session, failure: SignInFailure | None, counted_as: str, now: dt.datetime) -> None:
    """One more; from the fifth on the login is locked."""
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


def forget(session: Session, login: str) -> None:
    """The person is in: the count begins anew."""
    session.execute(sa.delete(SignInFailure).where(SignInFailure.login == login))


def forget_old(session: Session, *, now: dt.datetime) -> int:
    """Drop counts nobody added to for a day; returns how many."""
    old = SignInFailure.last_at < now - rules.FORGET_FAILURES
    return int(getattr(session.execute(sa.delete(SignInFailure).where(old)), "rowcount", 0))
