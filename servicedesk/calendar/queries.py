"""What the calendar's page shows. Nobody's data in particular: the page's own permission decides."""

from __future__ import annotations

import calendar as months
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.calendar import CalendarWarning, FilingPeriod, Why, WorkCalendar, Workday
from core.calendar.axis import FIRST_YEAR, LAST_YEAR
from core.i18n import LazyText, lazy
from servicedesk.calendar import service
from servicedesk.calendar.models import CalendarDay, CalendarFiling, CalendarRoot

AUTUMN = 10  # the State Council publishes next year's holidays in November; from October on the gap is worth naming
DECEMBER = 12
WHY_LABELS: Mapping[Why, LazyText] = {
    Why.WEEKEND: lazy("周末"),
    Why.HOLIDAY: lazy("节假日"),
    Why.MAKE_UP: lazy("调休上班"),
    Why.EXCEPTION: lazy("手工录入"),
}


@dataclass(frozen=True)
class Stretch:
    """Days in a row that are unusual for the same reason."""

    first: dt.date
    last: dt.date
    working: bool
    why: Why
    note: str
    hours: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Month:
    """A month as the page draws it: whole weeks from Monday, days of other months as None."""

    year: int
    month: int
    weeks: list[list[Workday | None]]
    stretches: list[Stretch]
    filing: FilingPeriod
    filing_by_hand: bool
    working_days: int
    before: dt.date | None
    after: dt.date | None


def month_of(session: Session, first: dt.date) -> Month:
    """The month that begins with `first`."""
    calendar = service.current(session)
    last = first.replace(day=months.monthrange(first.year, first.month)[1])
    days = calendar.days(first, last)
    cells: list[Workday | None] = [None] * first.weekday() + list(days)
    cells += [None] * (-len(cells) % 7)
    following = last + dt.timedelta(days=1)
    return Month(
        year=first.year,
        month=first.month,
        weeks=[cells[i : i + 7] for i in range(0, len(cells), 7)],
        stretches=_stretches(days),
        filing=calendar.filing_period(first.year, first.month),
        filing_by_hand=(first.year, first.month) in calendar.settings.filing_overrides,
        working_days=sum(day.working for day in days),
        before=(first - dt.timedelta(days=1)).replace(day=1) if first > dt.date(FIRST_YEAR, 1, 1) else None,
        after=following if following.year <= LAST_YEAR else None,
    )


def _stretches(days: list[Workday]) -> list[Stretch]:
    """Everything but plain working days and plain weekends, in a row where it belongs together."""
    found = []
    for key, group in groupby(days, key=lambda day: (day.working, day.why, day.note, day.segments)):
        run = list(group)
        working, why, note, segments = key
        if why not in (None, Why.WEEKEND):
            hours = tuple(segment.texts() for segment in segments) if why is Why.EXCEPTION else ()
            found.append(Stretch(run[0].date, run[-1].date, working, why, note, hours))
    return found


def entered(session: Session, *, since: dt.date) -> list[CalendarDay]:
    """Days entered by hand from `since` on."""
    return list(session.scalars(sa.select(CalendarDay).where(CalendarDay.day >= since).order_by(CalendarDay.day)))


def filing_set(session: Session) -> list[CalendarFiling]:
    """Filing periods set by hand, newest first."""
    return list(
        session.scalars(sa.select(CalendarFiling).order_by(CalendarFiling.year.desc(), CalendarFiling.month.desc()))
    )


def usual_hours(session: Session) -> list[list[str]]:
    """The hours of a plain working day."""
    root = session.get(CalendarRoot, service.ROOT)
    if root is not None:
        return [list(pair) for pair in root.segments]
    return [list(segment.texts()) for segment in service.current(session).settings.segments]


def gaps(calendar: WorkCalendar, *, shown: int, today: dt.date) -> list[CalendarWarning]:
    """Warnings worth showing: this year, the year on the page, and from autumn on the next one."""
    years = {today.year, shown} | ({today.year + 1} if today.month >= AUTUMN else set())
    return [
        w for year in sorted(years) for w in calendar.warnings_for(dt.date(year, 1, 1), dt.date(year, DECEMBER, 31))
    ]
