"""Automatic urging follows the clocks: who is told of a warning and of a breach (T-04, E-05)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from accounts import queries as accounts
from core.events.clocks import ClockBreached, ClockWarned
from core.i18n import LazyText, lazy
from core.i18n import gettext as _
from escalation.notify import postponed
from escalation.notify.handlers import Words, team_people
from escalation.notify.models import PostponedNotice
from escalation.notify.service import Message, tell
from escalation.oncall import roster
from escalation.oncall.models import Schedule
from servicedesk.tickets.models import Ticket

log = structlog.get_logger()
TRY_AGAIN = dt.timedelta(minutes=5)

_NAMES: dict[str, LazyText] = {
    "respond": lazy("响应时限"),
    "resolve": lazy("解决时限"),
    "line": lazy("本级处理时限"),
}


def clock_name(clock: str) -> LazyText:
    """A clock in words."""
    if clock.endswith("-respond"):
        return _NAMES["respond"]
    return _NAMES.get(clock, _NAMES["line"])


def _answerable(session: Session, ticket: Ticket) -> list[int | None]:
    """The holder; before acceptance the whole team."""
    return [ticket.holder_id] if ticket.holder_id is not None else list(team_people(session, ticket.team_id))


def _with_head(session: Session, ticket: Ticket, now: dt.datetime) -> list[int | None]:
    head = ticket.team.head or accounts.head_of_unit(session, ticket.team.unit_id, now=now)
    return [*_answerable(session, ticket), head.id if head else None]


def _on_duty(session: Session, ticket: Ticket, now: dt.datetime) -> list[int | None]:
    """Only who is on duty for the team that holds it: nobody else is woken outside working hours."""
    schedules = session.scalars(sa.select(Schedule).where(Schedule.team_id == ticket.team_id, Schedule.active))
    people = [roster.person_on_call(session, schedule, now) for schedule in schedules]
    return [p.id for p in people if p is not None]


def warned(session: Session, event: ClockWarned, now: dt.datetime) -> None:
    """Three quarters are used up: whoever is answerable hears it, unless the breach is told at once."""
    ticket = session.get_one(Ticket, event.ticket_id)
    if event.overtaken or ticket.ended:
        return
    _heard(session, "warned", event, ticket, _answerable(session, ticket), now)


def breached(session: Session, event: ClockBreached, now: dt.datetime) -> None:
    """The target was missed: whoever is answerable and the head of the team hear it."""
    ticket = session.get_one(Ticket, event.ticket_id)
    if event.ended or ticket.ended:
        return
    _heard(session, "breached", event, ticket, _with_head(session, ticket, now), now)


def _heard(
    session: Session,
    what: str,
    event: ClockWarned | ClockBreached,
    ticket: Ticket,
    by_day: list[int | None],
    now: dt.datetime,
) -> None:
    """Tell `by_day`; at night who is on duty instead, and where nobody is, it waits for the morning."""
    key = f"clock:{ticket.id}:{event.clock}:{event.round}:{what}"
    people = _on_duty(session, ticket, now) if event.on_duty_only else by_day
    if event.on_duty_only and not people:
        postponed.postpone(session, what, key, event, now=now)
        return
    _tell(session, key, ticket, people, _words(what, event.clock, ticket), now)


def tell_postponed(session: Session, now: dt.datetime) -> int:
    """Tell holder and head what came at night while nobody was on duty; returns how many were looked at."""
    rows = postponed.due(session, now)
    for row in rows:
        try:
            with session.begin_nested():
                _tell_late(session, row, now)
        except Exception:  # one that can't be told keeps no other waiting, and is tried again
            log.exception("clock.postponed_failed", key=row.key)
            row.told_at, row.tell_at = None, now + TRY_AGAIN
    return len(rows)


def _tell_late(session: Session, row: PostponedNotice, now: dt.datetime) -> None:
    ticket = session.get_one(Ticket, row.ticket_id)
    if postponed.still_worth_telling(session, row, ticket):
        people = _with_head(session, ticket, now)
        _tell(session, row.key, ticket, people, _words(row.what, row.clock, ticket, late=True), now)


def _words(what: str, clock: str, ticket: Ticket, *, late: bool = False) -> Words:
    def words() -> tuple[str, str]:
        name = str(clock_name(clock))
        if what == "warned":
            subject = _("%(clock)s将到：%(number)s", clock=name, number=ticket.number)
            advice = _("已用去四分之三，请抓紧处理。")
        else:
            subject = _("%(clock)s已超：%(number)s", clock=name, number=ticket.number)
            advice = _("请立即处理或上报，并向报障人说明。")
        lines = [advice, _("当时在工作时间之外且无人值班，所以现在才通知。") if late else ""]
        return subject, "\n".join([*filter(None, lines), f"{ticket.number} {ticket.title}"])

    return words


def _tell(session: Session, key: str, ticket: Ticket, people: list[int | None], words: Words, now: dt.datetime) -> None:
    message = Message(topic="clock", key=key, ref=ticket.number, url=f"/desk/tickets/{ticket.number}", words=words)
    tell(session, message, people, now=now)
