"""Who else is on a ticket's page, that somebody writes there, and their unsent text."""

from __future__ import annotations

import sqlalchemy as sa
from flask import render_template, request
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.models import Person
from core import clock
from servicedesk.blueprint import EVERYBODY, blueprint
from servicedesk.tickets import access, drafts
from servicedesk.tickets.models import Ticket
from web import access as door
from web import storable
from web.db import db
from web.presence import Here, presence


def subject_of(ticket: Ticket) -> str:
    """What a page that shows this ticket is called among those who are present."""
    return f"ticket:{ticket.number}"


@blueprint.get("/tickets/<number>/present")
@door.needs(*EVERYBODY)
def present(number: str) -> ResponseReturnValue:
    """The others who have it open."""
    ticket = access.get(db.session(), viewer(), number)
    return render_template("servicedesk/_present.html", others=_others(ticket), url=f"/desk/tickets/{number}/present")


def _others(ticket: Ticket) -> list[Here]:
    """Without oneself; a vendor sees its own people only (E-12)."""
    who = viewer()
    found = [each for each in presence.here(subject_of(ticket)) if each.person_id != who.person_id]
    if who.vendor_unit_id is None or not found:
        return found
    ids = [each.person_id for each in found]
    own = set(
        db.session().scalars(sa.select(Person.id).where(Person.id.in_(ids), Person.unit_id == who.vendor_unit_id))
    )
    return [each for each in found if each.person_id in own]


@blueprint.post("/tickets/<number>/writing")
@door.needs(*EVERYBODY)
def writing(number: str) -> ResponseReturnValue:
    """A key was pressed: the others see that somebody writes."""
    ticket = access.get(db.session(), viewer(), number)
    presence.writes(subject_of(ticket), viewer().person_id)
    return "", 204


@blueprint.post("/tickets/<number>/draft")
@door.needs(*EVERYBODY)
def keep_draft(number: str) -> ResponseReturnValue:
    """Keep what is written so far, for oneself; empty text drops it."""
    session, who = db.session(), viewer()
    ticket = access.get(session, who, number)
    internal = request.form.get("internal") == "true"
    text = storable.text("text", request.form.get("text", ""))
    drafts.keep(session, who, ticket, text=text, internal=internal, now=clock.now())
    session.commit()
    return "", 204
