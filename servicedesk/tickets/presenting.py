"""Tickets in words for pages: rows of lists, the line of custody, the timeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from accounts.models import Team, Unit, UnitLevel
from core.i18n import gettext as _
from core.i18n import lazy
from servicedesk import catalogue
from servicedesk.calendar import service as calendars
from servicedesk.clocks import queries as clocks
from servicedesk.clocks.queries import ClockView
from servicedesk.clocks.rules import ClockState
from servicedesk.custody import rules as custody_rules
from servicedesk.custody.models import CustodySpan
from servicedesk.custody.rules import LINE_LABELS, LINES, Line, WaitingFor
from servicedesk.tickets import categories
from servicedesk.tickets.models import Source, Ticket
from servicedesk.tickets.states import FINISHED, KIND_LABELS, STATE_LABELS, State, has_process
from web import filters


@dataclass(frozen=True)
class Row:
    """A ticket in a list."""

    ticket: Ticket
    url: str
    state_label: str
    category: str
    service: str
    who: str
    paused: bool
    done: bool
    process: bool  # somebody can take it up; else it is only recorded

    @property
    def number(self) -> str:
        """Its number."""
        return self.ticket.number


def rows(session: Session, tickets: Sequence[Ticket]) -> list[Row]:
    """Tickets as rows of a list."""
    named = catalogue.names(session, [t.service_id for t in tickets] + [t.item_id for t in tickets])
    return [
        Row(
            ticket=t,
            url=f"/desk/tickets/{t.number}",
            state_label=state_label(t),
            category=str(categories.label(t.category)),
            service=named.get(t.service_id or 0) or named.get(t.item_id or 0) or "",
            who=with_whom(t),
            paused=t.state is State.SUSPENDED,
            done=t.state in FINISHED,
            process=has_process(t.kind),
        )
        for t in tickets
    ]


def rows_of(session: Session, lists: Mapping[str, Sequence[Ticket]]) -> dict[str, list[Row]]:
    """Several lists as rows, read together: a page of many parts costs no more than one of few."""
    found = iter(rows(session, [ticket for tickets in lists.values() for ticket in tickets]))
    return {name: list(islice(found, len(tickets))) for name, tickets in lists.items()}


def state_label(ticket: Ticket) -> str:
    """The state in words; a hand-off under way says so."""
    if ticket.handoff_pending:
        return _("已上报待接")
    return str(STATE_LABELS[ticket.state])


def with_whom(ticket: Ticket) -> str:
    """“蓝田县局信息中心 · 王工”, or that nobody has accepted it."""
    if ticket.holder is not None:
        return f"{ticket.team.name} · {ticket.holder.name}"
    return ticket.team.name


def kind_label(ticket: Ticket) -> str:
    """What kind of process it runs through, in words."""
    return str(KIND_LABELS[ticket.kind])


SOURCE_WORDS = {
    Source.PERSON: lazy("人工报障"),
    Source.ALERT: lazy("监控告警"),
    Source.MAIL: lazy("邮件"),
    Source.API: lazy("接口"),
}


def source_label(ticket: Ticket) -> str:
    """How it came in, in words."""
    return str(SOURCE_WORDS[ticket.source])


# --- the line of custody --------------------------------------------------------------------------------------------


def stepper(
    session: Session, ticket: Ticket, ledger: Sequence[CustodySpan], found: Sequence[ClockView], *, now: dt.datetime
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The steps 县 → 市 → 省 → 厂商 and the end-to-end clock, as ui/stepper.html draws them."""
    calendar = calendars.current(session)
    shown = _lines_shown(ticket, ledger)
    steps = []
    for line in shown:
        spans = [row for row in ledger if row.line is line]
        worked = sum(
            (calendar.elapsed(row.since, max(row.since, row.until or now)) for row in spans), start=dt.timedelta()
        )
        steps.append(_step(ticket, line, spans, worked, found, now=now))
    return steps, _overall(ticket, ledger, found)


def _lines_shown(ticket: Ticket, ledger: Sequence[CustodySpan]) -> list[Line]:
    """From the line it starts at to the province; the vendor once it matters."""
    start = LINES.index(custody_rules.line_of_level(ticket.unit.level))
    held = {row.line for row in ledger}
    offered = {Line.VENDOR} if ticket.handoff_pending and ticket.line is Line.PROVINCE else set()
    lines = [line for i, line in enumerate(LINES) if (i >= start or line in held)]
    return (
        lines
        if held & {Line.VENDOR, Line.PROVINCE} or offered
        else [x for x in lines if x is not Line.VENDOR] + [Line.VENDOR]
    )


