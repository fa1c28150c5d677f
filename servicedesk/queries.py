"""Reads of tickets, always through the viewer's scope."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.models import Person, Team, Unit
from accounts.scope import Viewer, subtree
from kb.search.engine import SearchEngine
from servicedesk.clocks import queries as clocks
from servicedesk.clocks.models import ClockRow
from servicedesk.clocks.rules import ClockState
from servicedesk.custody.rules import Line
from servicedesk.finding import NEWEST_FIRST, Words
from servicedesk.tickets import access
from servicedesk.tickets.models import UNFINISHED, Source, Ticket, TicketEpisode, above_none
from servicedesk.tickets.states import FINISHED, Kind, State
from web.paging import Page, page

WITH = (
    joinedload(Ticket.unit),
    joinedload(Ticket.team),
    joinedload(Ticket.holder),
    joinedload(Ticket.reporter),
    joinedload(Ticket.parent).load_only(Ticket.number),
)
TIMES: Mapping[str, Any] = {
    "due_at": Ticket.next_due_at,
    "opened_at": Ticket.opened_at,
    "resolved_at": Ticket.resolved_at,
    "closed_at": Ticket.closed_at,
    "planned_start": Ticket.planned_start,
    "planned_end": Ticket.planned_end,
    "actual_start": Ticket.actual_start,
    "actual_end": Ticket.actual_end,
}
COMPARED: Mapping[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    "==": operator.eq,
    ">=": operator.ge,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; None or empty means all. `unit` takes the subtree, `open` leaves out what is done."""

    kinds: tuple[Kind, ...] = ()
    states: tuple[State, ...] = ()
    category: str | None = None
    service_id: int | None = None
    item_id: int | None = None
    urgency: int | None = None
    impact: int | None = None
    priority: int | None = None
    reporter: str | None = None
    holder: str | None = None
    unit: str | None = None
    team: str | None = None
    lines: tuple[Line, ...] = ()
    source: Source | None = None
    major: bool | None = None
    parent: str | None = None
    open: bool | None = None
    overdue: bool | None = None
    accepted: bool | None = None
    returned: bool | None = None
    urged: bool | None = None
    reopened: bool | None = None
    rated: bool | None = None
    number: str | None = None
    title: str | None = None
    description: str | None = None
    clocks: tuple[ClockState, ...] = ()  # with a clock that stands so
    change_item: int | None = None  # changes that touch this item
    times: tuple[tuple[str, str, dt.datetime], ...] = ()  # column of TIMES, comparison of COMPARED, instant
    held_by: int | None = None  # a person's id
    of_teams: frozenset[int] | None = None  # ids; an empty one finds nothing
    due_within: dt.timedelta | None = None  # the next clock ends between now and then
    text: str | None = None


@dataclass(frozen=True)
class Found(Page[Ticket]):
    """A page of a list. With words it may be short and yet go on: `next` tells from where.

    `indexed`: words were looked for in the search index; else in the rows between this cursor and the next.
    """

    indexed: bool = True


SLICES = 3
"""How often a page asks where its words are before it is handed out short."""


def find(
    session: Session,
    viewer: Viewer,
    wanted: Filter,
    *,
    cursor: str | None,
    limit: int,
    now: dt.datetime,
    engine: SearchEngine | None = None,
) -> Found:
    """A page of what the viewer may see, newest first. `engine`: the index that knows where words are."""
    rows = partial(_seen_and_narrowed, viewer, wanted, now)
    statement = rows(sa.select(Ticket).options(*WITH))
    if not wanted.text:
        found = page(session, statement, NEWEST_FIRST, cursor=cursor, limit=limit)
        return Found(found.items, found.next)
    items: list[Ticket] = []
    indexed = True
    for some in islice(Words(session, viewer, wanted.text, rows, engine).slices(cursor), SLICES):
        found = page(session, statement.where(some.condition), NEWEST_FIRST, cursor=cursor, limit=limit - len(items))
        items, indexed = items + found.items, indexed and some.indexed
        cursor = found.next or some.until
        if cursor is None or len(items) == limit or not indexed:
            break
    return Found(items, cursor, indexed)


