"""Hints for open pages: "this ticket, this alert changed"; the page asks for what it shows by the ordinary rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import UnitClosure
from core.events import Event, monitor, servicedesk
from servicedesk.tickets.models import TicketPrincipal
from web.live import Notice, hub


def ticket_changed(session: Session, event: servicedesk.TicketChanged, now: dt.datetime) -> None:
    """Everybody who may see the ticket: its principal rows, unit rows with all units above."""
    tickets_changed(session, [event], now)


def tickets_changed(session: Session, events: Sequence[servicedesk.TicketChanged], _now: dt.datetime) -> None:
    """The same for many: each ticket once, their readers in two statements."""
    numbers = {event.ticket_id: event.number for event in events}
    for ticket_id, ears in audiences(session, sorted(numbers)).items():
        hub.publish(Notice("ticket", numbers[ticket_id], ears, "", f"/desk/tickets/{numbers[ticket_id]}"))


def audiences(session: Session, ticket_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Ticket id → its principal strings."""
    rows = session.execute(
        sa.select(TicketPrincipal.ticket_id, TicketPrincipal.kind, TicketPrincipal.principal_id).where(
            TicketPrincipal.ticket_id.in_(ticket_ids), TicketPrincipal.until_at.is_(None)
        )
    ).all()
    units = sorted({principal for _ticket, kind, principal in rows if kind == "unit"})
    above: dict[int, set[str]] = {unit: set() for unit in units}
    closure = sa.select(UnitClosure.descendant_id, UnitClosure.ancestor_id).where(UnitClosure.descendant_id.in_(units))
    for unit, ancestor in session.execute(closure):
        above[unit].add(f"unit:{ancestor}")
    found: dict[int, set[str]] = {ticket_id: set() for ticket_id in ticket_ids}
    for ticket_id, kind, principal in rows:
        found[ticket_id] |= above[principal] if kind == "unit" else {f"{kind}:{principal}"}
    return {ticket_id: frozenset(names) for ticket_id, names in found.items()}


def alert_changed(session: Session, event: Event, now: dt.datetime) -> None:
    """Everybody who may see the alert's unit, and the team of its service."""
    alerts_changed(session, [event], now)


def alerts_changed(session: Session, events: Sequence[Event], _now: dt.datetime) -> None:
    """The same for a batch: in a storm, whom it concerns is looked up once a unit."""
    units: dict[int, frozenset[str]] = {}
    for event in events:
        unit_id, team = int(getattr(event, "unit_id")), getattr(event, "team_id", None)  # noqa: B009  every alert event has it
        if unit_id not in units:
            units[unit_id] = accounts.principals_of_unit(session, unit_id)
        ears = units[unit_id] | {f"team:{team}"} if team else units[unit_id]
        fingerprint = str(getattr(event, "fingerprint", ""))
        text = str(getattr(event, "summary", "")) if isinstance(event, monitor.AlertRaised) else ""
        hub.publish(Notice("alert", fingerprint, ears, text, f"/alerts/{fingerprint}"))


def alerts_suppressed(session: Session, event: monitor.AlertsSuppressed, _now: dt.datetime) -> None:
    """Everybody who may see the units of alerts that went quiet, or ceased to be."""
    above = {unit: frozenset(accounts.principals_of_unit(session, unit)) for unit in set(event.unit_ids)}
    for fingerprint, unit in zip(event.fingerprints, event.unit_ids, strict=True):
        hub.publish(Notice("alert", fingerprint, above[unit], "", f"/alerts/{fingerprint}"))
