"""Parts that other pages load by URL: similar tickets, an item's tickets, an alert's ticket."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from servicedesk import queries
from servicedesk.blueprint import EVERYBODY, blueprint
from servicedesk.tickets import access, presenting
from servicedesk.tickets.similar import similar
from web import access as door
from web.db import db


@blueprint.get("/tickets/<number>/similar")
@door.needs("ticket.read", "ticket.work")
def similar_tickets(number: str) -> ResponseReturnValue:
    """Tickets that may help with this one."""
    session, who = db.session(), viewer()
    found = similar(session, who, access.get(session, who, number))
    return render_template("servicedesk/_similar.html", rows=presenting.rows(session, found))


@blueprint.get("/items/<int:item_id>/tickets")
@door.needs(*EVERYBODY)
def of_item(item_id: int) -> ResponseReturnValue:
    """Tickets about an item or service."""
    session = db.session()
    found = queries.of_item(session, viewer(), item_id)
    return render_template("servicedesk/_item_tickets.html", rows=presenting.rows(session, found))


@blueprint.get("/alerts/<fingerprint>/ticket")
@door.needs(*EVERYBODY)
def of_alert(fingerprint: str) -> ResponseReturnValue:
    """The ticket that answers an alert."""
    session = db.session()
    found = queries.of_fingerprint(session, viewer(), fingerprint)
    rows = presenting.rows(session, [found] if found else [])
    return render_template("servicedesk/_alert_ticket.html", row=rows[0] if rows else None)


@blueprint.get("/counts")
@door.needs("wall.read", "ticket.read")
def counts() -> ResponseReturnValue:
    """Open incidents for the wall, as JSON: numbers only."""
    session, who = db.session(), viewer()
    roots = who.units_for("wall.read") | who.units_for("ticket.read")
    found = queries.wall_counts(session, roots, now=clock.now())
    return {"open": found.open, "critical": found.critical, "overdue": found.overdue, "by_city": found.by_city}
