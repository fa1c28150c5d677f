"""Verbs on the working calendar, and the calendar that everybody counts by."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.calendar import CalendarSettings, WorkCalendar, settings_from_dict, settings_to_dict
from core.errors import FieldError, Invalid, NotFound
from core.i18n import gettext as _
from servicedesk.calendar.models import CalendarDay, CalendarFiling, CalendarRoot

ROOT = 1
MOST_DAYS = 62
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class _Holder:
    """A calendar and where it came from, kept for the next question."""

    def __init__(self) -> None:
        self.calendars: dict[tuple[str, int, dt.datetime], WorkCalendar] = {}

    def get(self, session: Session, revision: int, changed_at: dt.datetime) -> WorkCalendar:
        key = (str(session.get_bind().engine.url), revision, changed_at)
        found = self.calendars.get(key)
        if found is None:
            found = WorkCalendar(settings_from_dict(stored(session)))
            if len(self.calendars) >= 8:  # noqa: PLR2004  old revisions are of no use
                self.calendars.clear()
            self.calendars[key] = found
        return found


_holder = _Holder()


def _stamp(session: Session) -> tuple[int, dt.datetime]:
    wanted = sa.select(CalendarRoot.revision, CalendarRoot.changed_at).where(CalendarRoot.id == ROOT)
    row = session.execute(wanted).first()
    return (row[0], row[1]) if row else (0, _NEVER)


def current(session: Session) -> WorkCalendar:
    """The working calendar as it is now; one small query while nothing changed."""
    return _holder.get(session, *_stamp(session))


def counting(session: Session) -> tuple[WorkCalendar, str]:
    """The calendar, and a word that changes whenever what was counted by it has to be counted anew.

    That is when an administrator changes it, and when a newer holiday library knows another year.
    """
    stamp = _stamp(session)
    calendar = _holder.get(session, *stamp)
    return calendar, f"{stamp[0]}/{calendar.holidays.years().stop - 1}"


def stored(session: Session) -> dict[str, Any]:
    """The settings as data, as core.calendar.serial reads them."""
    root = session.get(CalendarRoot, ROOT)
    data = settings_to_dict(CalendarSettings())
    if root is not None:
        data["segments"], data["complete_years"] = root.segments, root.complete_years
    days = session.scalars(sa.select(CalendarDay))
    data["exceptions"] = {d.day.isoformat(): {"working": d.working, "segments": d.segments, "why": d.why} for d in days}
    data["filing_overrides"] = {
        f"{f.year:04d}-{f.month:02d}": [f.first.isoformat(), f.last.isoformat()]
        for f in session.scalars(sa.select(CalendarFiling))
    }
    return data


# --- verbs -------------------------------------------------------------------------------------------------------


def set_hours(session: Session, *, segments: list[list[str]], now: dt.datetime) -> None:
    """Change the usual hours, given as ["09:00", "12:00"] pairs. Raises Invalid naming `segments`."""
    _check({"segments": segments}, {"segments": "segments"})
    _touch(session, now).segments = segments


def set_days(
    session: Session,
    *,
    first: dt.date,
    last: dt.date | None = None,
    working: bool,
    segments: list[list[str]] | None = None,
    why: str = "",
    now: dt.datetime,
) -> int:
    """Enter a day, or every day from `first` to `last`, by hand; what was entered before for it is replaced.

    Returns how many days. Raises Invalid naming `last`, `segments` or `why`.
    """
    last = last or first
    count = (last - first).days + 1
    if not 1 <= count <= MOST_DAYS:
        raise Invalid.of("last", _("结束日期不能早于开始日期，一次最多 %(most)d 天。", most=MOST_DAYS))
    entry = {"working": working, "segments": segments, "why": why}
    for day in (first, last):
        place = f"exceptions.{day.isoformat()}"
        fields = {f"{place}.segments": "segments", f"{place}.why": "why", place: "first"}
        _check({"exceptions": {day.isoformat(): entry}}, fields)
    for n in range(count):
        day = first + dt.timedelta(days=n)
        row = session.get(CalendarDay, day)
        if row is None:
            session.add(row := CalendarDay(day=day))
        row.working, row.segments, row.why = working, segments, why
    _touch(session, now)
    return count


def clear_day(session: Session, *, day: dt.date, now: dt.datetime) -> None:
    """Let the day be again what weekends and holidays make of it. Raises NotFound where nothing was entered."""
    row = session.get(CalendarDay, day)
    if row is None:
        raise NotFound(_("%(day)s 没有手工录入的安排。", day=day.isoformat()))
    session.delete(row)
    _touch(session, now)


def set_filing(session: Session, *, year: int, month: int, first: dt.date, last: dt.date, now: dt.datetime) -> None:
    """Set a month's filing period by hand. Raises Invalid naming `month`, `first` or `last`."""
    place = f"{year:04d}-{month:02d}"
    data = {"filing_overrides": {place: [first.isoformat(), last.isoformat()]}}
    at = f"filing_overrides.{place}"
    _check(data, {f"{at}[0]": "first", f"{at}[1]": "last", at: "month"})
    row = session.get(CalendarFiling, (year, month))
    if row is None:
        session.add(row := CalendarFiling(year=year, month=month))
    row.first, row.last = first, last
    _touch(session, now)


def clear_filing(session: Session, *, year: int, month: int, now: dt.datetime) -> None:
    """Let the rule decide the month's filing period again. Raises NotFound where none was set."""
    row = session.get(CalendarFiling, (year, month))
    if row is None:
        raise NotFound(_("%(year)d 年 %(month)d 月没有手工设定的征期。", year=year, month=month))
    session.delete(row)
    _touch(session, now)


def declare_year(session: Session, *, year: int, complete: bool, now: dt.datetime) -> None:
    """Say that all holidays and make-up days of `year` were entered by hand (or take it back); warnings follow."""
    root = _touch(session, now)
    years = {*root.complete_years, year} if complete else {*root.complete_years} - {year}
    _check({"complete_years": sorted(years)}, {"complete_years": "year"})
    root.complete_years = sorted(years)


def begin(session: Session, *, now: dt.datetime) -> None:
    """Make the calendar's root row, unless it is there."""
    if session.get(CalendarRoot, ROOT) is None:
        usual = settings_to_dict(CalendarSettings())
        session.add(
            CalendarRoot(
                id=ROOT, revision=1, changed_at=now, segments=usual["segments"], complete_years=usual["complete_years"]
            )
        )
        session.flush()


def _touch(session: Session, now: dt.datetime) -> CalendarRoot:
    begin(session, now=now)
    root = session.get_one(CalendarRoot, ROOT, with_for_update=True)
    root.revision += 1
    root.changed_at = now
    return root


def _check(data: dict[str, Any], fields: dict[str, str]) -> None:
    """Validate a part of the settings; its errors are told by the names the verbs' callers know."""
    try:
        settings_from_dict(data)
    except Invalid as refused:
        errors = [FieldError(_field(error.field, fields), error.message) for error in refused.errors]
        raise Invalid(refused.message, errors) from refused


def _field(place: str, fields: dict[str, str]) -> str:
    return next((name for prefix, name in fields.items() if place.startswith(prefix)), place)