def count(
    session: Session, viewer: Viewer, wanted: Filter, *, now: dt.datetime, most: int, engine: SearchEngine | None = None
) -> int | None:
    """How many there are, counted no further than `most`; None where words would have to be looked for too far."""
    rows = partial(_seen_and_narrowed, viewer, wanted, now)
    some = rows(sa.select(sa.literal(1)).select_from(Ticket))
    if not wanted.text:
        return _counted(session, some, most)
    number = 0
    for each in islice(Words(session, viewer, wanted.text, rows, engine).slices(), SLICES):
        number += _counted(session, some.where(each.condition), most - number)
        if number >= most or each.until is None:
            return number
        if not each.indexed:
            break
    return None


def _counted(session: Session, some: Any, most: int) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(some.limit(most).subquery())) or 0


def first_numbers(
    session: Session, viewer: Viewer, wanted: Filter, *, now: dt.datetime, most: int, engine: SearchEngine | None = None
) -> list[str]:
    """The numbers of the newest ones, at most `most`; however far that is."""
    rows = partial(_seen_and_narrowed, viewer, wanted, now)
    some = rows(sa.select(Ticket.number)).order_by(Ticket.opened_at.desc(), Ticket.id.desc())
    if not wanted.text:
        return list(session.scalars(some.limit(most)))
    found: list[str] = []
    for each in Words(session, viewer, wanted.text, rows, engine).slices():
        found += session.scalars(some.where(each.condition).limit(most - len(found)))
        if len(found) >= most:
            break
    return found


def _seen_and_narrowed(viewer: Viewer, wanted: Filter, now: dt.datetime, statement: Any) -> Any:
    return narrowed(statement.where(access.visible(viewer)), wanted, now=now)


def narrowed(statement: Any, wanted: Filter, *, now: dt.datetime) -> Any:
    """`statement` with the filter's conditions; what its text asks for is found by servicedesk/finding.py."""
    return statement.where(*_plain(wanted), *_by_history(wanted), *_by_name(wanted), *_by_time(wanted, now))


def _plain(wanted: Filter) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.kinds:
        yield Ticket.kind.in_(wanted.kinds)
    if wanted.states:
        yield Ticket.state.in_(wanted.states)
    if wanted.lines:  # of those that are open it is asked one after another: they are few, and a vendor's line is long
        line = sa.func.coalesce(Ticket.line, "") if wanted.open else Ticket.line
        yield line.in_([str(each) for each in wanted.lines])
    same: tuple[tuple[Any, Any], ...] = (
        (Ticket.number, wanted.number),
        (Ticket.title, wanted.title),
        (Ticket.description, wanted.description),
        (Ticket.category, wanted.category),
        (Ticket.service_id, wanted.service_id),
        (Ticket.item_id, wanted.item_id),
        (Ticket.urgency, wanted.urgency),
        (Ticket.impact, wanted.impact),
        (Ticket.priority, wanted.priority),
        (Ticket.source, wanted.source),
        (Ticket.major, wanted.major),
    )
    for column, value in same:
        if value is not None:
            yield column == value
    if wanted.change_item is not None:
        text = sa.func.replace(sa.cast(Ticket.items, sa.String), " ", "")  # “[3,14]” on either database
        listed = sa.func.replace(sa.func.replace(text, "[", ","), "]", ",")
        yield listed.like(f"%,{wanted.change_item},%")
    if wanted.open is not None:
        yield UNFINISHED if wanted.open else Ticket.state.in_(sorted(FINISHED))


def _by_history(wanted: Filter) -> Iterable[sa.ColumnElement[bool]]:
    """Whether something ever happened to it."""
    happened: tuple[tuple[sa.ColumnElement[bool], bool | None], ...] = (
        (Ticket.holder_id.is_not(None), wanted.accepted),
        (above_none(Ticket.bounces), wanted.returned),
        (above_none(Ticket.urged), wanted.urged),
        (above_none(Ticket.reopened), wanted.reopened),
        (Ticket.stars.is_not(None), wanted.rated),
    )
    for condition, value in happened:
        if value is not None:
            yield condition if value else ~condition


def _by_name(wanted: Filter) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.reporter is not None:
        yield Ticket.reporter_id == _id_of(Person.id, Person.login, wanted.reporter)
    if wanted.held_by is not None:
        yield Ticket.holder_id == wanted.held_by
    if wanted.of_teams is not None:
        yield Ticket.team_id.in_(sorted(wanted.of_teams))
    if wanted.holder is not None:
        yield Ticket.holder_id == _id_of(Person.id, Person.login, wanted.holder)
    if wanted.team is not None:
        yield Ticket.team_id == _id_of(Team.id, Team.code, wanted.team)
    if wanted.parent is not None:
        top = sa.orm.aliased(Ticket)
        yield Ticket.parent_id == sa.select(top.id).where(top.number == wanted.parent).scalar_subquery()
    if wanted.unit is not None:
        # + 0: asked of each in the list's order; a city's subtree looked up first would be a tenth of all there are.
        yield (Ticket.unit_id + 0).in_(_subtree_of(wanted.unit))


