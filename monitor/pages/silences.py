"""Silences: the list, one with its history, making one from an alert with a live preview, ending and taking that back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pydantic
import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from accounts.current import viewer
from accounts.models import Person, Unit
from core import clock
from core.errors import FieldError, Invalid, NotFound
from core.i18n import gettext as _
from core.i18n import lazy
from monitor.alerts import queries as alerts
from monitor.am import matchers as writing
from monitor.am.matchers import Matcher, Op
from monitor.pages import words
from monitor.pages.blueprint import blueprint
from monitor.quiet import queries, rules, service, turning
from monitor.quiet.api import changeable
from monitor.quiet.models import PlaceKind, Silence, SilenceState
from web import access, once
from web.api import ApiModel
from web.api.schemas import WallTime
from web.db import db
from web.forms import Form

PAGE = 50
STATES = {
    SilenceState.ACTIVE: lazy("生效中"),
    SilenceState.PENDING: lazy("未开始"),
    SilenceState.EXPIRED: lazy("已结束"),
}
LASTING = {
    "2h": (lazy("两小时"), dt.timedelta(hours=2)),
    "8h": (lazy("八小时"), dt.timedelta(hours=8)),
    "1d": (lazy("一天"), dt.timedelta(days=1)),
    "3d": (lazy("三天"), dt.timedelta(days=3)),
    "7d": (lazy("七天"), dt.timedelta(days=7)),
    "until": (lazy("到指定时间"), None),
}
DONE = {
    "created": lazy("新建"),
    "changed": lazy("修改"),
    "expired": lazy("提前结束"),
    "replaced": lazy("被新的静默取代"),
}
#: Labels that name the thing itself: ticked when a silence is made from an alert.
TELLING = ("alertname", "item", "instance", "check_id", "unit")


class SilenceForm(ApiModel):
    """What the page asks: ticked labels of the alert it was opened from, further conditions one a line, and until when."""

    labels: list[str] = pydantic.Field(default_factory=list, max_length=rules.MOST_MATCHERS)
    matchers: str = pydantic.Field(default="", max_length=20_000)
    lasting: str = pydantic.Field(default="2h", pattern="^(2h|8h|1d|3d|7d|until)$")
    starts_at: WallTime | None = None
    ends_at: WallTime | None = None
    unit: str = pydantic.Field(default="", max_length=40)
    comment: str = pydantic.Field(min_length=1, max_length=2000)
    fp: str = pydantic.Field(default="", max_length=16)


@blueprint.get("/silences")
@access.needs("alert.read")
def silences() -> ResponseReturnValue:
    """What is silenced, what will be, and what was."""
    session, now = db.session(), clock.now()
    wanted = request.args.get("state", "active")
    state = SilenceState(wanted) if wanted in set(SilenceState) else SilenceState.ACTIVE
    q = request.args.get("q", "").strip()[:200]
    found = queries.listing(session, viewer(), now=now, state=state, q=q, cursor=request.args.get("cursor"), limit=PAGE)
    following = url_for("monitor.silences", state=state.value, q=q or None, cursor=found.next) if found.next else None
    return render_template(
        "monitor/silences.html",
        rows=_rows(session, found.items),
        state=state,
        states=STATES,
        q=q,
        next_url=following,
        may_add=viewer().can("silence.write"),
    )


def _rows(session: Session, found: list[Silence]) -> list[dict[str, Any]]:
    now, counts = clock.now(), queries.silenced_now(session, found, viewer())
    people = words.named(session, Person, {s.by_id for s in found})
    units = words.named(session, Unit, {p.place_id for s in found for p in s.places if p.kind is PlaceKind.UNIT})
    return [
        {
            "silence": s,
            "state": s.state(now),
            "text": rules.text(s.matchers),
            "by": s.author or people.get(s.by_id, ""),
            "units": [units[p.place_id] for p in s.places if p.kind is PlaceKind.UNIT and p.place_id in units],
            "count": counts.get(s.uid, 0),
        }
        for s in found
    ]


@blueprint.get("/silences/<uid>")
@access.needs("alert.read")
def silence(uid: str) -> ResponseReturnValue:
    """One silence: what it keeps quiet now, who did what to it."""
    session, now = db.session(), clock.now()
    found = queries.one(session, viewer(), uid)
    [row] = _rows(session, [found])
    may = viewer().can("silence.write") and service.may_change(session, viewer(), found)
    seen = queries.preview(session, viewer(), rules.read(found.matchers), turning.within(found.places), limit=50)
    return render_template(
        "monitor/silence.html",
        row=row,
        silence=found,
        states=STATES,
        history=queries.history(session, found),
        done=DONE,
        alerts=words.rows(session, seen.first) if row["state"] is SilenceState.ACTIVE else [],
        may_change=may and row["state"] is not SilenceState.EXPIRED,
        may_revive=may and service.can_revive(session, found, now=now),
    )


@blueprint.get("/silences/new")
@access.needs("silence.write")
def new_silence() -> ResponseReturnValue:
    """The form; ?fp= fills it from an alert."""
    fingerprint = request.args.get("fp", "")[:16]
    labels = _labels(db.session(), fingerprint)
    ticked = [name for name in TELLING if name in labels] or sorted(labels)[:1]
    given = {"fp": fingerprint, "labels": [_equal(n, labels[n]) for n in ticked], "lasting": "2h"}
    return _form(Form(SilenceForm, given), labels, None)


@blueprint.post("/silences/new")
@access.needs("silence.write")
def create_silence() -> ResponseReturnValue:
    """Make it; a double click makes one."""
    session, now = db.session(), clock.now()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    form = Form(SilenceForm, request.form)
    wanted = _wanted(form, now)
    if wanted is not None:
        try:
            made = service.create(session, viewer(), wanted, now=now)
        except Invalid as error:
            form.refuse(error)
        else:
            url = url_for("monitor.silence", uid=made.uid)
            once.finish(first, url)
            session.commit()
            flash(_("已静默。到时自动结束，也可以随时提前结束。"), "ok")
            return redirect(url, 303)
    session.rollback()
    return _form(form, _labels(session, request.form.get("fp", "")), None), 422


@blueprint.get("/silences/<uid>/edit")
@access.needs("silence.write")
def edit_silence(uid: str) -> ResponseReturnValue:
    """The form with what it is."""
    found = changeable(db.session(), uid)
    lines = "\n".join(rules.text([m]) for m in found.matchers)
    given = {
        "matchers": lines,
        "lasting": "until",
        "starts_at": found.starts_at,
        "ends_at": found.ends_at,
        "comment": found.comment,
    }
    return _form(Form(SilenceForm, given), {}, found)


@blueprint.post("/silences/<uid>/edit")
@access.needs("silence.write")
def save_silence(uid: str) -> ResponseReturnValue:
    """Change it."""
    session, now = db.session(), clock.now()
    found = changeable(session, uid)
    form = Form(SilenceForm, request.form)
    wanted = _wanted(form, now)
    if wanted is not None:
        pending = found.state(now) is SilenceState.PENDING
        try:
            service.change(
                session,
                viewer(),
                found,
                matchers=wanted.matchers,
                starts_at=wanted.starts_at if pending else None,
                ends_at=wanted.ends_at,
                comment=wanted.comment,
                now=now,
            )
        except Invalid as error:
            form.refuse(error)
        else:
            session.commit()
            flash(_("静默已修改。"), "ok")
            return redirect(url_for("monitor.silence", uid=uid), 303)
    session.rollback()
    return _form(form, {}, changeable(session, uid)), 422


@blueprint.post("/silences/<uid>/expire")
@access.needs("silence.write")
def expire_silence(uid: str) -> ResponseReturnValue:
    """End it now; its page offers to take that back."""
    session = db.session()
    service.expire(session, viewer(), changeable(session, uid), now=clock.now())
    session.commit()
    flash(_("静默已结束；仍在发生的告警恢复通知。"), "ok")
    return redirect(url_for("monitor.silence", uid=uid), 303)


@blueprint.post("/silences/<uid>/revive")
@access.needs("silence.write")
def revive_silence(uid: str) -> ResponseReturnValue:
    """Take its early end back."""
    session = db.session()
    service.revive(session, viewer(), changeable(session, uid), now=clock.now())
    session.commit()
    flash(_("已撤销，静默继续到原定时间。"), "ok")
    return redirect(url_for("monitor.silence", uid=uid), 303)


@blueprint.post("/silences/preview")
@access.needs("silence.write")
def preview_silence() -> ResponseReturnValue:
    """How many alerts the conditions match now, as a fragment; nothing is stored."""
    session = db.session()
    form = Form(SilenceForm, {})
    wanted = _matchers(form, request.form.getlist("labels"), request.form.get("matchers", "")[:20_000])
    try:
        if not form.errors:
            rules.check_matchers(wanted)
        places = service.reach(session, viewer(), _unit(session, request.form.get("unit", ""), form))
    except Invalid as error:
        form.refuse(error)
    if form.errors:
        return render_template("monitor/_silence_preview.html", errors=form.errors, preview=None, rows=[])
    seen = queries.preview(session, viewer(), wanted, turning.within(places))
    rows = words.rows(session, seen.first)
    return render_template("monitor/_silence_preview.html", errors=[], preview=seen, rows=rows)


def _labels(session: Session, fingerprint: str) -> dict[str, str]:
    """The labels of the alert it is made from; none where it is not the viewer's to see."""
    if not fingerprint:
        return {}
    try:
        [row] = words.rows(session, [alerts.one(session, viewer(), fingerprint)])
    except NotFound:
        return {}
    return dict(sorted(row.shown.labels.items()))


