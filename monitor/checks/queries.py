"""Reads of checks; each takes the viewer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, contains_eager, selectinload

from accounts.models import Unit
from accounts.scope import Viewer
from cmdb.models import Item
from cmdb.queries import visible as items_visible
from core.errors import NotFound
from core.i18n import gettext as _
from monitor import rules
from monitor.models import Check, CheckState, Poller, StateChange
from monitor.schemas import CheckQuery
from monitor.states import State
from web.paging import Key, Page, page


def admitted(viewer: Viewer, permission: str) -> sa.ColumnElement[bool]:
    """The condition on Check joined with Item: the item is one the viewer holds `permission` on."""
    return items_visible(viewer, permission)


def may_write(session: Session, viewer: Viewer, item_id: int) -> bool:
    """Whether the viewer may make and change checks of this item."""
    mine = sa.select(Item.id).where(Item.id == item_id, admitted(viewer, "check.write"))
    return session.scalar(mine) is not None


def visible(viewer: Viewer, permission: str = "check.read") -> sa.Select[Check]:
    """Checks the viewer may see, with their states."""
    return (
        sa.select(Check)
        .join(Item, Item.id == Check.item_id)
        .join(Check.standing)
        .options(contains_eager(Check.standing), selectinload(Check.parents))
        .where(admitted(viewer, permission))
    )


def one(session: Session, viewer: Viewer, check_id: int, permission: str = "check.read") -> Check:
    """The check of that id. Raises NotFound where there is none for this viewer."""
    found = session.scalar(visible(viewer, permission).where(Check.id == check_id))
    if found is None:
        raise NotFound(_("没有这个监控项，或您无权查看。"))
    return found


def listing(session: Session, viewer: Viewer, query: CheckQuery, *, now: dt.datetime) -> Page[Check]:
    """A page of checks, oldest first."""
    statement = visible(viewer)
    if not query.retired:
        statement = statement.where(Check.retired_at.is_(None))
    statement = statement.where(*_conditions(query, now))
    return page(session, statement, [Key(Check.id)], cursor=query.cursor, limit=query.limit)


def _like(text: str) -> sa.ColumnElement[bool]:
    like = f"%{_escaped(text)}%"
    columns = (Check.name, Check.type, Check.target, Item.name, CheckState.output)
    return sa.or_(*(column.ilike(like, escape="\\") for column in columns))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_FILTERS: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "item": lambda v: Check.item_id == v,
    "type": lambda v: Check.type == v,
    "unit": lambda v: Item.unit_id == sa.select(Unit.id).where(Unit.code == v).scalar_subquery(),
    "kind": lambda v: CheckState.kind == v,
    "active": lambda v: Check.active == v,
    "poller": lambda v: Check.poller_id == sa.select(Poller.id).where(Poller.name == v).scalar_subquery(),
    "q": _like,
}


def _conditions(query: CheckQuery, now: dt.datetime) -> list[sa.ColumnElement[bool]]:
    given = {name: getattr(query, name) for name in _FILTERS}
    found = [_FILTERS[name](value) for name, value in given.items() if value not in (None, "")]
    return [*found, in_state(query.state, now)] if query.state is not None else found


def in_state(state: State, now: dt.datetime) -> sa.ColumnElement[bool]:
    """The condition on CheckState that its effective state is `state` (M-09)."""
    silent = sa.or_(CheckState.state.is_(None), sa.and_(CheckState.stale_at.is_not(None), CheckState.stale_at < now))
    return silent if state is State.NODATA else sa.and_(sa.not_(silent), CheckState.state == state)


def effective(check: Check, now: dt.datetime) -> State:
    """What may be claimed of a check now."""
    return rules.effective_state(check.standing.standing(), freshness=dt.timedelta(seconds=check.freshness_s), now=now)


def of_item(session: Session, viewer: Viewer, item_id: int) -> Sequence[Check]:
    """The checks of an item, those still in use."""
    statement = visible(viewer).where(Check.item_id == item_id, Check.retired_at.is_(None)).order_by(Check.id)
    return session.scalars(statement).all()


def changes(session: Session, check_id: int, *, since: dt.datetime, until: dt.datetime) -> list[StateChange]:
    """State changes from `since` on, led by the one in force at `since`; call `one` first, which knows the viewer."""
    mine = sa.select(StateChange).where(StateChange.check_id == check_id)
    led = session.scalar(
        mine.where(StateChange.at < since).order_by(StateChange.at.desc(), StateChange.id.desc()).limit(1)
    )
    rest = session.scalars(
        mine.where(StateChange.at >= since, StateChange.at < until).order_by(StateChange.at, StateChange.id).limit(2000)
    )
    return [*([led] if led is not None else []), *rest]


def poller_names(session: Session, ids: set[int]) -> dict[int, str]:
    """Names of pollers by id."""
    if not ids:
        return {}
    rows = session.execute(sa.select(Poller.id, Poller.name).where(Poller.id.in_(sorted(ids))))
    return {row.id: row.name for row in rows}
