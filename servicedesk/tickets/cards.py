"""Public cards: what neighbours may know of a matter, and nothing else (architecture, decision 1).

Kind, service, error code, area, since when, state. No title, no words of the reporter, no names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Unit, UnitClosure, UnitLevel
from accounts.scope import Viewer, subtree
from core.errors import NotFound
from core.i18n import gettext as _
from servicedesk import catalogue
from servicedesk.tickets import categories
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import FINISHED, STATE_LABELS, Kind

MOST = 5
NEARBY_DAYS = 14


@dataclass(frozen=True)
class Card:
    """A matter as anybody may know it. `area` is the city (or the province), never the office."""

    number: str
    kind: str
    category: str
    service: str | None
    error_code: str | None
    area: str
    since: dt.datetime
    state: str
    people: int

    @property
    def state_label(self) -> str:
        """The state in words."""
        return str(next(label for state, label in STATE_LABELS.items() if str(state) == self.state))

    @property
    def category_label(self) -> str:
        """The kind of trouble in words."""
        return str(categories.label(self.category))


def headline(ticket: Ticket, service_name: str | None = None) -> str:
    """What the card says in one line: the kind of trouble, the service, the error code."""
    parts = [service_name, str(categories.label(ticket.category)) + _("故障"), ticket.error_code]
    return " · ".join(part for part in parts if part)


def card_of(session: Session, ticket: Ticket) -> Card:
    """The public card of one ticket."""
    service = catalogue.brief(session, ticket.service_id)
    return Card(
        number=ticket.number,
        kind=str(ticket.kind),
        category=ticket.category,
        service=service.name if service else None,
        error_code=ticket.error_code,
        area=_area(accounts.ancestors(session, ticket.unit_id)),
        since=ticket.since or ticket.opened_at,
        state=str(ticket.state),
        people=ticket.people_hit,
    )


def _area(units: Sequence[Unit]) -> str:
    """The city a unit lies in; the province's own matters concern the province."""
    city = next((unit for unit in units if unit.level is UnitLevel.CITY), None)
    return (city or units[-1]).name


def may_see_card(viewer: Viewer) -> bool:
    """Everybody who may report sees cards; vendors and administrators' accounts do not."""
    return viewer.can("ticket.report", "ticket.read")


def nearby(
    session: Session, viewer: Viewer, *, text: str, category: str | None, service_id: int | None, now: dt.datetime
) -> list[Ticket]:
    """Open incidents that may be the same trouble, likeliest first, at most five (T-08).

    The same service or error code anywhere in the province; without either, the same kind of trouble in the own unit
    or above it. Children are left out: their parent stands for them.
    """
    from servicedesk.tickets import rules

    code = rules.error_code(text)
    same = []
    if code:
        same.append(Ticket.error_code == code)
    if service_id is not None:
        same.append(Ticket.service_id == service_id)
    if category and len(text) >= SHORTEST_TEXT:
        around = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == viewer.unit_id)
        same.append(sa.and_(Ticket.category == category, Ticket.unit_id.in_(around)))
    if not same:
        return []
    score = sa.case((Ticket.error_code == code, 0), else_=1) if code else sa.literal(1)
    found = session.scalars(
        sa.select(Ticket)
        .where(
            Ticket.kind == Kind.INCIDENT,
            _in_province(session, viewer),
            Ticket.state.not_in(sorted(FINISHED)),
            Ticket.parent_id.is_(None),
            Ticket.opened_at >= now - dt.timedelta(days=NEARBY_DAYS),
            sa.or_(*same),
        )
        .order_by(Ticket.major.desc(), score, Ticket.priority, Ticket.opened_at, Ticket.id)
        .limit(LOOKED_AT)
    )
    return _one_of_each(found)


def _in_province(session: Session, viewer: Viewer) -> sa.ColumnElement[bool]:
    """Neighbours are those of one province: an installation may hold several."""
    root = accounts.ancestors(session, viewer.unit_id)[-1]
    return Ticket.unit_id.in_(subtree(frozenset({root.id})))


def _one_of_each(found: Iterable[Ticket]) -> list[Ticket]:
    """Cards tell the service and the code: of several that would read the same, the first reported stands for all."""
    kept: dict[tuple[object, ...], Ticket] = {}
    for ticket in found:
        where = None if ticket.error_code else ticket.unit_id
        kept.setdefault((ticket.service_id, ticket.category, ticket.error_code, where), ticket)
    return list(kept.values())[:MOST]


SHORTEST_TEXT = 4
LOOKED_AT = 40


def by_number(session: Session, viewer: Viewer, number: str) -> Ticket:
    """The ticket of that number in the viewer's province, to show its card and nothing else; raises NotFound."""
    found = session.scalar(sa.select(Ticket).where(Ticket.number == number, _in_province(session, viewer)))
    if found is None:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    return found
