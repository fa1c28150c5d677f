"""/api/v1/calendar: working days, working minutes, due times, for everybody who is signed in."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from core.calendar import WorkCalendar
from core.calendar.axis import FIRST_YEAR, LAST_YEAR
from core.errors import Invalid
from core.i18n import gettext as _
from servicedesk.calendar import service
from servicedesk.calendar.schemas import DueOut, DueQuery, MinutesOut, MinutesQuery, WorkdayOut, WorkdayQuery
from web import paging
from web.api import Api
from web.db import db
from web.paging import Page

MOST_DAYS = 800
api = Api("calendar", __name__)


@api.get("/calendar/workdays", needs=(), query=WorkdayQuery, answer=WorkdayOut, listing=True)
def workdays(query: WorkdayQuery) -> Page[WorkdayOut]:
    """Days from `from` to `to`, both included, and why each is worked or not."""
    _within("from", query.first)
    _within("to", query.last)
    if not 0 <= (query.last - query.first).days < MOST_DAYS:
        raise Invalid.of("to", _("不能早于开始日期，一次最多 %(most)d 天。", most=MOST_DAYS))
    first = max(query.first, _resumed(query.cursor)) if query.cursor else query.first
    last = query.last
    if query.limit:
        last = min(last, first + dt.timedelta(days=query.limit - 1))
    days = service.current(db.session()).days(first, last)
    more = paging.encode([last.isoformat()]) if last < query.last else None
    return Page([WorkdayOut.of(day) for day in days], more)


@api.get("/calendar/working-minutes", needs=(), query=MinutesQuery, answer=MinutesOut)
def working_minutes(query: MinutesQuery) -> MinutesOut:
    """Working minutes between two instants."""
    _within("from", query.start.date())
    _within("until", query.until.date())
    if query.until < query.start:
        raise Invalid.of("until", _("不能早于开始时间。"))
    calendar = service.current(db.session())
    minutes = calendar.elapsed(query.start, query.until) / dt.timedelta(minutes=1)
    return MinutesOut(minutes=minutes, warnings=_warnings(calendar, query.start, query.until))


@api.get("/calendar/due", needs=(), query=DueQuery, answer=DueOut)
def due(query: DueQuery) -> DueOut:
    """When so many working minutes have passed since `from`."""
    _within("from", query.start.date())
    calendar = service.current(db.session())
    try:
        due_at = calendar.advance(query.start, query.minutes)
    except ValueError as refused:  # beyond the calendar's last year
        raise Invalid.of("minutes", _("到期时间超出了日历的范围（%(last)d 年）。", last=LAST_YEAR)) from refused
    return DueOut(due_at=due_at, warnings=_warnings(calendar, query.start, due_at))


def _within(field: str, day: dt.date) -> None:
    """A day of margin on both sides, since the year counts in local time."""
    if not dt.date(FIRST_YEAR, 1, 2) <= day <= dt.date(LAST_YEAR, 12, 30):
        raise Invalid.of(field, _("日历只到 %(first)d 至 %(last)d 年。", first=FIRST_YEAR, last=LAST_YEAR))


def _resumed(cursor: str) -> dt.date:
    try:
        return dt.date.fromisoformat(
            str(paging.decode(cursor, [paging.Key(sa.column("day", sa.String))])[0])
        ) + dt.timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Invalid.of("cursor", _("翻页标记无效，请从第一页重新开始。")) from error


def _warnings(calendar: WorkCalendar, start: dt.datetime, end: dt.datetime) -> list[str]:
    return [warning.text for warning in calendar.warnings_for(start, end)]