def _step(
    ticket: Ticket,
    line: Line,
    spans: Sequence[CustodySpan],
    worked: dt.timedelta,
    found: Sequence[ClockView],
    *,
    now: dt.datetime,
) -> dict[str, Any]:
    step: dict[str, Any] = {"label": str(LINE_LABELS[line]), "state": "future"}
    if not spans:
        if ticket.handoff_pending and (waiting := _clock(found, f"line-{line}-respond", running=True)):
            step["note"] = _("等待受理，%(due)s", due=filters.due_text(waiting.due_at, now, paused=waiting.paused))
        return step
    last = spans[-1]
    current = last.until is None or (ticket.ended and line is ticket.line)
    step |= {
        "state": "current" if current and ticket.state not in FINISHED else "past",
        "unit": last.team.unit.name,
        "team": last.team.name,
        "held": _("持有 %(t)s", t=filters.work_duration(worked.total_seconds() / 60)),
        "holder": last.holder.name if last.holder else "",
    }
    returns = sum(row.why == "returned" for row in spans)
    if returns:
        step["note"] = _("退回 %(n)s 次", n=returns)
    if ticket.state is State.RESOLVED and last.until is None:
        step["note"] = _("已解决，等待确认")
    if step["state"] == "current":
        step |= _current_clock(ticket, line, last, found)
    return step


def _current_clock(ticket: Ticket, line: Line, last: CustodySpan, found: Sequence[ClockView]) -> dict[str, Any]:
    name = "respond" if last.waiting_for is WaitingFor.ACCEPTANCE and not ticket.accepted_at else f"line-{line}"
    clock = _clock(found, name, running=False) or _clock(found, "resolve", running=False)
    extra: dict[str, Any] = {}
    if ticket.handoff_pending:
        extra["note"] = _("已上报，等待对方受理")
    if clock is None or clock.ended:
        return extra
    return {**extra, "due_at": clock.due_at, "paused": clock.paused}


def _overall(ticket: Ticket, ledger: Sequence[CustodySpan], found: Sequence[ClockView]) -> dict[str, Any]:
    teams = len({row.team_id for row in ledger})
    resolve = _clock(found, "resolve", running=False)
    used = filters.work_duration(resolve.elapsed_minutes) if resolve else ""
    parts = [_("已用 %(t)s", t=used) if used else "", _("经手 %(n)s 个班组", n=teams)]
    if ticket.bounces:
        parts.append(_("退回 %(n)s 次", n=ticket.bounces))
    if ticket.urged:
        parts.append(_("催办 %(n)s 次", n=ticket.urged))
    words = {"text": " · ".join(part for part in parts if part)}
    if resolve is None:
        return words
    if resolve.ended:
        late = resolve.state is ClockState.BREACHED
        return {**words, "clock": _("超时解决") if late else _("按时解决"), "clock_tone": "critical" if late else "ok"}
    return {**words, "due_at": resolve.due_at, "paused": resolve.paused}


def _clock(found: Sequence[ClockView], name: str, *, running: bool) -> ClockView | None:
    """The newest round of a clock."""
    rounds = [c for c in found if c.name == name and not (running and c.ended)]
    return rounds[-1] if rounds else None


def clocks_of(session: Session, ticket: Ticket, *, now: dt.datetime) -> list[ClockView]:
    """The ticket's clocks."""
    return clocks.clocks_of(session, [ticket.id], now=now)[ticket.id]


CLOCK_WORDS = {"respond": lazy("响应"), "resolve": lazy("解决")}


def clock_label(name: str) -> str:
    """What a clock is called."""
    if name in CLOCK_WORDS:
        return str(CLOCK_WORDS[name])
    line = LINE_LABELS[Line(name.split("-")[1])]
    return _("%(line)s受理", line=str(line)) if name.endswith("-respond") else _("%(line)s处理", line=str(line))


def area(unit: Unit, team: Team) -> str:
    """Where a matter is from, when that is not the team's own unit."""
    return unit.name if unit.id != team.unit_id or unit.level is UnitLevel.OFFICE else ""
