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
from servicedesk.tickets import access, facts, views_of
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketFact, TicketPrincipal

MOST = 20
#: “@周工(zz-engineer)” as the completion writes it, or “@zz-engineer”; an address in the text is none.
_LOGIN = r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63})"
_NAMED = re.compile(rf"(?<![A-Za-z0-9_.@/+-])@(?:[^\s@()（）]{{1,40}}[(（]{_LOGIN}[)）]|{_LOGIN})")
OFFERED, LOOKED_AT = 8, 12


def _logins_in(text: str) -> list[str]:
    """What a text names, in its order, whether there is such a login or not."""
    return list(dict.fromkeys((a or b).rstrip(".-") for a, b in _NAMED.findall(text)))[:MOST]


def people_in(session: Session, text: str) -> list[Person]:
    """The active people whom a text names, in its order; what names nobody is text."""
    logins = _logins_in(text)
    if not logins:
        return []
    alive = sa.select(Person).where(Person.login.in_(logins), Person.active, sa.not_(Person.is_service))
    found = {person.login: person for person in session.scalars(alive)}
    return [found[login] for login in logins if login in found]


def reads(session: Session, person: Person, ticket: Ticket, *, internal: bool, now: dt.datetime) -> bool:
    """Whether `person` may see what is written on the ticket now, and whether an internal line of it.

    A vendor's people see the ticket ever after, and of what is written only what falls into their episodes (E-12).
    """
    viewer = viewer_for(session, person, now=now)
    if viewer.vendor_unit_id is not None and not _with_them(session, viewer, ticket):
        return False
    seen = sa.select(Ticket.id).where(Ticket.id == ticket.id, access.visible(viewer))
    if session.scalar(seen) is None:
        return False
    return not internal or access.standing(session, viewer, ticket).reads


def _with_them(session: Session, vendor: Viewer, ticket: Ticket) -> bool:
    """One of its episodes is going on."""
    return any(end is None for _start, end in views_of.vendor_episodes(session, vendor, ticket))


def unseeing(session: Session, ticket: Ticket, text: str, *, internal: bool, by: Viewer, now: dt.datetime) -> list[str]:
    """Those a text names who would not be told, since they may not see it: said before it is sent.

    By name for whoever works on tickets here. Others read back what they typed, the same whether there is such a login
    or not: else a reporter or a vendor could try out who works for the bureau.
    """
    told = {person.login for person in _told(session, ticket, text, internal=internal, by=by, now=now)}
    if access.standing(session, by, ticket).reads:
        return [person.name for person in people_in(session, text) if person.login not in told]
    return [f"@{login}" for login in _logins_in(text) if login not in told]


def _told(session: Session, ticket: Ticket, text: str, *, internal: bool, by: Viewer, now: dt.datetime) -> list[Person]:
    """Those a text names who may see it; by whoever does not work on tickets here only those they know to be on it."""
    named = people_in(session, text)
    if named and not access.standing(session, by, ticket).reads:
        known = sa.or_(Person.id == by.person_id, _on_it(session, by, ticket))
        ids = set(session.scalars(sa.select(Person.id).where(Person.id.in_([p.id for p in named]), known)))
        named = [person for person in named if person.id in ids]
    return [person for person in named if reads(session, person, ticket, internal=internal, now=now)]


def follow(session: Session, ticket: Ticket, text: str, *, internal: bool, by: Viewer, now: dt.datetime) -> list[int]:
    """Those a text names who may see it: they are told, and follow from now on. Nobody sees more by being named.

    A vendor's people are told and do not follow: a row of their own would outlast what was handed to them.
    """
    told = _told(session, ticket, text, internal=internal, by=by, now=now)
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


def hearing(ticket: Ticket) -> sa.Select[int]:
    """Ids of those who follow it and are told what is written there: a vendor's people only while it has the ticket."""
    at_work = sa.select(TicketPrincipal.principal_id).where(
        TicketPrincipal.ticket_id == ticket.id,
        TicketPrincipal.kind == PrincipalKind.VENDOR,
        TicketPrincipal.until_at.is_(None),
    )
    vendors = sa.select(Unit.id).where(Unit.level == UnitLevel.VENDOR)
    may = sa.or_(Person.unit_id.not_in(vendors), Person.unit_id.in_(at_work))
    return following(ticket).where(may).with_only_columns(Person.id)


def watchers(session: Session, ticket: Ticket) -> Sequence[Person]:
    """The same, by name."""
    return session.scalars(following(ticket).order_by(Person.name)).all()


def _spoke(session: Session, viewer: Viewer, ticket: Ticket) -> sa.ColumnElement[bool]:
    """The condition on Person: wrote a line of it that `viewer` may see."""
    lines = sa.select(TicketFact.actor_id).where(*views_of.shown(session, viewer, ticket))
    return Person.id.in_(lines)


def _on_it(session: Session, viewer: Viewer, ticket: Ticket) -> sa.ColumnElement[bool]:
    """The condition on Person: somebody whom `viewer` sees to be on it; a vendor sees no holder but its own people."""
    holds = Person.id == ticket.holder_id
    if viewer.vendor_unit_id is not None:
        holds = sa.and_(holds, Person.unit_id == viewer.vendor_unit_id)
    return sa.or_(_spoke(session, viewer, ticket), Person.id == ticket.reporter_id, holds)


def offered(session: Session, viewer: Viewer, ticket: Ticket, start: str, *, now: dt.datetime) -> list[Person]:
    """Whom the completion offers after “@”: people who may see the ticket, those who work on it first.

    Whoever does not work on tickets here (a reporter, a vendor) is offered only people who are on it already.
    """
    start = start.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    teams = sa.select(CustodySpan.team_id).where(CustodySpan.ticket_id == ticket.id)
    near = Person.id.in_(sa.select(TeamMember.person_id).where(TeamMember.team_id.in_(teams)))
    wanted = sa.select(Person).where(
        Person.active,
        sa.not_(Person.is_service),
        Person.id != viewer.person_id,
        sa.or_(Person.login.ilike(f"{start}%", escape="\\"), Person.name.ilike(f"%{start}%", escape="\\")),
    )
    if not access.standing(session, viewer, ticket).reads:
        wanted = wanted.where(_on_it(session, viewer, ticket))
    above = sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id == ticket.unit_id)
    likely = sa.case((sa.or_(near, _spoke(session, viewer, ticket)), 0), (Person.unit_id.in_(above), 1), else_=2)
    found = session.scalars(wanted.order_by(likely, Person.name, Person.id).limit(LOOKED_AT)).all()
    return [p for p in found if reads(session, p, ticket, internal=False, now=now)][:OFFERED]
