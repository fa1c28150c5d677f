"""Reads of notices and of who has read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from accounts.models import Person, Unit, UnitClosure, UnitLevel
from accounts.scope import Viewer
from core.errors import NotFound
from core.i18n import gettext as _
from kb.notices import rights
from kb.notices.models import Notice, NoticeReceipt, NoticeUnit
from kb.notices.states import State
from web.paging import Key, Page, page

_WITH = (joinedload(Notice.author), joinedload(Notice.unit), selectinload(Notice.reaches).joinedload(NoticeUnit.unit))


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to. `active`: in force now (True), not in force (False), both (None)."""

    active: bool | None = None
    state: State | None = None
    must_read: bool | None = None
    ticket: str | None = None
    service: int | None = None
    text: str | None = None
    mine: bool = False


def get(session: Session, viewer: Viewer, number: str, *, now: dt.datetime, lock: bool = False) -> Notice:
    """The notice of this number; raises NotFound where the viewer may not know of it."""
    statement = sa.select(Notice).where(Notice.number == number.upper(), rights.visible(viewer, now))
    statement = statement.with_for_update(of=Notice) if lock else statement.options(*_WITH)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(_("没有这条公告，或它不是发给您的。"))
    return found


def find(
    session: Session, viewer: Viewer, wanted: Filter, *, now: dt.datetime, cursor: str | None, limit: int
) -> Page[Notice]:
    """A list, the latest change first."""
    statement = (
        sa.select(Notice).options(*_WITH).where(rights.writable(viewer) if wanted.mine else rights.visible(viewer, now))
    )
    if wanted.active is not None:
        statement = statement.where(rights.in_force(now) if wanted.active else ~rights.in_force(now))
    if wanted.state is not None:
        statement = statement.where(Notice.state == wanted.state)
    if wanted.must_read is not None:
        statement = statement.where(Notice.must_read == wanted.must_read)
    if wanted.ticket is not None:
        statement = statement.where(Notice.ticket == wanted.ticket)
    for word in (wanted.text or "").split():
        statement = statement.where(
            sa.or_(*(c.icontains(word, autoescape=True) for c in (Notice.number, Notice.title, Notice.body)))
        )
    keys = [Key(Notice.updated_at, descending=True), Key(Notice.id, descending=True)]
    found = page(session, statement, keys, cursor=cursor, limit=limit)
    if wanted.service is not None:
        return Page([n for n in found.items if wanted.service in n.services], found.next)
    return found


def in_force(session: Session, viewer: Viewer, *, now: dt.datetime, limit: int = 20) -> list[Notice]:
    """What concerns the viewer's own unit now: must-read ones first, then the latest."""
    statement = (
        sa.select(Notice).options(*_WITH).where(rights.in_force(now), rights.reaches(viewer))
        .order_by(Notice.must_read.desc(), Notice.starts_at.desc(), Notice.id.desc()).limit(limit)
    )  # fmt: skip
    return list(session.scalars(statement)) if viewer.can("notice.read", "notice.write") else []


def readable_numbers(session: Session, viewer: Viewer, numbers: Collection[str], now: dt.datetime) -> set[str]:
    """Those that the viewer may read."""
    return set(session.scalars(sa.select(Notice.number).where(Notice.number.in_(numbers), rights.visible(viewer, now))))


def confirmed(session: Session, viewer: Viewer, notices: Collection[Notice]) -> set[int]:
    """Ids of those the viewer confirmed having read, at a version that counts."""
    rows = session.scalars(
        sa.select(NoticeReceipt.notice_id).join(Notice, Notice.id == NoticeReceipt.notice_id)
        .where(NoticeReceipt.person_id == viewer.person_id, NoticeReceipt.notice_id.in_([n.id for n in notices]),
               NoticeReceipt.version >= Notice.confirm_from)
    )  # fmt: skip
    return set(rows)


@dataclass(frozen=True)
class Receipt:
    """One person a must-read notice reaches; `read_at` is None while it was not confirmed."""

    person: Person
    unit: Unit
    read_at: dt.datetime | None


def _reached(notice: Notice) -> sa.ColumnElement[bool]:
    units = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_([r.unit_id for r in notice.reaches]))
    return sa.and_(Person.unit_id.in_(units), Person.active, ~Person.is_service, Unit.level != UnitLevel.VENDOR)


def _receipt_of(notice: Notice) -> sa.ColumnElement[bool]:
    return sa.and_(
        NoticeReceipt.person_id == Person.id,
        NoticeReceipt.notice_id == notice.id,
        NoticeReceipt.version >= notice.confirm_from,
    )


def receipts(
    session: Session, notice: Notice, *, read: bool | None, unit_id: int | None, cursor: str | None, limit: int
) -> Page[Receipt]:
    """Whom it reaches, by unit and login; `read` narrows to those who confirmed, or who did not."""
    statement: Any = (
        sa.select(Person, Unit, NoticeReceipt.read_at).join(Unit, Unit.id == Person.unit_id)
        .outerjoin(NoticeReceipt, _receipt_of(notice)).where(_reached(notice))
    )  # fmt: skip
    if read is not None:
        statement = statement.where(NoticeReceipt.person_id.is_not(None) if read else NoticeReceipt.person_id.is_(None))
    if unit_id is not None:
        below = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id == unit_id)
        statement = statement.where(Person.unit_id.in_(below))
    keys = [Key(Unit.code), Key(Person.login)]
    found = page(session, statement, keys, cursor=cursor, limit=limit, scalars=False)
    return Page([Receipt(*row) for row in found.items], found.next)


@dataclass(frozen=True)
class UnitCount:
    """How many people of one subtree have read."""

    unit: Unit
    reached: int
    read: int


def counts(session: Session, notice: Notice) -> tuple[int, int]:
    """(confirmed, reached) of the whole notice."""
    statement = (
        sa.select(sa.func.count(NoticeReceipt.person_id), sa.func.count(Person.id)).select_from(Person)
        .join(Unit, Unit.id == Person.unit_id).outerjoin(NoticeReceipt, _receipt_of(notice)).where(_reached(notice))
    )  # fmt: skip
    row: Any = session.execute(statement).one()
    return int(row[0]), int(row[1])


def by_unit(session: Session, notice: Notice) -> list[UnitCount]:
    """The same for each city (for a province's notice) or each unit directly below what it reaches, the worst first."""
    roots = [r.unit_id for r in notice.reaches]
    parts = sa.select(UnitClosure.descendant_id).where(UnitClosure.ancestor_id.in_(roots), UnitClosure.depth == 1)
    part = sa.orm.aliased(Unit)
    below = sa.orm.aliased(UnitClosure)
    statement = (
        sa.select(part.id, sa.func.count(Person.id), sa.func.count(NoticeReceipt.person_id)).select_from(part)
        .join(below, below.ancestor_id == part.id).join(Person, Person.unit_id == below.descendant_id)
        .join(Unit, Unit.id == Person.unit_id).outerjoin(NoticeReceipt, _receipt_of(notice))
        .where(part.id.in_(parts), Person.active, ~Person.is_service).group_by(part.id)
    )  # fmt: skip
    figures = session.execute(statement).all()
    units = {u.id: u for u in session.scalars(sa.select(Unit).where(Unit.id.in_([row[0] for row in figures])))}
    rows = [UnitCount(units[i], reached, read) for i, reached, read in figures]
    return sorted(rows, key=lambda c: (c.read / max(1, c.reached), c.unit.code))
