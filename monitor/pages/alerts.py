"""The alerts console and an alert's page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pydantic
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from accounts.audit.listener import record as audit
from accounts.current import viewer
from accounts.scope import covers
from cmdb import queries as cmdb
from cmdb.models import Item
from core import clock
from core.errors import Conflict, Forbidden, NotFound
from core.i18n import gettext as _
from monitor.alerts import queries, service
from monitor.alerts.api import ackable
from monitor.alerts.models import Alert
from monitor.checks import queries as checks
from monitor.pages import charts, words
from monitor.pages.blueprint import blueprint
from monitor.quiet import queries as quiet
from monitor.quiet.models import Reason, Silence
from monitor.schemas import AlertQuery
from web import access
from web.db import db
from web.messages import as_invalid

PAGE = 50
MOST_AT_ONCE = 200
LOOKED_BACK = dt.timedelta(days=2)
VIEWS = ("open", "mine-to-see", "suppressed", "resolved")
UNTIL = {"4h": dt.timedelta(hours=4), "1d": dt.timedelta(days=1), "7d": dt.timedelta(days=7)}


@blueprint.get("/alerts", endpoint="alerts")
@access.needs("alert.read")
def index() -> ResponseReturnValue:
    """The console: what fires, the newest first."""
    session, me = db.session(), viewer()
    view = request.args.get("view", "open")
    query = _query(view)
    found = queries.listing(session, me, query)
    context = {
        "rows": words.rows(session, found.items),
        "next_url": _with(cursor=found.next) if found.next else None,
        "view": view if view in VIEWS else "open",
        "counts": queries.counts(session, me),
        "severities": words.SEVERITIES,
        "chosen": query.severity,
        "q": query.q or "",
        "may_ack": me.can("alert.ack"),
        "link": _with,
    }
    return render_template("monitor/alerts.html", **context)


def _query(view: str) -> AlertQuery:
    given: dict[str, Any] = {"limit": PAGE}
    for name in ("severity", "q", "cursor", "unit", "item"):
        if value := request.args.get(name, "").strip():
            given[name] = value
    if view in ("resolved", "suppressed"):
        given["state"] = view
    else:
        given["state"] = "firing"
        given |= {"acknowledged": False} if view == "mine-to-see" else {}
    try:
        return AlertQuery.model_validate(given)
    except pydantic.ValidationError as error:
        raise as_invalid(error) from error


def _with(**changes: Any) -> str:
    """This page's address with some parameters changed; the cursor goes unless it is given."""
    kept = {k: v for k, v in request.args.items() if k != "cursor"} | changes
    return url_for("monitor.alerts", **{k: v for k, v in kept.items() if v})


@blueprint.get("/alerts/<fingerprint>/row")
@access.needs("alert.read")
def alert_row(fingerprint: str) -> ResponseReturnValue:
    """One row of the console, fetched again when the live feed names it."""
    session = db.session()
    [row] = words.rows(session, [queries.one(session, viewer(), fingerprint)])
    return render_template("monitor/_alert_row.html", row=row, may_ack=viewer().can("alert.ack"))


@blueprint.get("/alerts/<fingerprint>")
@access.needs("alert.read")
def alert(fingerprint: str) -> ResponseReturnValue:
    """One alert: what, since when, whom it hits, what changed before, the evidence."""
    session, now = db.session(), clock.now()
    found = queries.one(session, viewer(), fingerprint)
    return render_template("monitor/alert.html", **_context(session, found, now))


def _context(session: Session, found: Alert, now: dt.datetime) -> dict[str, Any]:
    me = viewer()
    [row] = words.rows(session, [found])
    item = session.get(Item, found.item_id) if found.item_id is not None else None
    impact = cmdb.impact_of(session, item) if item is not None else None
    ids = [i for i in (found.item_id, found.service_id) if i is not None]
    changed = cmdb.what_changed(session, ids, since=found.starts_at - LOOKED_BACK, until=now, limit=10) if ids else ()
    return {
        "row": row,
        "alert": found,
        "item": item,
        "impact": impact,
        "sentence": words.sentence(row, _hit(impact), now),
        "changed": changed,
        "check": _check(session, found),
        "plots": charts.of_check(found.check_id, around=found) if found.check_id is not None else [],
        "quiet": _quiet(session, found) if found.suppressed_by else [],
        "may_silence": found.resolved_at is None and me.can("silence.write") and _may(session, found, "silence.write"),
        "episodes": words.rows(session, queries.episodes(session, me, found.problem_key)),
        "may_ack": found.resolved_at is None and _may(session, found, "alert.ack"),
        "ended": words.ENDED,
        "sources": words.SOURCES,
    }


