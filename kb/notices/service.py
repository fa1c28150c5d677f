"""Verbs of notices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core import outbox
from core.errors import Conflict, Forbidden, Invalid, Stale
from core.events.kb import NoticeChanged, NoticePublished
from core.i18n import gettext as _
from kb.articles.rules import clean_list
from kb.notices import rights, rules
from kb.notices.models import Notice, NoticeCounter, NoticeReceipt, NoticeUnit
from kb.notices.states import NOTICE, Action, State
from kb.search import index
from web.filters import ZONE


@dataclass(frozen=True)
class Content:
    """What a notice says, to whom, and when. `units` are the roots of the subtrees it reaches."""

    title: str
    body: str
    units: tuple[int, ...]
    starts_at: dt.datetime
    ends_at: dt.datetime | None = None
    services: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()
    must_read: bool = False
    ticket: str | None = None

    def checked(self) -> Content:
        """Raises Invalid naming the first field that can't be."""
        if not self.title.strip():
            raise Invalid.of("title", _("请填写标题。"))
        if not self.body.strip():
            raise Invalid.of("body", _("请填写内容。"))
        if not self.units:
            raise Invalid.of("units", _("请至少选择一个发送到的单位。"))
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise Invalid.of("until", _("结束时间须晚于开始时间。"))
        return self


def create(session: Session, viewer: Viewer, *, content: Content, now: dt.datetime, publish: bool = False) -> Notice:
    """A new notice: a draft, or in force at once where the viewer may publish to all its units.

    Raises Forbidden, Invalid.
    """
    if not viewer.can("notice.write", "notice.publish"):
        raise Forbidden(_("您没有编写公告的权限。"))
    content.checked()
    notice = Notice(
        number=_next_number(session, now), state=State.DRAFT, unit_id=viewer.unit_id, author_id=viewer.person_id, version=1,
        confirm_from=1, created_at=now, updated_at=now, ended_by_ticket=False,
    )  # fmt: skip
    _write(notice, content)
    session.add(notice)
    session.flush()
    if publish:
        return act(session, viewer, notice, Action.PUBLISH, now=now)
    _changed(session, notice, "created", now)
    return notice


def revise(
    session: Session,
    viewer: Viewer,
    notice: Notice,
    *,
    content: Content,
    now: dt.datetime,
    base: int | None = None,
    confirm_again: bool = False,
) -> Notice:
    """Change a notice. `confirm_again`: receipts given so far no longer count. Raises Stale, Forbidden, Invalid."""
    rights.require(rights.may_edit(session, viewer, notice))
    if base is not None and base != notice.version:
        raise Stale(_("这条公告在您编辑期间已被他人修改，请刷新后再保存。"), latest=notice.version)
    content.checked()
    if notice.state is State.PUBLISHED:
        rights.require(rights.may_publish_to(session, viewer, content.units))
    _write(notice, content)
    notice.version += 1
    if confirm_again:
        notice.confirm_from = notice.version
    _changed(session, notice, "revised", now)
    return notice


def act(session: Session, viewer: Viewer, notice: Notice, action: Action, *, now: dt.datetime) -> Notice:
    """Do what the state table allows. Raises TransitionRefused, Forbidden, Conflict (its time is over)."""
    target = NOTICE.target(notice.state, action)
    rights.require(rights.may_do(session, viewer, notice, action))
    return _enter(session, notice, action, target, now)


def _enter(session: Session, notice: Notice, action: Action, target: State, now: dt.datetime) -> Notice:
    if target is State.PUBLISHED and notice.ends_at is not None and notice.ends_at <= now:
        raise Conflict(_("公告的结束时间已过，请先修改时间。"))
    notice.state = target
    notice.ended_at = now if target is State.ENDED else None
    notice.ended_by_ticket = False
    if action is Action.PUBLISH:
        notice.published_at = now
        outbox.record(session, NoticePublished(
            notice_id=notice.id, number=notice.number, title=notice.title, must_read=notice.must_read,
            unit_ids=[r.unit_id for r in notice.reaches], starts_at=notice.starts_at.isoformat(), ticket=notice.ticket,
        ), now=now)  # fmt: skip
    _changed(session, notice, str(action), now)
    return notice


