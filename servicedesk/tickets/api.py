"""/api/v1/tickets: lists, opening, changing, the actions of the state table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from accounts.current import viewer
from core import clock
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from kb.search.current import engine
from servicedesk import queries
from servicedesk.intake import guides
from servicedesk.tickets import access, cards, conversation, importing, naming, opening, service, showing
from servicedesk.tickets.asking import filter_of
from servicedesk.tickets.models import Source, Ticket
from servicedesk.tickets.schemas import (
    IMPORT_FIELDS,
    AssignIn,
    CardOut,
    ConfirmIn,
    ResolveIn,
    SuspendIn,
    TicketIn,
    TicketOut,
    TicketPatch,
    TicketQuery,
)
from servicedesk.tickets.states import Kind
from web.api import Api, Created, Reason, etag, item_of_many
from web.db import db
from web.paging import Page

api = Api("tickets", __name__)
T = TypeVar("T")
R = TypeVar("R")
SEE = ("ticket.report", "ticket.read", "ticket.work", "ticket.import", "vendor.work")
ACT = ("ticket.report", "ticket.read", "ticket.work", "vendor.work")


@api.get("/tickets", needs=SEE, query=TicketQuery, answer=TicketOut, listing=True)
def list_tickets(query: TicketQuery) -> Page[TicketOut]:
    """What the caller may see, newest first. With `q` a page may be short: it is the last one only if `next` is null."""
    now = clock.now()
    found = queries.find(
        db.session(),
        viewer(),
        filter_of(query, viewer()),
        cursor=query.cursor,
        limit=query.limit,
        now=now,
        engine=engine(),
    )
    return Page(showing.tickets_out(db.session(), found.items, now=now), found.next)


def create_tickets(bodies: Sequence[TicketIn]) -> list[Created]:
    """Up to 1,000 at once, with a handful of statements for all of them."""
    session, now, who = db.session(), clock.now(), viewer()
    if any(_imported(body) for body in bodies):
        return [_one_of(create_ticket, body, place) for place, body in enumerate(bodies)]
    reports = [_one_of(_report, body, place) for place, body in enumerate(bodies)]
    try:
        tickets = opening.open_many(session, reports, by=who.person_id, now=now)
    except Invalid:  # which of them it was
        for place, report in enumerate(reports):
            _one_of(partial(opening.first_team, session), report, place)
        raise
    session.flush()
    found = showing.whole_out(session, who, tickets, now=now)
    return [Created(out, f"/api/v1/tickets/{out.number}") for out in found]


def _one_of(do: Callable[[T], R], it: T, place: int) -> R:
    with item_of_many(place):
        return do(it)


def _imported(body: TicketIn) -> dict[str, Any]:
    return {name: getattr(body, name) for name in IMPORT_FIELDS if getattr(body, name) is not None}


@api.post(
    "/tickets",
    needs=("ticket.report", "ticket.work", "ticket.import"),
    body=TicketIn,
    answer=TicketOut,
    many=create_tickets,
)
def create_ticket(body: TicketIn) -> Created:
    """Open a ticket (or up to 1,000)."""
    session, now, who = db.session(), clock.now(), viewer()
    imported = _imported(body)
    if imported and not who.can("ticket.import"):
        first = min(imported)
        raise Invalid.of(first, _("只有带 import 权限的令牌可以填写此字段。"))
    report = _report(body)
    if imported:
        return _created(importing.import_ticket(session, report, imported, now=now))
    return _created(opening.open_ticket(session, report, by=who.person_id, now=now))


def _report(body: TicketIn) -> opening.Report:
    session, who = db.session(), viewer()
    reporter = naming.reporter(session, who, body.reporter)
    unit = naming.unit(session, who, body.unit or (reporter.unit.code if reporter else None))
    team = naming.team(session, body.team)
    if team is not None and team.unit_id != unit.id and not who.can("ticket.import", "ticket.assign"):
        raise Invalid.of("team", _("不能直接指定其他单位的班组。"))
    parent = naming.parent(session, who, body.parent)
    said = guides.conclude(body.category, body.answers or {})
    items = [naming.item(session, i, field="items") for i in body.change_items or []]
    return opening.Report(
        kind=body.kind,
        title=body.title,
        category=body.category,
        description=body.description,
        unit_id=unit.id,
        source=Source.API,
        reporter_id=reporter.id if reporter else None,
        service_id=naming.service(session, body.service),
        item_id=naming.item(session, body.item),
        urgency=min(body.urgency, said.urgency),
        impact=body.impact,
        people_hit=said.people if body.answers else 0,
        since=body.since,
        answers=dict(body.answers) if body.answers else None,
        team_id=team.id if team else None,
        parent_id=(parent.parent_id or parent.id) if parent else None,
        extra={"planned_start": body.planned_start, "planned_end": body.planned_end, "items": items or None},
    )


def _created(ticket: Ticket) -> Created:
    session = db.session()
    session.flush()
    return Created(showing.ticket_out(session, viewer(), ticket, now=clock.now()), f"/api/v1/tickets/{ticket.number}")


def _ticket(number: str, *, lock: bool = False) -> Ticket:
    return access.get(db.session(), viewer(), number, lock=lock)


def _out(ticket: Ticket) -> TicketOut:
    db.session().flush()
    etag.tagged(ticket.facts)
    return showing.ticket_out(db.session(), viewer(), ticket, now=clock.now())


@api.get("/tickets/<number>", needs=SEE, answer=TicketOut)
def show_ticket(number: str) -> TicketOut:
    """One ticket."""
    return _out(_ticket(number))


@api.patch("/tickets/<number>", needs=ACT, body=TicketPatch, answer=TicketOut)
def change_ticket(number: str, body: TicketPatch) -> TicketOut:
    """Change the fields given."""
    session, now, who = db.session(), clock.now(), viewer()
    ticket = _ticket(number, lock=True)
    etag.must_match(ticket.facts)  # something happened to it since it was read
    given = body.model_dump(exclude_unset=True, exclude={"reason", "urgency", "impact"})
    changes = {("service_id" if k == "service" else "item_id" if k == "item" else k): v for k, v in given.items()}
    if changes.get("service_id") is not None:
        naming.service(session, changes["service_id"])
    if changes.get("item_id") is not None:
        naming.item(session, changes["item_id"])
    empty = [k for k, v in changes.items() if v is None and k not in {"service_id", "item_id"}]
    if empty:
        raise Invalid.of(empty[0], _("必填。"))
    if body.urgency is not None or body.impact is not None:
        conversation.change_priority(
            session, who, ticket, urgency=body.urgency, impact=body.impact, reason=body.reason or "", now=now
        )
    if changes:
        conversation.edit(session, who, ticket, changes, now=now)
    return _out(ticket)


@api.post("/tickets/<number>/actions/accept", needs=ACT, status=200, answer=TicketOut)
def accept(number: str) -> TicketOut:
    """Take custody."""
    return _out(service.accept(db.session(), viewer(), _ticket(number, lock=True), now=clock.now()))


@api.post("/tickets/<number>/actions/acknowledge", needs=ACT, status=200, answer=TicketOut)
def acknowledge(number: str) -> TicketOut:
    """Stop the paging; takes no custody."""
    return _out(service.acknowledge(db.session(), viewer(), _ticket(number, lock=True), now=clock.now()))


@api.post("/tickets/<number>/actions/assign", needs=ACT, status=200, body=AssignIn, answer=TicketOut)
def assign(number: str, body: AssignIn) -> TicketOut:
    """Give it to a team or a person of the current line."""
    session = db.session()
    ticket = _ticket(number, lock=True)
    return _out(
        service.assign(
            session,
            viewer(),
            ticket,
            team=naming.team(session, body.team),
            holder=naming.person(session, body.holder),
            now=clock.now(),
        )
    )


@api.post("/tickets/<number>/actions/suspend", needs=ACT, status=200, body=SuspendIn, answer=TicketOut)
def suspend(number: str, body: SuspendIn) -> TicketOut:
    """Stop the clocks while somebody has to answer or deliver."""
    return _out(
        service.suspend(
            db.session(),
            viewer(),
            _ticket(number, lock=True),
            reason=body.reason,
            waiting_for=body.waiting_for,
            now=clock.now(),
        )
    )


@api.post("/tickets/<number>/actions/resume", needs=ACT, status=200, answer=TicketOut)
def resume(number: str) -> TicketOut:
    """Go on."""
    return _out(service.resume(db.session(), viewer(), _ticket(number, lock=True), now=clock.now()))


@api.post("/tickets/<number>/actions/resolve", needs=ACT, status=200, body=ResolveIn, answer=TicketOut)
def resolve(number: str, body: ResolveIn) -> TicketOut:
    """Solved; the reporter is asked to confirm."""
    return _out(
        service.resolve(
            db.session(),
            viewer(),
            _ticket(number, lock=True),
            solution=body.solution,
            cause=body.cause,
            article=body.article,
            reason=body.reason,
            now=clock.now(),
        )
    )


@api.post("/tickets/<number>/actions/confirm", needs=ACT, status=200, body=ConfirmIn, answer=TicketOut)
def confirm(number: str, body: ConfirmIn) -> TicketOut:
    """The reporter confirms, with stars."""
    return _out(
        service.confirm(
            db.session(), viewer(), _ticket(number, lock=True), stars=body.stars, comment=body.comment, now=clock.now()
        )
    )


@api.post("/tickets/<number>/actions/reopen", needs=ACT, status=200, body=Reason, answer=TicketOut)
def reopen(number: str, body: Reason) -> TicketOut:
    """Not solved after all."""
    return _out(service.reopen(db.session(), viewer(), _ticket(number, lock=True), reason=body.reason, now=clock.now()))


@api.post("/tickets/<number>/actions/close", needs=ACT, status=200, answer=TicketOut)
def close(number: str) -> TicketOut:
    """The head closes what is solved."""
    return _out(service.close(db.session(), viewer(), _ticket(number, lock=True), now=clock.now()))


@api.post("/tickets/<number>/actions/cancel", needs=ACT, status=200, body=Reason, answer=TicketOut)
def cancel(number: str, body: Reason) -> TicketOut:
    """It was none."""
    return _out(service.cancel(db.session(), viewer(), _ticket(number, lock=True), reason=body.reason, now=clock.now()))


@api.get("/tickets/<number>/card", needs=("ticket.report", "ticket.read"), answer=CardOut)
def card(number: str) -> CardOut:
    """What neighbours may know of an incident."""
    ticket = cards.by_number(db.session(), viewer(), number)
    if ticket.kind is not Kind.INCIDENT:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    found = cards.card_of(db.session(), ticket)
    return CardOut(
        kind=ticket.kind,
        service=ticket.service_id,
        error_code=found.error_code,
        area=found.area,
        since=found.since,
        state=ticket.state,
    )
