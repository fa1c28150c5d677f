"""@name in a comment: who is meant, whether they may see it, and that they follow from then on."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, TeamMember, Unit, UnitClosure, UnitLevel
from accounts.scope import PrincipalKind, Viewer, viewer_for
from servicedesk.custody import service as custody
from servicedesk.custody.models import CustodySpan
from servicedesk.tickets import access, facts
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketFact, TicketPrincipal

MOST = 20
#: “@周工(zz-engineer)” as the completion writes it, or “@zz-engineer”; an address in the text is none.
_LOGIN = r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63})"
_NAMED = re.compile(rf"(?<![A-Za-z0-9_.@/+-])@(?:[^\s@()（）]{{1,40}}[(（]{_LOGIN}[)）]|{_LOGIN})")
OFFERED, LOOKED_AT = 8, 12


def people_in(session: Session, text: str) -> list[Person]:
    """The active people whom a text names, in its order; what names nobody is text."""
    logins = list(dict.fromkeys((a or b).rstrip(".-") for a, b in _NAMED.findall(text)))[:MOST]
    if not logins:
        return []
    alive = sa.select(Person).where(Person.login.in_(logins), Person.active, sa.not_(Person.is_service))
    found = {person.login: person for person in session.scalars(alive)}
    return [found[login] for login in logins if login in found]


def reads(session: Session, person: Person, ticket: Ticket, *, internal: bool, now: dt.datetime) -> bool:
    """Whether `person` may see the ticket, and an internal line of it."""
    viewer = viewer_for(session, person, now=now)
    seen = sa.select(Ticket.id).where(Ticket.id == ticket.id, access.visible(viewer))
    if session.scalar(seen) is None:
        return False
    return not internal or access.standing(session, viewer, ticket).reads


def unseeing(session: Session, ticket: Ticket, text: str, *, internal: bool, now: dt.datetime) -> list[Person]:
    """Those a text names who would not be told, since they may not see it: said before it is sent."""
    return [p for p in people_in(session, text) if not reads(session, p, ticket, internal=internal, now=now)]


def follow(session: Session, ticket: Ticket, text: str, *, internal: bool, by: Viewer, now: dt.datetime) -> list[int]:
    """Those a text names who may see it: they are told, and follow from now on. Nobody sees more by being named.

    A vendor's people are told and do not follow: a row of their own would outlast what was handed to them.
    """
    told = [p for p in people_in(session, text) if reads(session, p, ticket, internal=internal, now=now)]
    for person in told:
        vendor = session.get_one(Unit, person.unit_id).level is UnitLevel.VENDOR
        if vendor or person.id in (by.person_id, ticket.reporter_id) or person.id in watching(session, ticket):
            continue
        custody.admit(session, ticket, PrincipalKind.PERSON, person.id, why="watcher", now=now)
        data = {"person": person.name}
        facts.append(session, ticket, What.WATCHED, now=now, by=by.person_id, internal=True, data=data)
    return [person.id for person in told if person.id != by.person_id]


def _watcher_rows(ticket: Ticket) -> list[sa.ColumnElement[bool]]:
    return [
        TicketPrincipal.ticket_id == ticket.id,
        TicketPrincipal.kind == PrincipalKind.PERSON,
        TicketPrincipal.why == "watcher",
        TicketPrincipal.until_at.is_(None),
    ]


def watching(session: Session, ticket: Ticket) -> set[int]:
    """Ids of those who follow it."""
    return set(session.scalars(sa.select(TicketPrincipal.principal_id).where(*_watcher_rows(ticket))))


def following(ticket: Ticket) -> sa.Select[Person]:
    """The active people who follow it."""
    rows = sa.select(TicketPrincipal.principal_id).where(*_watcher_rows(ticket))
    return sa.select(Person).where(Person.id.in_(rows), Person.active)


def watchers(session: Session, ticket: Ticket) -> Sequence[Person]:
    """The same, by name."""
    return session.scalars(following(ticket).order_by(Person.name)).all()


def offered(session: Session, viewer: Viewer, ticket: Ticket, start: str, *, now: dt.datetime) -> list[Person]:
    """Whom the completion offers after “@”: people who may see the ticket, those who work on it first.

    Whoever does not work on tickets here (a reporter, a vendor) is offered only people who are on it already.
    """
    start = start.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    teams = sa.select(CustodySpan.team_id).where(CustodySpan.ticket_id == ticket.id)
    near = Person.id.in_(sa.select(TeamMember.person_id).where(TeamMember.team_id.in_(teams)))
    spoke = Person.id.in_(sa.select(TicketFact.actor_id).where(TicketFact.ticket_id == ticket.id, ~TicketFact.internal))
    wanted = sa.select(Person).where(
        Person.active,
        sa.not_(Person.is_service),
        Person.id != viewer.person_id,
        sa.or_(Person.login.ilike(f"{start}%", escape="\\"), Person.name.ilike(f"%{start}%", escape="\\")),
    )
    if not access.standing(session, viewer, ticket).reads:
        wanted = wanted.where(sa.or_(spoke, Person.id == ticket.reporter_id, Person.id == ticket.holder_id))
    above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == ticket.unit_id)
    likely = sa.case((sa.or_(near, spoke), 0), (Person.unit_id.in_(above), 1), else_=2)
    found = session.scalars(wanted.order_by(likely, Person.name, Person.id).limit(LOOKED_AT)).all()
    return [p for p in found if reads(session, p, ticket, internal=False, now=now)][:OFFERED]
