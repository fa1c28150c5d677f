"""What each action asks on the page: the same schemas as the API, and the verb each one calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Person, Team
from accounts.scope import Viewer
from core.i18n import gettext as _
from servicedesk.custody.rules import SUSPENSIONS, WAITING_LABELS
from servicedesk.tickets import naming, service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.schemas import AssignIn, ConfirmIn, ResolveIn, SuspendIn
from servicedesk.tickets.states import Action
from web.api import ApiModel
from web.forms import Form

ONE_CLICK = frozenset({Action.ACCEPT, Action.ACKNOWLEDGE, Action.RESUME, Action.CLOSE})


class ReasonIn(ApiModel):
    """Why."""

    reason: Annotated[str, pydantic.Field(min_length=1, max_length=2000)]


SCHEMAS: Mapping[Action, type[pydantic.BaseModel]] = {
    Action.ASSIGN: AssignIn,
    Action.SUSPEND: SuspendIn,
    Action.RESOLVE: ResolveIn,
    Action.CONFIRM: ConfirmIn,
    Action.REOPEN: ReasonIn,
    Action.CANCEL: ReasonIn,
}


def form_for(action: Action, given: Mapping[str, Any]) -> Form[Any] | None:
    """The form of an action, or None where one click is enough."""
    schema = SCHEMAS.get(action)
    return Form(schema, given) if schema else None


def perform(session: Session, viewer: Viewer, ticket: Ticket, action: Action, values: Any, *, now: dt.datetime) -> None:
    """Call the verb. `values`: what the form's schema made of the input."""
    match action:
        case Action.ACCEPT:
            service.accept(session, viewer, ticket, now=now)
        case Action.ACKNOWLEDGE:
            service.acknowledge(session, viewer, ticket, now=now)
        case Action.RESUME:
            service.resume(session, viewer, ticket, now=now)
        case Action.CLOSE:
            service.close(session, viewer, ticket, now=now)
        case Action.ASSIGN:
            service.assign(
                session,
                viewer,
                ticket,
                team=naming.team(session, values.team),
                holder=naming.person(session, values.holder),
                now=now,
            )
        case Action.SUSPEND:
            service.suspend(session, viewer, ticket, reason=values.reason, waiting_for=values.waiting_for, now=now)
        case Action.RESOLVE:
            service.resolve(
                session,
                viewer,
                ticket,
                solution=values.solution,
                cause=values.cause,
                article=values.article,
                reason=values.reason,
                now=now,
            )
        case _:
            _perform_by_reason(session, viewer, ticket, action, values, now=now)


def _perform_by_reason(
    session: Session, viewer: Viewer, ticket: Ticket, action: Action, values: Any, *, now: dt.datetime
) -> None:
    match action:
        case Action.CONFIRM:
            service.confirm(session, viewer, ticket, stars=values.stars, comment=values.comment, now=now)
        case Action.REOPEN:
            service.reopen(session, viewer, ticket, reason=values.reason, now=now)
        case Action.CANCEL:
            service.cancel(session, viewer, ticket, reason=values.reason, now=now)
        case _:
            raise LookupError(f"{action} has no page of its own here")


def choices(session: Session, ticket: Ticket, doing: Action | None) -> dict[str, list[tuple[str, str]]]:
    """What the panel's fields offer."""
    if doing is Action.SUSPEND:
        return {"waiting_for": [(str(w), str(WAITING_LABELS[w])) for w in SUSPENSIONS]}
    if doing is Action.CONFIRM:
        words = (_("5 星，很满意"), _("4 星，满意"), _("3 星，一般"), _("2 星，不满意"), _("1 星，很不满意"))
        return {"stars": [(str(5 - i), word) for i, word in enumerate(words)]}
    if doing is not Action.ASSIGN:
        return {}
    teams = session.scalars(
        sa.select(Team).where(Team.unit_id == ticket.team.unit_id, Team.active).order_by(Team.name)
    ).all()
    people: dict[str, Person] = {p.login: p for team in teams for p in accounts.members(session, team.id)}
    return {
        "team": [(team.code, team.name) for team in teams],
        "holder": [(login, person.name) for login, person in sorted(people.items(), key=lambda kv: kv[1].name)],
    }


def still_failing(session: Session, ticket: Ticket, doing: Action | None) -> int:
    """How many alerts still fire, where that matters to the panel."""
    return service.still_failing(session, ticket) if doing is Action.RESOLVE else 0