def _hit(impact: cmdb.Impact | None) -> str:
    """Whom it hits, in words; nothing where the relations know of nobody."""
    return impact.sentence if impact is not None and (impact.systems or impact.people) else ""


def _check(session: Session, found: Alert) -> Any:
    if found.check_id is None or not viewer().can("check.read"):
        return None
    try:
        return checks.one(session, viewer(), found.check_id)
    except NotFound:
        return None


def _quiet(session: Session, found: Alert) -> list[tuple[str, str, str]]:
    """By what it is quiet, as far as the viewer may see that: (why, what, where it leads)."""
    told = []
    by: dict[Reason, set[str]] = {}
    for mutings in quiet.mutings(session, [found.id]).values():
        for reason, names in mutings.items():
            by.setdefault(reason, set()).update(names)
    for uid in sorted(by.get(Reason.SILENCE, ())):
        silence = session.scalar(quiet.visible(viewer()).where(Silence.uid == uid))
        words_of_it = silence.comment if silence is not None else _("您无权查看的静默")
        told.append((_("静默"), words_of_it, url_for("monitor.silence", uid=uid) if silence is not None else ""))
    for fingerprint in sorted(by.get(Reason.INHIBITION, ())):
        try:
            source = queries.one(session, viewer(), fingerprint)
        except NotFound:
            told.append((_("抑制"), _("您无权查看的告警"), ""))
        else:
            told.append((_("抑制"), source.summary, url_for("monitor.alert", fingerprint=fingerprint)))
    return told


def _may(session: Session, found: Alert, permission: str) -> bool:
    place = {"unit_id": found.unit_id, "team_id": found.team_id, "service_id": found.service_id}
    return covers(session, viewer(), permission, **place)


@blueprint.post("/alerts/<fingerprint>/ack")
@access.needs("alert.ack")
def ack(fingerprint: str) -> ResponseReturnValue:
    """Acknowledge one, from the list in one click or from its page with words and a time."""
    session, now = db.session(), clock.now()
    found = ackable(session, fingerprint)
    _ack(session, found, now)
    session.commit()
    if request.headers.get("HX-Request"):
        return alert_row(fingerprint)
    return redirect(_back(fingerprint), 303)


@blueprint.post("/alerts/<fingerprint>/unack")
@access.needs("alert.ack")
def unack(fingerprint: str) -> ResponseReturnValue:
    """Take an acknowledgement back."""
    session, now = db.session(), clock.now()
    found = ackable(session, fingerprint)
    service.unacknowledge(session, found, why="by-hand", now=now)
    audit(session, verb="alert.unack", object_name=f"alert:{found.fingerprint}", now=now)
    session.commit()
    return redirect(_back(fingerprint), 303)


@blueprint.post("/alerts/ack")
@access.needs("alert.ack")
def ack_many() -> ResponseReturnValue:
    """Acknowledge all that were ticked; says how many could not be, and why."""
    session, now = db.session(), clock.now()
    chosen = list(dict.fromkeys(request.form.getlist("fp")))[:MOST_AT_ONCE]
    done = 0
    for fingerprint in chosen:
        try:
            _ack(session, ackable(session, fingerprint), now)
            done += 1
        except (NotFound, Forbidden, Conflict):
            continue
    session.commit()
    if not chosen:
        flash(_("没有选中告警：请先勾选，再点“确认所选”。"), "warning")
    elif done == len(chosen):
        flash(_("已确认 %(n)d 条告警。", n=done), "ok")
    else:
        flash(_("已确认 %(n)d 条；另有 %(m)d 条已恢复或您无权确认。", n=done, m=len(chosen) - done), "warning")
    return redirect(_back(None), 303)


def _ack(session: Session, found: Alert, now: dt.datetime) -> None:
    text = request.form.get("text", "").strip()[:2000] or _("已知悉")
    wanted = UNTIL.get(request.form.get("until", ""))
    sticky = bool(request.form.get("sticky"))
    until = now + wanted if wanted is not None else None
    service.acknowledge(session, found, person_id=viewer().person_id, text=text, sticky=sticky, until=until, now=now)
    after = {"text": text, "sticky": sticky}
    audit(session, verb="alert.ack", object_name=f"alert:{found.fingerprint}", after=after, now=now)


def _back(fingerprint: str | None) -> str:
    """To where the form stood: the list, with its filter, or the alert's page."""
    wanted = request.form.get("back", "")
    if wanted.startswith("/alerts") and "\\" not in wanted and "//" not in wanted:
        return wanted
    return url_for("monitor.alert", fingerprint=fingerprint) if fingerprint else url_for("monitor.alerts")
