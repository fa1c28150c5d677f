"""POST /ingest/FORM/TOKEN for programs, and the administrators' pages of sources with their try-out."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pydantic
import sqlalchemy as sa
from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.models import Unit, UnitLevel
from core import clock
from core.errors import Conflict, FieldError, Invalid, TooLarge
from core.i18n import gettext as _
from core.i18n import lazy
from monitor.ingest import service, template
from monitor.ingest.models import Form as Kind
from monitor.ingest.models import Source
from monitor.quiet.service import unit_named
from web import access, ratelimit
from web.api import ApiModel
from web.db import db
from web.forms import Form
from web.paging import Key, page

blueprint = Blueprint("ingest", __name__)
pages = Blueprint("sources", "monitor", template_folder="templates")
LARGEST = 4 << 20
_LIMIT = "1200/minute"
KINDS: dict[Kind, object] = {
    Kind.ALERTMANAGER: "Alertmanager",
    Kind.ZABBIX: "Zabbix",
    Kind.GENERIC: lazy("其他系统（JSON）"),
}
HOLD = {Kind.ALERTMANAGER: 86_400, Kind.ZABBIX: 30 * 86_400, Kind.GENERIC: 86_400}
EXAMPLE = {
    Kind.ALERTMANAGER: {
        "version": "4",
        "status": "firing",
        "receiver": "taxops",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "DiskFull", "instance": "db1", "severity": "warning"},
                "annotations": {"summary": "db1 97%"},
                "startsAt": "2026-11-23T09:00:00+08:00",
                "endsAt": "0001-01-01T00:00:00Z",
            }
        ],
    },
    Kind.ZABBIX: {
        "event_id": "10427",
        "event_name": "High CPU utilization",
        "event_nseverity": "4",
        "event_value": "1",
        "event_tags": "scope:performance, component:cpu",
        "host_name": "db1",
        "host_ip": "10.61.1.7",
        "trigger_id": "23155",
    },
    Kind.GENERIC: {"events": [{"rule": "DiskFull", "host": "db1", "level": 5, "state": "PROBLEM", "value": 97}]},
}


class SourceForm(ApiModel):
    """A source as it is typed: pairs one a line, `name = text with {places}`."""

    form: Kind
    name: str = pydantic.Field(min_length=1, max_length=90)
    unit: str = pydantic.Field(min_length=1, max_length=40)
    hold_s: int = pydantic.Field(default=86_400, ge=60, le=366 * 86_400)
    each: str = pydantic.Field(default="", max_length=1000)
    labels: str = pydantic.Field(default="", max_length=20_000)
    annotations: str = pydantic.Field(default="", max_length=20_000)
    severity: str = pydantic.Field(default="", max_length=1000)
    severities: str = pydantic.Field(default="", max_length=4000)
    resolved: str = pydantic.Field(default="", max_length=1000)
    resolved_values: str = pydantic.Field(default="", max_length=1000)
    starts: str = pydantic.Field(default="", max_length=1000)
    ends: str = pydantic.Field(default="", max_length=1000)
    body: str = pydantic.Field(default="", max_length=LARGEST)


@blueprint.post("/ingest/<any(alertmanager, zabbix, generic):form>/<token>")
@access.public
def take(form: str, token: str) -> ResponseReturnValue:
    """Take what a source posts; the token is all the proof there is."""
    ratelimit.hit(_LIMIT, "ingest", service.token_hash(token))
    if (request.content_length or 0) > LARGEST:
        raise TooLarge(_("一次最多 %(n)d MB。", n=LARGEST >> 20))
    session, now = db.session(), clock.now()
    try:
        taken = service.take(session, Kind(form), token, request.get_data(), now=now)
    except Invalid as error:
        session.commit()  # that it came, and what was wrong with it, is kept for its page
        return _answer({"accepted": 0, "errors": [{"field": e.field, "message": e.message} for e in error.errors]}, 422)
    session.commit()
    return _answer({"accepted": taken})


take.__no_csrf__ = True  # type: ignore[attr-defined]  # programs post, not forms


def _answer(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json")


@pages.get("/admin/sources", endpoint="index")
@access.needs("settings.read")
def sources() -> ResponseReturnValue:
    """All sources, when each was last heard, and what was wrong then."""
    session = db.session()
    found = page(
        session,
        sa.select(Source).where(Source.retired_at.is_(None)),
        [Key(Source.id)],
        cursor=request.args.get("cursor"),
        limit=50,
    )
    names = sa.select(Unit.id, Unit.name).where(Unit.id.in_({s.unit_id for s in found.items}))
    return render_template(
        "monitor/sources.html",
        rows=found.items,
        kinds=KINDS,
        units={row.id: row.name for row in session.execute(names)},
        next_url=url_for("sources.index", cursor=found.next) if found.next else None,
    )


@pages.get("/admin/sources/new")
@access.needs("settings.write")
def new() -> ResponseReturnValue:
    """The form; ?form= says what is sent."""
    asked = request.args.get("form", "")
    kind = Kind(asked) if asked in set(Kind) else Kind.ALERTMANAGER
    return _form(Form(SourceForm, {"form": kind.value, "hold_s": HOLD[kind], **_sample(kind)}), kind, None)


def _sample(kind: Kind) -> dict[str, Any]:
    body = {"body": json.dumps(EXAMPLE[kind], ensure_ascii=False, indent=2)}
    if kind is not Kind.GENERIC:
        return body
    return body | {
        "each": "events",
        "labels": "alertname = {rule}\ninstance = {host}",
        "annotations": "summary = {host}：{rule} {value|}",
        "severity": "{level|3}",
        "severities": "5 = critical\n4 = critical\n3 = warning",
        "resolved": "{state}",
        "resolved_values": "OK",
    }


@pages.post("/admin/sources/new")
@access.needs("settings.write")
def create() -> ResponseReturnValue:
    """Make it and tell its address, this once."""
    session = db.session()
    form = Form(SourceForm, request.form)
    wanted = _wanted(form)
    if wanted is not None:
        try:
            made, token = service.create(session, wanted, now=clock.now())
        except Conflict as error:
            form.errors.append(FieldError("name", error.message))
        else:
            session.commit()
            return _made(made, token)
    session.rollback()
    return _form(form, _kind(), None), 422


@pages.get("/admin/sources/<int:source_id>")
@access.needs("settings.write")
def edit(source_id: int) -> ResponseReturnValue:
    """The form with what it is; its address is not known any more."""
    found = service.one(db.session(), source_id)
    given: dict[str, Any] = {
        "form": found.form.value,
        "name": found.name,
        "unit": db.session().get_one(Unit, found.unit_id).code,
        "hold_s": found.hold_s,
        **_sample(found.form),
        **_typed(found.template),
    }
    return _form(Form(SourceForm, given), found.form, found)


@pages.post("/admin/sources/<int:source_id>")
@access.needs("settings.write")
def save(source_id: int) -> ResponseReturnValue:
    """Change it."""
    session = db.session()
    found = service.one(session, source_id)
    form = Form(SourceForm, {**request.form.to_dict(), "form": found.form.value})
    wanted = _wanted(form)
    if wanted is not None:
        try:
            service.change(session, found, wanted)
        except Conflict as error:
            form.errors.append(FieldError("name", error.message))
        else:
            session.commit()
            flash(_("接入来源已保存。"), "ok")
            return redirect(url_for("sources.index"), 303)
    session.rollback()
    return _form(form, found.form, service.one(session, source_id)), 422


@pages.post("/admin/sources/<int:source_id>/renew")
@access.needs("settings.write")
def renew(source_id: int) -> ResponseReturnValue:
    """A new address, told this once; the old one is none any more."""
    session = db.session()
    found = service.one(session, source_id)
    token = service.renew(session, found)
    session.commit()
    return _made(found, token)


@pages.post("/admin/sources/<int:source_id>/retire")
@access.needs("settings.write")
def retire(source_id: int) -> ResponseReturnValue:
    """Its address is none any more; the alerts it brought stay until they end."""
    session = db.session()
    service.retire(session, service.one(session, source_id), now=clock.now())
    session.commit()
    flash(_("接入来源已停用，它的地址不再有效。"), "ok")
    return redirect(url_for("sources.index"), 303)


@pages.post("/admin/sources/try")
@access.needs("settings.write")
def try_out() -> ResponseReturnValue:
    """What a body would make, as a fragment; nothing is stored."""
    form = Form(SourceForm, {**request.form.to_dict(), "name": "x", "unit": "x"})
    body = form.validate()
    made: template.Made | None = None
    now = clock.now()
    if body is not None and (found := _template(form, body)) is not None:
        hold = dt.timedelta(seconds=body.hold_s)
        made = template.make(body.form, found, body.body.encode(), hold=hold, now=now)
    errors = form.errors + (made.wrong if made is not None else [])
    alerts = template.shown(made.alerts, now) if made is not None and not errors else []
    return render_template("monitor/_source_try.html", errors=errors, alerts=alerts)


def _made(source: Source, token: str) -> str:
    url = service.url_of(source, token, current_app.config["TAXOPS"].base_url)
    return render_template("monitor/source_made.html", source=source, url=url, kinds=KINDS)


def _kind() -> Kind:
    asked = request.form.get("form", "")
    return Kind(asked) if asked in set(Kind) else Kind.ALERTMANAGER


def _form(form: Form[SourceForm], kind: Kind, source: Source | None) -> str:
    wide = (UnitLevel.PROVINCE, UnitLevel.CITY, UnitLevel.COUNTY)
    units = db.session().execute(sa.select(Unit.code, Unit.name).where(Unit.level.in_(wide)).order_by(Unit.code)).all()
    return render_template(
        "monitor/source_form.html",
        form=form,
        kind=kind,
        kinds=KINDS,
        source=source,
        units=[(code, name) for code, name in units],
    )


def _wanted(form: Form[SourceForm]) -> service.Wanted | None:
    body = form.validate()
    if body is None:
        return None
    found = _template(form, body)
    try:
        unit_id = unit_named(db.session(), body.unit)
    except Invalid as error:
        form.refuse(error)
        return None
    if found is None or unit_id is None:
        return None
    return service.Wanted(body.form, body.name, unit_id, body.hold_s, found)


def _template(form: Form[SourceForm], body: SourceForm) -> dict[str, Any] | None:
    """The template as it is stored; empty but for generic sources. None with the form's errors filled."""
    if body.form is not Kind.GENERIC:
        return {}
    given: dict[str, Any] = {n: getattr(body, n) for n in ("each", "severity", "resolved", "starts", "ends")}
    for name in ("labels", "annotations", "severities"):
        try:
            given[name] = template.read_lines(getattr(body, name))
        except ValueError as error:
            form.errors.append(FieldError(name, str(error)))
    given["resolved_values"] = [v.strip() for v in body.resolved_values.replace("，", ",").split(",") if v.strip()]
    if form.errors:
        return None
    sub = Form(template.Template, given)
    found = sub.validate() if given["labels"] else None
    if found is None:
        form.errors += sub.errors or [FieldError("labels", _("至少要有一个标签。"))]
        return None
    return found.model_dump()


def _typed(stored: dict[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {n: stored[n] for n in ("each", "severity", "resolved", "starts", "ends") if n in stored}
    for name in ("labels", "annotations", "severities"):
        if name in stored:
            typed[name] = template.lines(stored[name])
    if "resolved_values" in stored:
        typed["resolved_values"] = ", ".join(stored["resolved_values"])
    return typed
