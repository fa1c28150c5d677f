"""待我处理: the vendor's workspace."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from escalation.vendor import queries
from servicedesk.clocks import queries as clocks
from servicedesk.tickets import presenting
from web import access
from web.db import db

blueprint = Blueprint("vendor", __name__, template_folder="templates", url_prefix="/vendor")


@blueprint.get("")
@access.needs("vendor.work")
def workspace() -> ResponseReturnValue:
    """What was handed to me, until when, what they already tried."""
    session, now = db.session(), clock.now()
    found = queries.workspace(session, viewer())
    due = clocks.clocks_of(session, [h.ticket_id for h in found.offered] + [t.id for t in found.held], now=now)
    return render_template(
        "vendor/workspace.html",
        offered=[
            {"handoff": h, "row": row, "clock": _own(due[h.ticket_id])}
            for h, row in zip(found.offered, presenting.rows(session, [h.ticket for h in found.offered]), strict=True)
        ],
        held=[{"row": row, "clock": _own(due[row.ticket.id])} for row in presenting.rows(session, found.held)],
        earlier=presenting.rows(session, found.earlier),
    )


def _own(found: list[clocks.ClockView]) -> clocks.ClockView | None:
    """The vendor's own clock that still runs."""
    own = [c for c in found if c.name.startswith("line-vendor") and not c.ended]
    return own[-1] if own else None
