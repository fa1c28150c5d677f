"""The administrator's page of the working calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import clock
from core.calendar.axis import FIRST_YEAR, LAST_YEAR
from core.errors import FieldError, Invalid, NotFound
from core.i18n import gettext as _
from servicedesk.calendar import queries, service
from servicedesk.calendar.schemas import DaysIn, FilingIn, HoursIn, YearIn, read_hours, show_hours
from web import access
from web.db import db
from web.forms import Form

blueprint = Blueprint("calendar", __name__, template_folder="templates", url_prefix="/admin/calendar")
PERMISSION = "calendar.write"
_FIELDS = {"segments": "hours", "month": "first"}  # what the verbs call it → the field it was typed into


@blueprint.get("/")
@access.needs(PERMISSION)
def index() -> ResponseReturnValue:
    """A month with why each day is what it is, and what was entered by hand."""
    return _page(_shown(request.args.get("month")))


@blueprint.post("/hours")
@access.needs(PERMISSION)
def save_hours() -> ResponseReturnValue:
    """Change the usual hours."""
    month, form = _month(), Form(HoursIn, request.form)
    values = form.validate()
    if values is None:
        return _page(month, hours=form), 422
    try:
        service.set_hours(db.session(), segments=read_hours(values.hours), now=clock.now())
    except Invalid as refused:
        return _refused(month, refused, hours=form)
    return _done(month, _("上班时间已修改，正在计时的事项会在几分钟内重新计算。"))


@blueprint.post("/days")
@access.needs(PERMISSION)
def save_days() -> ResponseReturnValue:
    """Enter a day or several by hand."""
    form = Form(DaysIn, request.form)
    values = form.validate()
    if values is None:
        return _page(_month(), days=form), 422
    working = values.kind == "working"
    try:
        count = service.set_days(
            db.session(),
            first=values.first,
            last=values.last,
            working=working,
            why=values.why,
            now=clock.now(),
            segments=read_hours(values.hours) if working and values.hours else None,
        )
    except Invalid as refused:
        return _refused(_month(), refused, days=form)
    return _done(values.first, _("已录入 %(count)d 天，正在计时的事项会在几分钟内重新计算。", count=count))


@blueprint.post("/days/<day>/clear")
@access.needs(PERMISSION)
def clear_day(day: str) -> ResponseReturnValue:
    """Forget what was entered for a day."""
    service.clear_day(db.session(), day=_date(day), now=clock.now())
    return _done(_month(), _("%(day)s 已恢复为原来的安排。", day=day))


@blueprint.post("/filing")
@access.needs(PERMISSION)
def save_filing() -> ResponseReturnValue:
    """Set the shown month's filing period by hand."""
    month, form = _month(), Form(FilingIn, request.form)
    values = form.validate()
    if values is None:
        return _page(month, filing=form), 422
    try:
        service.set_filing(
            db.session(), year=month.year, month=month.month, first=values.first, last=values.last, now=clock.now()
        )
    except Invalid as refused:
        return _refused(month, refused, filing=form)
    return _done(month, _("%(year)d 年 %(month)d 月的征期已设定。", year=month.year, month=month.month))


@blueprint.post("/filing/<month>/clear")
@access.needs(PERMISSION)
def clear_filing(month: str) -> ResponseReturnValue:
    """Let the rule decide a month's filing period again."""
    first = _date(f"{month}-01")
    service.clear_filing(db.session(), year=first.year, month=first.month, now=clock.now())
    return _done(first, _("%(year)d 年 %(month)d 月的征期已恢复为按规则计算。", year=first.year, month=first.month))


@blueprint.post("/years")
@access.needs(PERMISSION)
def declare_year() -> ResponseReturnValue:
    """Say that a year's holidays were all entered, or take it back."""
    month, form = _month(), Form(YearIn, request.form)
    values = form.validate()
    if values is None:
        raise Invalid(_("年份不正确。"), form.errors)
    service.declare_year(db.session(), year=values.year, complete=values.complete, now=clock.now())
    if values.complete:
        return _done(month, _("已记下：%(year)d 年的节假日安排已录入完毕。", year=values.year))
    return _done(month, _("已撤回：%(year)d 年的节假日安排尚未录入完毕。", year=values.year))


def _page(month: dt.date, **forms: Form[Any]) -> str:
    session, now = db.session(), clock.now()
    calendar = service.current(session)
    today = calendar.local_date(now)
    shown = queries.month_of(session, month)
    usual = queries.usual_hours(session)
    return render_template(
        "servicedesk/calendar/index.html",
        month=shown,
        today=today,
        first=month,
        why_labels=queries.WHY_LABELS,
        usual=usual,
        show_hours=show_hours,
        gaps=queries.gaps(calendar, shown=month.year, today=today),
        complete_years=sorted(calendar.settings.complete_years),
        zone=calendar.settings.timezone,
        entered=queries.entered(session, since=min(dt.date(today.year, 1, 1), month)),
        filing_set=queries.filing_set(session),
        hours_form=forms.get("hours") or Form(HoursIn, {"hours": show_hours(usual)}),
        days_form=forms.get("days") or Form(DaysIn),
        filing_form=forms.get("filing") or Form(FilingIn, {"first": shown.filing.first, "last": shown.filing.last}),
    )


def _refused(month: dt.date, refused: Invalid, **forms: Form[Any]) -> ResponseReturnValue:
    db.session().rollback()
    renamed = [FieldError(_FIELDS.get(error.field, error.field), error.message) for error in refused.errors]
    for form in forms.values():
        form.refuse(Invalid(refused.message, renamed))
    return _page(month, **forms), 422


def _done(month: dt.date, message: str) -> ResponseReturnValue:
    db.session().commit()
    flash(message, "success")
    return redirect(url_for("calendar.index", month=f"{month:%Y-%m}"), 303)


def _month() -> dt.date:
    """The month the form was sent from."""
    return _shown(request.form.get("month"))


def _shown(text: str | None) -> dt.date:
    """The first of the month asked for; this month where none is."""
    if text:
        return _date(f"{text}-01")
    return service.current(db.session()).local_date(clock.now()).replace(day=1)


def _date(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotFound(_("没有这一天；日历从 %(first)d 年到 %(last)d 年。", first=FIRST_YEAR, last=LAST_YEAR))
    return day
