"""What can happen to a ticket; each fact is a line of its timeline, and some of them move the clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from core.events.servicedesk import TicketChanged
from core.i18n import LazyText, lazy
from core.outbox import record
from servicedesk.tickets.models import Ticket, TicketFact


class What(StrEnum):
    """The kinds of facts."""

    OPENED = "opened"
    ALERT_RAISED = "alert-raised"
    ALERT_RESOLVED = "alert-resolved"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    SENT = "sent"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    ARBITRATED = "arbitrated"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    COMMENTED = "commented"
    PRIORITY_CHANGED = "priority-changed"
    SERVICE_CHANGED = "service-changed"
    EDITED = "edited"
    URGED = "urged"
    WATCHED = "watched"
    ATTACHED = "attached"
    STEP_DONE = "step-done"
    CHILD_LINKED = "child-linked"
    IMPORTED = "imported"


LABELS: Mapping[What, LazyText] = {
    What.OPENED: lazy("提交"),
    What.ALERT_RAISED: lazy("告警发生"),
    What.ALERT_RESOLVED: lazy("告警恢复"),
    What.ACKNOWLEDGED: lazy("已知悉"),
    What.ACCEPTED: lazy("受理"),
    What.ASSIGNED: lazy("指派"),
    What.SENT: lazy("上报/转办"),
    What.RETURNED: lazy("退回"),
    What.WITHDRAWN: lazy("撤回转办"),
    What.ARBITRATED: lazy("裁决"),
    What.SUSPENDED: lazy("挂起"),
    What.RESUMED: lazy("恢复处理"),
    What.RESOLVED: lazy("解决"),
    What.SERVICE_CHANGED: lazy("调整所属系统"),
    What.CONFIRMED: lazy("确认解决"),
    What.REOPENED: lazy("重新打开"),
    What.CLOSED: lazy("关闭"),
    What.CANCELLED: lazy("取消"),
    What.COMMENTED: lazy("留言"),
    What.PRIORITY_CHANGED: lazy("调整优先级"),
    What.EDITED: lazy("修改"),
    What.URGED: lazy("催办"),
    What.WATCHED: lazy("关注"),
    What.ATTACHED: lazy("添加附件"),
    What.STEP_DONE: lazy("完成标准步骤"),
    What.CHILD_LINKED: lazy("关联同一故障"),
    What.IMPORTED: lazy("导入"),
}

TONES: Mapping[What, str] = {
    What.ALERT_RAISED: "critical",
    What.ALERT_RESOLVED: "ok",
    What.RESOLVED: "ok",
    What.CONFIRMED: "ok",
    What.URGED: "warning",
    What.RETURNED: "warning",
    What.SUSPENDED: "muted",
    What.REOPENED: "warning",
    What.SENT: "accent",
    What.ACCEPTED: "accent",
}


def label(kind: str) -> LazyText:
    """What people call this kind of fact."""
    return LABELS[What(kind)]


def append(
    session: Session,
    ticket: Ticket,
    what: What,
    *,
    now: dt.datetime,
    by: int | None = None,
    at: dt.datetime | None = None,
    text: str = "",
    internal: bool = False,
    data: Mapping[str, Any] | None = None,
) -> TicketFact:
    """Write one fact at the end of the ticket's history; `at` (default now) is when it happened.

    What is None in `data` is left out. The clocks read the kinds and data named in clocks/facts.py.
    """
    fact = made(ticket, what, now=now, by=by, at=at, text=text, internal=internal, data=data)
    session.add(fact)
    return fact


def made(
    ticket: Ticket,
    what: What,
    *,
    now: dt.datetime,
    by: int | None = None,
    at: dt.datetime | None = None,
    text: str = "",
    internal: bool = False,
    data: Mapping[str, Any] | None = None,
) -> TicketFact:
    """The same, counted but not yet added: for a ticket that is not stored itself."""
    ticket.facts += 1
    ticket.updated_at = now
    return TicketFact(
        ticket_id=ticket.id,
        seq=ticket.facts,
        at=at or now,
        received_at=now,
        kind=str(what),
        actor_id=by,
        data={key: value for key, value in (data or {}).items() if value is not None},
        text=text,
        internal=internal,
    )


def as_row(fact: TicketFact) -> dict[str, Any]:
    """A fact made but not added, as the columns of its row."""
    return {name: getattr(fact, name) for name in _COLUMNS}


_COLUMNS = ("ticket_id", "seq", "at", "received_at", "kind", "actor_id", "data", "text", "internal")


def changed(session: Session, ticket: Ticket, what: What, *, now: dt.datetime) -> None:
    """Tell the search index and the live page, once for each verb."""
    record(session, change(ticket, what, now=now), now=now)


def change(ticket: Ticket, what: What, *, now: dt.datetime) -> TicketChanged:
    """What they are told."""
    return TicketChanged(ticket_id=ticket.id, number=ticket.number, what=str(what), at=now)
