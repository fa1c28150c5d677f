"""What can be done to many tickets at once: the verbs of the single ticket, one after another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import pydantic
from sqlalchemy.orm import Session

from accounts.scope import Viewer
from core.i18n import LazyText, gettext, lazy
from servicedesk.tickets import conversation, naming, service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.schemas import AssignIn, CommentIn, Level
from web.api import ApiModel


class BulkAction(StrEnum):
    """An action on many tickets."""

    ACCEPT = "accept"
    ASSIGN = "assign"
    PRIORITY = "priority"
    COMMENT = "comment"
    CLOSE = "close"


class NothingIn(ApiModel):
    """An action that asks for nothing."""


class TeamOrHolderIn(AssignIn):
    """A team, a person of it, or both."""

    @pydantic.model_validator(mode="after")
    def _one_of_them(self) -> TeamOrHolderIn:
        if self.team is None and self.holder is None:
            raise ValueError(gettext("请选择班组或处理人。"))
        return self


class PriorityIn(ApiModel):
    """Urgency, impact or both, and why."""

    urgency: Level | None = None
    impact: Level | None = None
    reason: Annotated[str, pydantic.Field(min_length=1, max_length=2000)]

    @pydantic.model_validator(mode="after")
    def _one_of_them(self) -> PriorityIn:
        if self.urgency is None and self.impact is None:
            raise ValueError(gettext("请选择紧急程度或影响范围。"))
        return self


SCHEMAS: Mapping[BulkAction, type[ApiModel]] = {
    BulkAction.ACCEPT: NothingIn,
    BulkAction.ASSIGN: TeamOrHolderIn,
    BulkAction.PRIORITY: PriorityIn,
    BulkAction.COMMENT: CommentIn,
    BulkAction.CLOSE: NothingIn,
}
LABELS: Mapping[BulkAction, LazyText] = {
    BulkAction.ACCEPT: lazy("受理"),
    BulkAction.ASSIGN: lazy("指派"),
    BulkAction.PRIORITY: lazy("调整优先级"),
    BulkAction.COMMENT: lazy("留言"),
    BulkAction.CLOSE: lazy("关闭"),
}
#: What the action needs somewhere, to be offered at all; each ticket is asked about again.
NEEDS: Mapping[BulkAction, str] = {
    BulkAction.ACCEPT: "ticket.work",
    BulkAction.ASSIGN: "ticket.assign",
    BulkAction.PRIORITY: "ticket.work",
    BulkAction.COMMENT: "ticket.work",
    BulkAction.CLOSE: "ticket.close",
}
ICONS: Mapping[BulkAction, str] = {
    BulkAction.ACCEPT: "hand-click",
    BulkAction.ASSIGN: "user-check",
    BulkAction.PRIORITY: "adjustments",
    BulkAction.COMMENT: "message",
    BulkAction.CLOSE: "lock",
}


def offered_to(viewer: Viewer) -> list[BulkAction]:
    """The actions this person may do somewhere."""
    return [action for action in BulkAction if viewer.can(NEEDS[action])]


def perform(
    session: Session, viewer: Viewer, ticket: Ticket, action: BulkAction, given: Mapping[str, Any], *, now: dt.datetime
) -> None:
    """Do it to one ticket, by the ticket's own verb; what that raises is why it failed."""
    values: Any = SCHEMAS[action].model_validate(given)
    match action:
        case BulkAction.ACCEPT:
            service.accept(session, viewer, ticket, now=now)
        case BulkAction.CLOSE:
            service.close(session, viewer, ticket, now=now)
        case BulkAction.COMMENT:
            conversation.comment(session, viewer, ticket, text=values.text, internal=values.internal, now=now)
        case BulkAction.PRIORITY:
            conversation.change_priority(
                session, viewer, ticket, urgency=values.urgency, impact=values.impact, reason=values.reason, now=now
            )
        case BulkAction.ASSIGN:
            service.assign(
                session,
                viewer,
                ticket,
                team=naming.team(session, values.team),
                holder=naming.person(session, values.holder),
                now=now,
            )
