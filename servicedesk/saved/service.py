"""Verbs on saved filters. None commits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Team
from accounts.scope import Viewer
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from servicedesk.saved import queries
from servicedesk.saved.models import FilterChoice, SavedFilter
from servicedesk.tickets.schemas import TicketQuery

MOST = 30
"""Filters of one person, and of one team."""
NOT_KEPT = {"cursor", "limit"}


def get(session: Session, viewer: Viewer, filter_id: int, *, deleted: bool = False) -> SavedFilter:
    """The filter of that id, if the viewer sees it (`deleted`: one they may bring back); else NotFound."""
    row = session.scalar(sa.select(SavedFilter).where(SavedFilter.id == filter_id, queries.seen_by(viewer)))
    if row is None or (row.deleted_at is not None) is not deleted:
        raise NotFound(_("没有这个筛选，或您无权查看。"))
    return row


def for_change(session: Session, viewer: Viewer, filter_id: int, *, deleted: bool = False) -> SavedFilter:
    """The same, to change it; Forbidden where it is the team's and the viewer does not lead it."""
    row = get(session, viewer, filter_id, deleted=deleted)
    if not queries.changeable(row, viewer):
        raise Forbidden(_("共享给班组的筛选由班组负责人修改。"))
    return row


def save(
    session: Session, viewer: Viewer, *, name: str, query: TicketQuery, team: Team | None, now: dt.datetime
) -> SavedFilter:
    """Keep a filter under a name, for oneself or for a team one leads. Raises Invalid naming the field."""
    if team is not None and team.head_id != viewer.person_id:
        raise Invalid.of("team", _("只能共享给您负责的班组。"))
    row = SavedFilter(
        owner_id=viewer.person_id, team_id=team.id if team else None, name=name, query=kept(query), created_at=now
    )
    row.team = team
    _refuse_too_many(session, row)
    _refuse_same_name(session, row)
    session.add(row)
    session.flush()
    return row


def kept(query: TicketQuery) -> dict[str, Any]:
    """What of a query is stored; raises Invalid where nothing narrows the list."""
    given = query.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude=NOT_KEPT)
    given = {name: value for name, value in given.items() if value not in ("", [])}
    if not given:
        raise Invalid.of("query", _("没有任何筛选条件，不需要保存。"))
    return given


def _beside(row: SavedFilter) -> sa.ColumnElement[bool]:
    """The live filters of the same person, or of the same team."""
    same = (
        sa.and_(SavedFilter.team_id.is_(None), SavedFilter.owner_id == row.owner_id)
        if row.team_id is None
        else SavedFilter.team_id == row.team_id
    )
    return sa.and_(same, SavedFilter.deleted_at.is_(None))


def _refuse_too_many(session: Session, row: SavedFilter) -> None:
    if (session.scalar(sa.select(sa.func.count()).select_from(SavedFilter).where(_beside(row))) or 0) >= MOST:
        raise Invalid.of("name", _("最多保存 %(n)s 个筛选，请先删除不用的。", n=MOST))


def _refuse_same_name(session: Session, row: SavedFilter) -> None:
    same = sa.select(SavedFilter.id).where(_beside(row), SavedFilter.name == row.name)
    if row.id is not None:
        same = same.where(SavedFilter.id != row.id)
    if session.scalar(same.limit(1)) is not None:
        raise Invalid.of("name", _("已有名为“%(name)s”的筛选。", name=row.name))


def change(session: Session, row: SavedFilter, *, name: str | None, query: TicketQuery | None) -> SavedFilter:
    """Give it another name, other conditions, or both."""
    with session.no_autoflush:
        if name is not None:
            row.name = name
            _refuse_same_name(session, row)
        if query is not None:
            row.query = kept(query)
    return row


def delete(row: SavedFilter, *, now: dt.datetime) -> None:
    """Take it out of everybody's list."""
    row.deleted_at = now


def restore(session: Session, row: SavedFilter) -> SavedFilter:
    """Undo that. Raises Invalid where its name or its place has been taken meanwhile."""
    _refuse_too_many(session, row)
    _refuse_same_name(session, row)
    row.deleted_at = None
    return row


def _choice(session: Session, viewer: Viewer) -> FilterChoice:
    choice = session.get(FilterChoice, viewer.person_id, with_for_update=True)
    if choice is None:
        choice = FilterChoice(person_id=viewer.person_id, order=[], default=None)
        session.add(choice)
    return choice


def set_default(session: Session, viewer: Viewer, key: str | None) -> None:
    """What the viewer's list opens with; None: everything. Raises Invalid for a key they do not see."""
    if key is not None and key not in {entry.key for entry in queries.entries(session, viewer)}:
        raise Invalid.of("default", _("没有这个筛选，或您无权查看。"))
    _choice(session, viewer).default = key


def set_order(session: Session, viewer: Viewer, keys: Sequence[str]) -> None:
    """The viewer's own order; what is not named comes after. Raises Invalid for a key they do not see, or twice."""
    known = {entry.key for entry in queries.entries(session, viewer)}
    if len(set(keys)) != len(keys) or not set(keys) <= known:
        raise Invalid.of("order", _("顺序里有重复的或您看不到的筛选。"))
    _choice(session, viewer).order = list(keys)


def move(session: Session, viewer: Viewer, key: str, *, by: int) -> None:
    """One place forward (-1) or back (+1)."""
    keys = [entry.key for entry in queries.entries(session, viewer)]
    if key not in keys:
        raise Invalid.of("order", _("没有这个筛选，或您无权查看。"))
    place = keys.index(key)
    keys.insert(min(max(0, place + by), len(keys) - 1), keys.pop(place))
    _choice(session, viewer).order = keys