def _equal(name: str, value: str) -> str:
    return rules.text([{"name": name, "op": Op.EQUAL.value, "value": value}])


def _form(form: Form[SilenceForm], labels: dict[str, str], found: Silence | None) -> str:
    session = db.session()
    units = sorted(viewer().units_for("silence.write"))
    names = session.execute(sa.select(Unit.code, Unit.name).where(Unit.id.in_(units)).order_by(Unit.code)).all()
    offered = [(code, name) for code, name in names]
    if (code := labels.get("unit")) and code not in {c for c, _name in offered}:
        offered += [(c, n) for c, n in session.execute(sa.select(Unit.code, Unit.name).where(Unit.code == code))]
    return render_template(
        "monitor/silence_form.html",
        form=form,
        silence=found,
        labels=[(_equal(n, v), f"{n} = {v}") for n, v in labels.items()],
        lasting=[(key, word) for key, (word, _d) in LASTING.items()],
        units=offered,
        key=once.new_key(),
        started=found is not None and found.state(clock.now()) is SilenceState.ACTIVE,
    )


def _wanted(form: Form[SilenceForm], now: dt.datetime) -> service.Wanted | None:
    """What was asked for; None with the form's errors filled."""
    body = form.validate()
    if body is None:
        return None
    found = _matchers(form, body.labels, body.matchers)
    unit_id = _unit(db.session(), body.unit, form)
    starts_at = body.starts_at or now
    lasting = LASTING[body.lasting][1]
    ends_at = max(starts_at, now) + lasting if lasting is not None else body.ends_at
    if ends_at is None:
        form.errors.append(FieldError("ends_at", _("请填写结束时间。")))
    if form.errors or ends_at is None:
        return None
    return service.Wanted(found, starts_at, ends_at, body.comment, unit_id=unit_id)


def _unit(session: Session, code: str, form: Form[SilenceForm]) -> int | None:
    try:
        return service.unit_named(session, code or None)
    except Invalid as error:
        form.refuse(error)
        return None


def _matchers(form: Form[SilenceForm], labels: list[str], text: str) -> tuple[Matcher, ...]:
    """Ticked labels and the lines of the box; what is wrong in a line is said with its number."""
    found: list[Matcher] = []
    for ticked in labels:
        _read(form, ticked, "labels", found)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            _read(form, line, "matchers", found, number)
    return tuple(dict.fromkeys(found))


def _read(form: Form[SilenceForm], text: str, field: str, found: list[Matcher], number: int = 0) -> None:
    try:
        found.append(writing.parse(text))
    except Invalid as error:
        said = _("第 %(n)d 行：%(why)s", n=number, why=error.message) if number else error.message
        form.errors.append(FieldError(field, said))
