"""Checks: the list, one check, and the part of it that an item's page shows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pydantic
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from accounts.current import viewer
from cmdb import queries as cmdb
from cmdb.models import Item
from collectors.registry import PROBES
from core import clock
from core.errors import Conflict, Forbidden
from core.i18n import gettext as _
from core.i18n import lazy
from monitor import intake, probing
from monitor.alerts import queries as alerts
from monitor.checks import definition, queries, service
from monitor.models import Check
from monitor.pages import charts, history, metrics, words
from monitor.pages.blueprint import blueprint
from monitor.samples.access import current_store
from monitor.schemas import CheckQuery
from monitor.states import State
from web import access
from web.db import db
from web.messages import as_invalid

PAGE = 50
STRIP = dt.timedelta(hours=24)
SPAN_WORDS = {"3h": lazy("三小时"), "24h": lazy("一天"), "7d": lazy("七天"), "90d": lazy("九十天")}
_SHOWN_VALUES = 3


@blueprint.get("/checks", endpoint="checks")
@access.needs("check.read")
def index() -> ResponseReturnValue:
    """All checks the viewer may see."""
    session, now = db.session(), clock.now()
    query = _query()
    found = queries.listing(session, viewer(), query, now=now)
    items = words.named(session, Item, {c.item_id for c in found.items})
    return render_template(
        "monitor/checks.html",
        checks=[(c, queries.effective(c, now)) for c in found.items],
        items=items,
        next_url=_with(cursor=found.next) if found.next else None,
        query=query,
        states=words.STATES,
        types=type_names(),
        link=_with,
        may_add=viewer().can("check.write"),
    )


def type_names() -> dict[str, str]:
    """What each kind of check is called."""
    return {name: str(kind.label) for name, kind in PROBES.items()} | {"heartbeat": _("心跳")}


def _query() -> CheckQuery:
    given = {n: v for n in ("state", "type", "q", "cursor", "item") if (v := request.args.get(n, "").strip())}
    try:
        return CheckQuery.model_validate({"limit": PAGE, **given})
    except pydantic.ValidationError as error:
        raise as_invalid(error) from error


def _with(**changes: Any) -> str:
    kept = {k: v for k, v in request.args.items() if k != "cursor"} | changes
    return url_for("monitor.checks", **{k: v for k, v in kept.items() if v})


@blueprint.get("/checks/<int:check_id>")
@access.needs("check.read")
def check(check_id: int) -> ResponseReturnValue:
    """One check: state, history, charts, what it hangs on."""
    session, now = db.session(), clock.now()
    found = queries.one(session, viewer(), check_id)
    span = request.args.get("span", "24h")
    span = span if span in charts.SPANS else "24h"
    changes = queries.changes(session, check_id, since=now - STRIP, until=now)
    spells = history.spells(changes, since=now - STRIP, until=now)
    return render_template(
        "monitor/check.html",
        check=found,
        state=queries.effective(found, now),
        item=session.get_one(Item, found.item_id),
        label=service.label(found),
        kinds=words.KINDS,
        states=words.STATES,
        strip=history.cells(spells, since=now - STRIP, until=now),
        availability=history.availability(spells),
        changes=list(reversed(changes))[:20],
        plots=charts.of_check(check_id, span=span),
        span=span,
        spans=SPAN_WORDS,
        types=type_names(),
        params=_params(found),
        parents=_related(session, [p.parent_id for p in found.parents]),
        open_alerts=_open_alerts(session, found),
        may_write=queries.may_write(session, viewer(), found.item_id),
        poller=queries.poller_names(session, {found.poller_id or 0}).get(found.poller_id or 0, _("本平台")),
    )


def _params(found: Check) -> list[tuple[str, str]]:
    """Parameters as people read them: those given, with the probe's own words."""
    kind, shown = PROBES.get(found.type), definition.shown(found)
    if kind is None:
        return [(name, str(value)) for name, value in shown.items()]
    from collectors.describe import parameters

    return [
        (str(p.text), f"{shown[p.name]} {metrics.shown_unit(p.unit)}".strip())
        for p in parameters(kind)
        if p.name in shown
    ]


