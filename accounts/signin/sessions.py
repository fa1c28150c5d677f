"""The sessions of one person: which live, and ending one or all others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import Person, SignInSession
from accounts.signin import rules
from core.errors import NotFound
from core.i18n import gettext as _

SHOWN = 50


def living(session: Session, person_id: int, *, now: dt.datetime) -> Sequence[SignInSession]:
    """Sessions that still open something, the last used first; not those that idled away or never got in."""
    awake = sa.and_(SignInSession.last_seen_at > now - rules.IDLE, SignInSession.created_at > now - rules.LONGEST)
    return session.scalars(
        sa.select(SignInSession)
        .where(
            SignInSession.person_id == person_id,
            SignInSession.ended_at.is_(None),
            SignInSession.waiting_for.is_(None),
            sa.or_(SignInSession.endless, awake),
        )
        .order_by(SignInSession.last_seen_at.desc(), SignInSession.id.desc())
        .limit(SHOWN)
    ).all()


def end(session: Session, session_id: int, *, person_id: int, now: dt.datetime) -> None:
    """End one session of this person. Ending it twice changes nothing. Raises NotFound where it is not theirs."""
    row = session.get(SignInSession, session_id, with_for_update=True)
    if row is None or row.person_id != person_id:
        raise NotFound(_("没有这个登录，或已结束。"))
    if row.ended_at is None:
        row.ended_at = now
        name = f"person:{session.get_one(Person, person_id).login}"
        audit.record(session, verb="sessions-ended", object_name=name, after={"sessions": 1}, now=now)
