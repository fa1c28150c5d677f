"""A heartbeat is a check fed by beats: a beat is an OK result, a miss a CRITICAL one, hard at once.

So a miss opens exactly one alert, and the next beat closes it in its own transaction (M-16).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from cmdb.models import Item
from core.errors import NotFound
from core.i18n import gettext as _
from monitor import intake
from monitor.checks import pollers
from monitor.checks import service as checks
from monitor.models import Check, Heartbeat
from monitor.states import State

TYPE = "heartbeat"
_AT_ONCE = 500


def token_hash(token: str) -> str:
    """What is kept of a token; it is random, so a fast hash is right."""
    return hashlib.sha256(token.encode()).hexdigest()


def url_of(token: str, base_url: str) -> str:
    """Where to beat."""
    return f"{base_url}/heartbeat/{token}"


def create(
    session: Session, item: Item, *, name: str, period_s: int, grace_s: int, now: dt.datetime
) -> tuple[Heartbeat, str]:
    """A new heartbeat of `item` and its token, which is told this once. The first beat is due after a period."""
    wanted = checks.Definition(
        name=name, type=TYPE, params={}, active=False, interval_s=period_s, max_attempts=1, freshness_s=0
    )
    check = checks.create(session, item, wanted, now=now)
    token = secrets.token_urlsafe(24)
    heartbeat = Heartbeat(
        check=check,
        token_hash=token_hash(token),
        period_s=period_s,
        grace_s=grace_s,
        due_at=now + dt.timedelta(seconds=period_s + grace_s),
    )
    session.add(heartbeat)
    session.flush()
    return heartbeat, token


def beat(session: Session, token: str, *, now: dt.datetime) -> Heartbeat:
    """Somebody beats. Raises NotFound for a token that is none."""
    found = session.scalar(
        sa.select(Heartbeat)
        .join(Check, Check.id == Heartbeat.check_id)
        .where(Heartbeat.token_hash == token_hash(token), Check.retired_at.is_(None))
        .options(joinedload(Heartbeat.check))
        .with_for_update(of=Heartbeat)
    )
    if found is None:
        raise NotFound(_("没有这个心跳地址。"))
    found.last_beat_at, found.missed_at = now, None
    found.due_at = now + dt.timedelta(seconds=found.period_s + found.grace_s)
    _result(session, found, State.OK, _("收到心跳"), now)
    return found


def of_check(session: Session, check_id: int) -> Heartbeat | None:
    """The heartbeat that feeds a check, if one does."""
    return session.scalar(sa.select(Heartbeat).where(Heartbeat.check_id == check_id))


def miss(session: Session, *, now: dt.datetime) -> int:
    """Notice the beats that did not come; returns how many.

    While the program was off nobody could beat: after its start each gets its whole period and grace once more.
    """
    waiting = [Heartbeat.due_at < now, Heartbeat.missed_at.is_(None), Check.retired_at.is_(None)]
    if (since := pollers.listening_since(session)) is not None:
        waiting.append(Heartbeat.period_s + Heartbeat.grace_s < int((now - since).total_seconds()))
    late = session.scalars(
        sa.select(Heartbeat)
        .join(Check, Check.id == Heartbeat.check_id)
        .where(*waiting)
        .limit(_AT_ONCE)
        .with_for_update(of=Heartbeat, skip_locked=True)
    ).all()
    for heartbeat in late:
        heartbeat.missed_at = now
        text = _("超过 %(n)s 秒没有收到心跳", n=heartbeat.period_s + heartbeat.grace_s)
        _result(session, heartbeat, State.CRITICAL, text, now)
    return len(late)


def _result(session: Session, heartbeat: Heartbeat, state: State, output: str, now: dt.datetime) -> None:
    intake.take(session, [intake.Result(heartbeat.check_id, now, state, output)], store=None, now=now)
