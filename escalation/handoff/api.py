"""/api/v1/tickets/N/handoffs: send, accept, return, withdraw, arbitrate."""

from __future__ import annotations

from accounts.current import viewer
from accounts.models import Team
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from escalation.handoff import arbitration, known, queries, service, sheets
from escalation.handoff.models import Handoff
from escalation.handoff.schemas import (
    AcceptIn,
    ArbitrateIn,
    HandoffIn,
    HandoffOut,
    ReturnIn,
    SheetLineOut,
    SheetOut,
)
from servicedesk.custody import routing
from servicedesk.tickets import access, naming
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.schemas import SideQuery
from web.api import Api, Created
from web.db import db
from web.paging import Page

api = Api("handoffs", __name__)
SEE = ("ticket.report", "ticket.read", "ticket.work", "vendor.work")


def _ticket(number: str, *, lock: bool = False) -> Ticket:
    return access.get(db.session(), viewer(), number, lock=lock)


def _handoff(number: str, handoff_id: int) -> Handoff:
    return queries.get(db.session(), viewer(), _ticket(number, lock=True), handoff_id, lock=True)


def _out(row: Handoff) -> HandoffOut:
    db.session().flush()
    return HandoffOut.of(row)


@api.get("/tickets/<number>/handoffs", needs=SEE, query=SideQuery, answer=HandoffOut, listing=True)
def list_handoffs(number: str, query: SideQuery) -> Page[HandoffOut]:
    """The ticket's hand-offs, oldest first."""
    session, who = db.session(), viewer()
    ticket = _ticket(number)
    stands = access.standing(session, who, ticket)
    found = queries.page_of_ticket(session, who, ticket, cursor=query.cursor, limit=query.limit)
    return Page([HandoffOut.of(row, with_sheet=stands.reads or stands.vendor) for row in found.items], found.next)


@api.get("/tickets/<number>/handoffs/sheet", needs=SEE, answer=SheetOut)
def show_sheet(number: str) -> SheetOut:
    """The sheet to fill, with what the platform knows."""
    session = db.session()
    ticket = _ticket(number)
    filled = known.prefilled(session, ticket)
    to = routing.team_one_line_up(session, ticket.team, service_id=ticket.service_id)
    return SheetOut(
        category=ticket.category,
        to=to.code if to else None,
        lines=[
            SheetLineOut(
                key=line.key,
                label=str(line.label),
                help=str(line.help),
                required=line.required,
                value=filled.get(line.key, ""),
            )
            for line in sheets.lines_for(ticket.category)
        ],
        missing=[line.key for line in sheets.missing(ticket.category, filled)],
    )


@api.post("/tickets/<number>/handoffs", needs=SEE, body=HandoffIn, answer=HandoffOut)
def send(number: str, body: HandoffIn) -> Created:
    """Hand the matter over."""
    session = db.session()
    ticket = _ticket(number, lock=True)
    row = service.send(
        session,
        viewer(),
        ticket,
        to=receiver(ticket, body.to),
        reason=body.reason,
        sheet=body.sheet,
        search=body.search,
        route="api",
        now=clock.now(),
    )
    return Created(_out(row), f"/api/v1/tickets/{number}/handoffs")


def receiver(ticket: Ticket, code: str | None) -> Team:
    """The team a hand-off goes to: the one named, or the next line up. Raises Invalid naming `to`."""
    session = db.session()
    if code is None:
        team = routing.team_one_line_up(session, ticket.team, service_id=ticket.service_id)
    else:
        team = routing.team_named(session, code, service_id=ticket.service_id)
    if team is None:
        raise Invalid.of(
            "to",
            _("请选择转给哪个班组或单位。") if code is None else _("没有编码为“%(code)s”的班组或单位。", code=code),
        )
    return team


@api.post("/tickets/<number>/handoffs/<int:handoff_id>/accept", needs=SEE, status=200, body=AcceptIn, answer=HandoffOut)
def accept(number: str, handoff_id: int, body: AcceptIn) -> HandoffOut:
    """Take it over; custody passes now."""
    return _out(
        service.accept(
            db.session(),
            viewer(),
            _handoff(number, handoff_id),
            clarity=body.clarity,
            comment=body.comment,
            now=clock.now(),
        )
    )


@api.post("/tickets/<number>/handoffs/<int:handoff_id>/return", needs=SEE, status=200, body=ReturnIn, answer=HandoffOut)
def give_back(number: str, handoff_id: int, body: ReturnIn) -> HandoffOut:
    """Return it with a reason and what is missing."""
    return _out(
        service.give_back(
            db.session(),
            viewer(),
            _handoff(number, handoff_id),
            reason=body.reason,
            missing=body.missing,
            now=clock.now(),
        )
    )


@api.post("/tickets/<number>/handoffs/<int:handoff_id>/withdraw", needs=SEE, status=200, answer=HandoffOut)
def withdraw(number: str, handoff_id: int) -> HandoffOut:
    """Take it back before anybody accepted."""
    return _out(service.withdraw(db.session(), viewer(), _handoff(number, handoff_id), now=clock.now()))


@api.post("/tickets/<number>/arbitrate", needs=SEE, status=200, body=ArbitrateIn)
def arbitrate(number: str, body: ArbitrateIn) -> None:
    """The arbiter names who has it; it binds."""
    session = db.session()
    team = naming.team(session, body.team)
    if team is None:
        raise Invalid.of("team", _("必填。"))
    arbitration.arbitrate(session, viewer(), _ticket(number, lock=True), team=team, reason=body.reason, now=clock.now())
