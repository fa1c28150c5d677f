"""Who may see, write and publish a notice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import UnitClosure
from accounts.scope import Viewer, covers, in_scope
from core.errors import Forbidden
from core.i18n import gettext as _
from kb.notices.models import Notice, NoticeUnit
from kb.notices.states import NOTICE, Action, State


def reaches(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Condition on Notice: it is meant for this viewer's unit."""
    above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == viewer.unit_id)
    return Notice.id.in_(sa.select(NoticeUnit.notice_id).where(NoticeUnit.unit_id.in_(above)))


def in_force(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Condition on Notice: published, begun, not over."""
    return sa.and_(
        Notice.state == State.PUBLISHED, Notice.starts_at <= now, sa.or_(Notice.ends_at.is_(None), Notice.ends_at > now)
    )


def visible(viewer: Viewer, now: dt.datetime) -> sa.ColumnElement[bool]:
    """Condition on Notice: what the viewer may read, also when it is over; not before it begins."""
    conditions: list[Any] = [writable(viewer)]
    if viewer.can("notice.read"):
        begun = sa.and_(Notice.state != State.DRAFT, Notice.published_at.is_not(None), Notice.starts_at <= now)
        conditions.append(sa.and_(begun, reaches(viewer)))
    return sa.or_(*conditions)


def writable(viewer: Viewer) -> sa.ColumnElement[bool]:
    """Condition on Notice: what the viewer may see in every state and change."""
    conditions: list[Any] = [in_scope(viewer, p, unit=Notice.unit_id) for p in ("notice.write", "notice.publish")]
    if viewer.can("notice.write"):
        conditions.append(Notice.author_id == viewer.person_id)
    return sa.or_(*conditions)


def may_publish_to(session: Session, viewer: Viewer, units: Collection[int]) -> bool:
    """Whether the viewer may publish to all these subtrees."""
    return bool(units) and all(covers(session, viewer, "notice.publish", unit_id=unit) for unit in units)


def may_edit(session: Session, viewer: Viewer, notice: Notice) -> bool:
    """Whether the viewer may change it: its writers while it is a draft, then those who may publish it."""
    if notice.state is State.DRAFT:
        own = notice.author_id == viewer.person_id and viewer.can("notice.write")
        return (
            own
            or covers(session, viewer, "notice.write", unit_id=notice.unit_id)
            or may_publish(session, viewer, notice)
        )
    return notice.state is State.PUBLISHED and may_publish(session, viewer, notice)


def may_publish(session: Session, viewer: Viewer, notice: Notice) -> bool:
    """Whether the viewer may put it into force and end it."""
    return may_publish_to(session, viewer, [r.unit_id for r in notice.reaches])


def may_follow(session: Session, viewer: Viewer, notice: Notice) -> bool:
    """Whether the viewer may see who has read it: its author and whoever may write for its unit."""
    if notice.author_id == viewer.person_id:
        return True
    return any(covers(session, viewer, p, unit_id=notice.unit_id) for p in ("notice.write", "notice.publish"))


def may_do(session: Session, viewer: Viewer, notice: Notice, action: Action) -> bool:
    """Whether the viewer may do what the state table lists."""
    if action is Action.DISCARD:
        return may_edit(session, viewer, notice)
    return may_publish(session, viewer, notice)


def actions(session: Session, viewer: Viewer, notice: Notice) -> list[Action]:
    """The buttons."""
    return [a for a in NOTICE.allowed(notice.state) if may_do(session, viewer, notice, a)]


def require(allowed: bool) -> None:
    """Raises Forbidden, saying whose turn it is."""
    if not allowed:
        raise Forbidden(_("这一步由负责该范围的审核人完成。"))
