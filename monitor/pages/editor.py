"""The check editor: a form built from what the probe declares, and 试运行 that runs it once before it is saved."""

from __future__ import annotations

from typing import Any

import pydantic
import sqlalchemy as sa
from flask import current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from accounts.current import viewer
from cmdb import queries as cmdb
from cmdb.models import Item
from collectors.base import CheckResult
from collectors.describe import ParamInfo, parameters
from collectors.registry import PROBES
from core import clock
from core.errors import FieldError, Forbidden, Invalid
from core.i18n import gettext as _
from monitor import probing
from monitor.checks import definition, queries, service
from monitor.checks.api import wanted
from monitor.heartbeats import service as heartbeats
from monitor.models import Check
from monitor.pages import metrics, words
from monitor.pages.blueprint import blueprint
from monitor.schemas import CheckFields, CheckIn, HeartbeatIn
from monitor.states import State
from web import access
from web.db import db
from web.messages import as_invalid

NUMBERS = ("interval_s", "retry_s", "max_attempts", "timeout_s", "freshness_s")
_TEXTS = ("name", "target", "type")
_PREFIX = "param."
_OFFERED = 200  # items to choose from at once; typing finds the others


@blueprint.get("/checks/new")
@access.needs("check.write")
def new() -> ResponseReturnValue:
    """First the kind, then its form; ?item= says whose check it is."""
    session = db.session()
    item = _item(session, request.args.get("item", ""))
    kind = request.args.get("type", "")
    if kind == heartbeats.TYPE:
        return _heartbeat_form(session, item, {}, {})
    if kind not in PROBES:
        return render_template("monitor/check_type.html", kinds=PROBES, item=item)
    given = {"target": PROBES[kind].example, "name": ""}
    return _form(session, kind, item, None, given, {}, [])


@blueprint.post("/checks/new-heartbeat")
@access.needs("check.write")
def create_heartbeat() -> ResponseReturnValue:
    """Make a heartbeat and tell its address, this once."""
    session = db.session()
    item = _item(session, request.form.get("item", ""))
    try:
        if item is None or not queries.may_write(session, viewer(), item.id):
            raise Invalid.of("item", _("请选择一个您可以维护的配置项。"))
        body = _heartbeat_of(item)
    except Invalid as error:
        return _heartbeat_form(session, item, request.form.to_dict(), {e.field: e.message for e in error.errors}), 422
    made, token = heartbeats.create(
        session, item, name=body.name, period_s=body.period_s, grace_s=body.grace_s, now=clock.now()
    )
    session.commit()
    url = heartbeats.url_of(token, current_app.config["TAXOPS"].base_url)
    return render_template("monitor/heartbeat_made.html", check=made.check, item=item, url=url, heartbeat=made)


def _heartbeat_of(item: Item) -> HeartbeatIn:
    given = {n: request.form.get(n, "").strip() for n in ("name", "period_s", "grace_s")}
    try:
        return HeartbeatIn.model_validate({"item": item.id, **{n: v for n, v in given.items() if v}})
    except pydantic.ValidationError as error:
        raise as_invalid(error) from error


def _heartbeat_form(session: Session, item: Item | None, given: dict[str, Any], errors: dict[str, str]) -> str:
    items = _candidates(session) if item is None else []
    return render_template("monitor/heartbeat_form.html", item=item, items=items, given=given, errors=errors)


@blueprint.get("/checks/<int:check_id>/edit")
@access.needs("check.write")
def edit(check_id: int) -> ResponseReturnValue:
    """The form of a check that exists."""
    session = db.session()
    check = _own(session, check_id)
    given = {name: getattr(check, name) for name in (*NUMBERS, *_TEXTS)}
    item = session.get_one(Item, check.item_id)
    return _form(session, check.type, item, check, given, definition.shown(check), [])


@blueprint.post("/checks/new")
@access.needs("check.write")
def create() -> ResponseReturnValue:
    """Save a new check, or show what is wrong with nothing typed lost."""
    session, kind = db.session(), request.form.get("type", "")
    item = _item(session, request.form.get("item", ""))
    try:
        if item is None or not queries.may_write(session, viewer(), item.id):
            raise Invalid.of("item", _("请选择一个您可以维护的配置项。"))
        body = _read(CheckIn, kind, {"item": item.id})
        check = service.create(session, item, wanted(body), now=clock.now())
    except Invalid as error:
        session.rollback()
        return _form(session, kind, item, None, request.form.to_dict(), _params(kind), error.errors), 422
    session.commit()
    flash(_("监控项已保存，几秒内开始检测。"), "ok")
    return redirect(url_for("monitor.check", check_id=check.id), 303)


@blueprint.post("/checks/<int:check_id>/edit")
@access.needs("check.write")
def change(check_id: int) -> ResponseReturnValue:
    """Save what was changed."""
    session = db.session()
    check = _own(session, check_id)
    try:
        service.change(session, check, wanted(_read(CheckFields, check.type, {})), now=clock.now())
    except Invalid as error:
        session.rollback()
        check = _own(session, check_id)
        item = session.get_one(Item, check.item_id)
        return _form(session, check.type, item, check, request.form.to_dict(), _params(check.type), error.errors), 422
    session.commit()
    flash(_("监控项已保存。"), "ok")
    return redirect(url_for("monitor.check", check_id=check_id), 303)