def _id_of(key: Any, column: Any, value: str) -> Any:
    return sa.select(key).where(column == value).scalar_subquery()


def _subtree_of(code: str) -> sa.Select[Any]:
    from accounts.models import UnitClosure

    return sa.select(UnitClosure.descendant_id).join(Unit, Unit.id == UnitClosure.ancestor_id).where(Unit.code == code)


def _by_time(wanted: Filter, now: dt.datetime) -> Iterable[sa.ColumnElement[bool]]:
    for column, how, at in wanted.times:
        yield COMPARED[how](TIMES[column], at)
    if wanted.due_within is not None:
        yield sa.and_(Ticket.next_due_at >= now, Ticket.next_due_at < now + wanted.due_within)
    if wanted.overdue is not None:
        late = sa.and_(Ticket.next_due_at.is_not(None), Ticket.next_due_at < now)
        yield late if wanted.overdue else sa.or_(Ticket.next_due_at.is_(None), ~late)
    if wanted.clocks:
        standing = sa.or_(*(clocks.stands(state, now) for state in wanted.clocks))
        yield Ticket.id.in_(sa.select(ClockRow.ticket_id).where(standing))


# --- what other rooms ask -------------------------------------------------------------------------------------------


def tickets_of_alerts(session: Session, alert_ids: Collection[int]) -> dict[int, str]:
    """Alert id → number of the ticket that answers it. No scope: whoever sees an alert may know the number."""
    rows = session.execute(
        sa.select(TicketEpisode.alert_id, Ticket.number)
        .join(Ticket, Ticket.id == TicketEpisode.ticket_id)
        .where(TicketEpisode.alert_id.in_(sorted(alert_ids)))
    )
    return {row.alert_id: row.number for row in rows}


def of_item(session: Session, viewer: Viewer, item_id: int, *, most: int = 10) -> Sequence[Ticket]:
    """Tickets about an item or service, open ones first, newest first."""
    return session.scalars(
        sa.select(Ticket)
        .options(*WITH)
        .where(sa.or_(Ticket.item_id == item_id, Ticket.service_id == item_id), access.visible(viewer))
        .order_by(Ticket.state.in_(sorted(FINISHED)), Ticket.opened_at.desc(), Ticket.id.desc())
        .limit(most)
    ).all()


def of_fingerprint(session: Session, viewer: Viewer, fingerprint: str) -> Ticket | None:
    """The ticket that answers the newest episode of an alert."""
    return session.scalar(
        sa.select(Ticket)
        .options(*WITH)
        .join(TicketEpisode, TicketEpisode.ticket_id == Ticket.id)
        .where(TicketEpisode.fingerprint == fingerprint, access.visible(viewer))
        .order_by(TicketEpisode.alert_id.desc())
        .limit(1)
    )


@dataclass(frozen=True)
class WallCounts:
    """Open incidents for the wall: numbers only."""

    open: int
    critical: int
    overdue: int
    by_city: dict[int, int]


def wall_counts(session: Session, root_unit_ids: frozenset[int], *, now: dt.datetime) -> WallCounts:
    """Counts below the given units; cities by the unit id of the city. Names nobody."""
    from accounts.models import UnitClosure, UnitLevel

    below = Ticket.unit_id.in_(subtree(root_unit_ids))
    still = sa.and_(Ticket.kind == Kind.INCIDENT, UNFINISHED, below)
    total, critical, overdue = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((Ticket.priority == 1, 1), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(sa.case((Ticket.next_due_at < now, 1), else_=0)), 0),
        ).where(still)
    ).one()
    rows = session.execute(
        sa.select(UnitClosure.ancestor_id, sa.func.count().label("open"))
        .select_from(Ticket)
        .join(UnitClosure, UnitClosure.descendant_id == Ticket.unit_id)
        .join(Unit, Unit.id == UnitClosure.ancestor_id)
        .where(still, Unit.level == UnitLevel.CITY)
        .group_by(UnitClosure.ancestor_id)
    )
    return WallCounts(total, int(critical), int(overdue), {row.ancestor_id: row.open for row in rows})