def confirm(session: Session, viewer: Viewer, notice: Notice, *, now: dt.datetime) -> None:
    """The viewer has read it; a second time changes nothing but the version."""
    receipt = session.get(NoticeReceipt, (notice.id, viewer.person_id))
    if receipt is None:
        session.add(NoticeReceipt(notice_id=notice.id, person_id=viewer.person_id, read_at=now, version=notice.version))
    elif receipt.version < notice.confirm_from:
        receipt.read_at, receipt.version = now, notice.version
    session.flush()


def end_with_ticket(session: Session, ticket: str, *, now: dt.datetime) -> int:
    """What was said about a matter ends with it (K-04); returns how many notices."""
    live = session.scalars(
        sa.select(Notice).where(Notice.ticket == ticket, Notice.state == State.PUBLISHED).with_for_update()
    ).all()
    for notice in live:
        _enter(session, notice, Action.END, NOTICE.target(notice.state, Action.END), now)
        notice.ended_by_ticket = True
    return len(live)


def resume_with_ticket(session: Session, ticket: str, *, now: dt.datetime) -> int:
    """The matter came back, so do the notices that ended with it, while their time lasts; returns how many."""
    ended = session.scalars(
        sa.select(Notice)
        .where(Notice.ticket == ticket, Notice.state == State.ENDED, Notice.ended_by_ticket)
        .with_for_update()
    ).all()
    back = [n for n in ended if n.ends_at is None or n.ends_at > now]
    for notice in back:
        _enter(session, notice, Action.RESUME, NOTICE.target(notice.state, Action.RESUME), now)
    return len(back)


def end_overdue(session: Session, now: dt.datetime) -> int:
    """Notices whose time is over are ended, so that lists and figures say so; returns how many."""
    over = session.scalars(
        sa.select(Notice).where(Notice.state == State.PUBLISHED, Notice.ends_at <= now).limit(200)
    ).all()
    for notice in over:
        _enter(session, notice, Action.END, NOTICE.target(notice.state, Action.END), now)
    return len(over)


def _write(notice: Notice, content: Content) -> None:
    notice.title, notice.body = " ".join(content.title.split()), content.body.strip() + "\n"
    notice.starts_at, notice.ends_at, notice.must_read = content.starts_at, content.ends_at, content.must_read
    notice.services, notice.tags = list(dict.fromkeys(content.services)), clean_list(list(content.tags))
    notice.error_codes, notice.ticket = clean_list(list(content.error_codes)), content.ticket
    if {r.unit_id for r in notice.reaches} != set(content.units):
        notice.reaches = [NoticeUnit(unit_id=u) for u in sorted(set(content.units))]


def _next_number(session: Session, now: dt.datetime) -> str:
    year = now.astimezone(ZONE).year
    session.execute(sa.update(NoticeCounter).where(NoticeCounter.year == year).values(last=NoticeCounter.last + 1))
    last = session.scalar(sa.select(NoticeCounter.last).where(NoticeCounter.year == year))
    if last is None:
        return _first_number(session, year, now)
    return rules.number(year, last)


def _first_number(session: Session, year: int, now: dt.datetime) -> str:
    try:
        with session.begin_nested():
            session.execute(sa.insert(NoticeCounter), [{"year": year, "last": 1}])
    except sa.exc.IntegrityError:  # somebody else began the year
        return _next_number(session, now)
    return rules.number(year, 1)


def _changed(session: Session, notice: Notice, what: str, now: dt.datetime) -> None:
    notice.updated_at = now
    session.flush()
    index.touch(session, "notice", [notice.number], now=now)
    outbox.record(
        session, NoticeChanged(notice_id=notice.id, number=notice.number, state=str(notice.state), what=what), now=now
    )
