"""Open matters of somebody who changes their post: each goes to the heir who is in its team, else to the team's head (E-13)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, TeamMember
from accounts.moving.registry import Held
from core.i18n import gettext as _
from core.i18n import lazy
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.passing import pass_on
from servicedesk.tickets.states import State

OPEN = (State.NEW, State.ACTIVE, State.SUSPENDED)


class OpenTickets:
    """Matters in somebody's hands. A resolved one waits for its reporter and comes back to the team's head if it must."""

    code = "5-tickets"
    label = lazy("未办结的事项")

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:  # noqa: ARG002
        """By number only."""
        return [self._one(session, ticket, person, heir) for ticket in session.scalars(_open(person))]

    @staticmethod
    def _one(session: Session, ticket: Ticket, person: Person, heir: Person | None) -> Held:
        found = _taker(session, ticket, person, heir)
        if found is None:
            return Held(ticket.number, stuck=_("%(team)s没有别人可以接手，请指定组内的接手人。", team=ticket.team.name))
        return Held(ticket.number, _("转给%(name)s", name=found.name))

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:
        """Through the one verb that moves custody: the ledger says who had it until when."""
        for ticket in session.scalars(_open(person).with_for_update(of=Ticket)).all():
            if (found := _taker(session, ticket, person, heir)) is not None:
                pass_on(session, ticket, ticket.team, found, now=now, by=by)


def _open(person: Person) -> sa.Select[Ticket]:
    return sa.select(Ticket).where(Ticket.holder_id == person.id, Ticket.state.in_(OPEN)).order_by(Ticket.id)


def _taker(session: Session, ticket: Ticket, person: Person, heir: Person | None) -> Person | None:
    if heir is not None and session.get(TeamMember, (ticket.team_id, heir.id)) is not None:
        return heir
    head = session.get(Person, ticket.team.head_id) if ticket.team.head_id else None
    return head if head is not None and head.active and head.id != person.id else None
