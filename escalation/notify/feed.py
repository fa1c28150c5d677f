"""Hints for open pages: "this ticket, this alert changed"; the page asks for what it shows by the ordinary rules."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import UnitClosure
from core.events import Event, monitor, servicedesk
from servicedesk.tickets.models import TicketPrincipal
from web.live import Notice, hub


def ticket_changed(session: Session, event: servicedesk.TicketChanged, _now: dt.datetime) -> None:
    """Everybody who may see the ticket: its principal rows, unit rows with all units above."""
    hub.publish(Notice("ticket", event.number, audience(session, event.ticket_id), "", f"/desk/tickets/{event.number}"))


def audience(session: Session, ticket_id: int) -> frozenset[str]:
    """The principal strings of a ticket."""
    rows = session.execute(
        sa.select(TicketPrincipal.kind, TicketPrincipal.principal_id).where(
            TicketPrincipal.ticket_id == ticket_id, TicketPrincipal.until_at.is_(None)
        )
    ).all()
    found = {f"{kind}:{principal}" for kind, principal in rows if kind != "unit"}
    units = [principal for kind, principal in rows if kind == "unit"]
    above = session.scalars(sa.select(UnitClosure.ancestor_id).where(UnitClosure.descendant_id.in_(units)))
    return frozenset(found | {f"unit:{u}" for u in above})


def alert_changed(session: Session, event: Event, _now: dt.datetime) -> None:
    """Everybody who may see the alert's unit, and the team of its service."""
    found = set(accounts.principals_of_unit(session, int(getattr(event, "unit_id"))))  # noqa: B009  every alert event has it
    if team := getattr(event, "team_id", None):
        found.add(f"team:{team}")
    fingerprint = str(getattr(event, "fingerprint", ""))
    text = str(getattr(event, "summary", "")) if isinstance(event, monitor.AlertRaised) else ""
    hub.publish(Notice("alert", fingerprint, frozenset(found), text, f"/alerts/{fingerprint}"))