def _related(session: Session, ids: list[int]) -> list[tuple[Check, State, str]]:
    now = clock.now()
    found = session.scalars(queries.visible(viewer()).where(Check.id.in_(ids))).all() if ids else []
    names = words.named(session, Item, {c.item_id for c in found})
    return [(c, queries.effective(c, now), names.get(c.item_id, "")) for c in found]


def _open_alerts(session: Session, found: Check) -> list[words.Row]:
    if not viewer().can("alert.read"):
        return []
    mine = alerts.of_item(session, viewer(), found.item_id, since=clock.now() - STRIP)
    return words.rows(session, [a for a in mine if a.check_id == found.id])


@blueprint.post("/checks/<int:check_id>/run")
@access.needs("check.write")
def run(check_id: int) -> ResponseReturnValue:
    """立即检查: run it now; the result counts like any other."""
    session = db.session()
    found = _writable(session, check_id)
    if not found.active or found.retired_at is not None:
        raise Conflict(_("这个监控项不由平台执行，只接收外部送来的结果。"))
    order = probing.Order.of(found)
    session.rollback()  # nobody shall wait for the database while we wait for a target
    result = probing.run_now(order)
    intake.take(session, [probing.as_result(check_id, result)], store=current_store(), now=clock.now())
    session.commit()
    tone = {"ok": "ok", "warning": "warning", "critical": "critical"}.get(result.state.value, "warning")
    flash(_("%(state)s：%(output)s", state=words.STATES[State(result.state.value)], output=result.output), tone)
    return redirect(url_for("monitor.check", check_id=check_id), 303)


@blueprint.post("/checks/<int:check_id>/retire")
@access.needs("check.write")
def retire(check_id: int) -> ResponseReturnValue:
    """停用: no more checking; the history stays."""
    session = db.session()
    found = _writable(session, check_id)
    service.retire(session, found, now=clock.now())
    session.commit()
    flash(_("监控项“%(name)s”已停用，历史保留。", name=service.label(found)), "ok")
    return redirect(url_for("monitor.checks"), 303)


def _writable(session: Session, check_id: int) -> Check:
    found = queries.one(session, viewer(), check_id)
    if not queries.may_write(session, viewer(), found.item_id):
        raise Forbidden(_("您可以查看这个监控项，但不能改动它。"))
    return found


@blueprint.get("/monitor/items/<int:item_id>/panel")
@access.needs("check.read", "alert.read")
def item_panel(item_id: int) -> ResponseReturnValue:
    """What an item's page shows of monitoring: its checks with their last values, and its alerts."""
    session, now = db.session(), clock.now()
    item = cmdb.get_item(session, viewer(), item_id)
    mine = queries.of_item(session, viewer(), item.id) if viewer().can("check.read") else []
    open_alerts = alerts.of_item(session, viewer(), item.id, since=now - STRIP) if viewer().can("alert.read") else []
    return render_template(
        "monitor/_item_panel.html",
        item=item,
        checks=[(c, queries.effective(c, now), _values(c.id), _sparkline(c, now)) for c in mine],
        rows=words.rows(session, open_alerts),
        label=service.label,
        may_add=queries.may_write(session, viewer(), item.id),
    )


def _values(check_id: int) -> list[tuple[str, str]]:
    """The newest values of a check's leading metrics."""
    store = current_store()
    infos = store.series_of(check_id) if store is not None else []
    found: dict[str, str] = {}
    for info in sorted(infos, key=lambda i: metrics.order(i.key.metric)):
        if info.latest is None or info.latest.value is None or info.key.metric in found:
            continue
        scale = metrics.scale([info])
        found[info.key.metric] = f"{info.latest.value / scale.divisor:.4g} {scale.unit}".strip()
    return [(metrics.title(metric), text) for metric, text in list(found.items())[:_SHOWN_VALUES]]


def _sparkline(found: Check, now: dt.datetime) -> list[float | None]:
    """The leading metric of the last three hours."""
    store = current_store()
    infos = sorted(store.series_of(found.id), key=lambda i: metrics.order(i.key.metric)) if store is not None else []
    if not infos or store is None:
        return []
    points = store.read(infos[0].key, now - dt.timedelta(hours=3), now, 60, dt.timedelta(seconds=3 * found.interval_s))
    return [p.value for p in points]