@blueprint.post("/checks/try")
@access.needs("check.write")
def attempt() -> ResponseReturnValue:
    """试运行: run what the form says once and show the output; nothing is stored."""
    session, kind = db.session(), request.form.get("type", "")
    check_id = request.form.get("check", "")
    check = _own(session, int(check_id)) if check_id.isdecimal() else None
    before = check.secrets if check is not None else {}
    item = _item(session, request.form.get("item", ""))
    errors: list[FieldError] = []
    result: CheckResult | None = None
    try:
        params = definition.parsed(kind, definition.unhidden(_params(kind), before))
        order = probing.Order(kind, request.form.get("target", "").strip(), params, _limit())
        session.rollback()  # nobody shall wait for the database while we wait for a target
        result = probing.run_now(order)
    except Invalid as error:
        errors = error.errors
    if request.headers.get("HX-Request"):
        return render_template("monitor/_attempt.html", result=result, problems=errors, **_words())
    shown = _own(session, int(check_id)) if check_id.isdecimal() else None
    return _form(session, kind, item, shown, request.form.to_dict(), _params(kind), errors, result, tried=True)


def _limit() -> float:
    text = request.form.get("timeout_s", "")
    return min(30.0, max(1.0, float(text))) if text.isdecimal() else service.DEFAULT_TIMEOUT_S


def _words() -> dict[str, Any]:
    return {"states": words.STATES, "metric_title": metrics.title, "shown_unit": metrics.shown_unit, "state_of": State}


def _form(
    session: Session,
    kind: str,
    item: Item | None,
    check: Check | None,
    given: dict[str, Any],
    params: dict[str, Any],
    errors: list[FieldError],
    result: CheckResult | None = None,
    *,
    tried: bool = False,
) -> str:
    probe = PROBES.get(kind)
    infos = parameters(probe) if probe is not None else []
    defaults = {
        "interval_s": service.DEFAULT_INTERVAL_S,
        "retry_s": service.DEFAULT_RETRY_S,
        "max_attempts": service.DEFAULT_ATTEMPTS,
        "timeout_s": service.DEFAULT_TIMEOUT_S,
        "freshness_s": service.FRESH_INTERVALS * service.DEFAULT_INTERVAL_S,
    }
    return render_template(
        "monitor/check_form.html",
        kind=kind,
        probe=probe,
        item=item,
        items=_candidates(session) if item is None else [],
        check=check,
        given={**defaults, **{k: v for k, v in given.items() if v not in ("", None)}},
        infos=[(info, _shown(info, params)) for info in infos],
        errors={_field(e.field): e.message for e in errors},
        result=result,
        problems=errors if tried else [],
        tried=tried,
        hidden=definition.HIDDEN,
        **_words(),
    )


def _field(name: str) -> str:
    return name.replace("params.", _PREFIX, 1)


def _shown(info: ParamInfo, params: dict[str, Any]) -> Any:
    value = params.get(info.name, info.default)
    return "" if value is None else value


@blueprint.get("/checks/items")
@access.needs("check.write")
def choices() -> ResponseReturnValue:
    """What the item field offers while somebody types: a province has more items than a page should carry."""
    found = _candidates(db.session(), request.args.get("q", "").strip())
    return jsonify({"items": [{"value": value, "text": name} for value, name in found]})


def _candidates(session: Session, words: str = "") -> list[tuple[str, str]]:
    """The first items by name that the viewer may make checks of; `words` must all be in the name."""
    mine = queries.admitted(viewer(), "check.write")
    named = [Item.name.icontains(word, autoescape=True) for word in words.split()]
    wanted = sa.select(Item.id, Item.name).where(mine, Item.retired_at.is_(None), *named)
    rows = session.execute(wanted.order_by(Item.name, Item.id).limit(_OFFERED))
    return [(str(row.id), row.name) for row in rows]


def _item(session: Session, text: str) -> Item | None:
    return cmdb.get_item(session, viewer(), int(text)) if text.isdecimal() else None


def _own(session: Session, check_id: int) -> Check:
    check = queries.one(session, viewer(), check_id)
    if not queries.may_write(session, viewer(), check.item_id):
        raise Forbidden(_("您可以查看这个监控项，但不能改动它。"))
    return check


def _params(kind: str) -> dict[str, Any]:
    """The parameters typed in; empty means the default, an unticked box means no."""
    probe = PROBES.get(kind)
    found: dict[str, Any] = {}
    for info in parameters(probe) if probe is not None else ():
        if (given := request.form.get(_PREFIX + info.name)) is None:
            continue
        text = given.strip()
        if info.kind == "yes-no":
            if (ticked := bool(text)) != info.default:
                found[info.name] = ticked
        elif text and text != str(info.default):
            found[info.name] = text
        elif not text and info.default not in (None, "") and info.kind == "range":
            found[info.name] = ""
    return found


def _read(schema: type[Any], kind: str, more: dict[str, Any]) -> Any:
    given: dict[str, Any] = {n: request.form.get(n, "").strip() for n in (*NUMBERS, "target", "name")}
    given = {n: v for n, v in given.items() if v or n in ("target", "name")}
    try:
        return schema.model_validate({**given, **more, "type": kind, "params": _params(kind)})
    except pydantic.ValidationError as error:
        raise as_invalid(error) from error
