"""What the knowledge base tells people: an article waits for review, a notice was published."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import UnitClosure
from core.events import kb
from core.i18n import gettext as _
from escalation.notify.service import Message, tell
from web.live import Notice, hub

MOST_REVIEWERS = 10


def submitted(session: Session, event: kb.ArticleSubmitted, now: dt.datetime) -> None:
    """The nearest reviewers hear that an article waits for them."""
    reviewers = accounts.holders_of(session, "article.publish", event.unit_id, now=now)[:MOST_REVIEWERS]

    def words() -> tuple[str, str]:
        return _("待审核：%(title)s", title=event.title), _("知识 %(number)s 等待您审核发布。", number=event.number)

    message = Message(
        "mine", f"article:{event.number}:submitted:{int(now.timestamp())}", event.number, f"/kb/{event.number}", words
    )
    tell(session, message, [p.id for p in reviewers if not p.is_service], now=now, but=event.by_id)


def notice_published(session: Session, event: kb.NoticePublished, now: dt.datetime) -> None:
    """Open pages in the notice's units get a hint; a must-read one stays on everybody's home until it is confirmed."""
    if dt.datetime.fromisoformat(event.starts_at) > now:
        return
    below = session.scalars(sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(event.unit_ids)))
    audience = frozenset(f"at:{unit}" for unit in below)
    hub.publish(Notice("notice", event.number, audience, event.title, f"/notices/{event.number}"))
