"""/api/v2: status, alerts, groups, silences (to read), receivers. Answers look as Alertmanager's do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request

from accounts.current import viewer
from core import clock
from core.errors import Forbidden, Invalid
from core.i18n import gettext as _
from monitor.alerts import queries
from monitor.alerts.models import Alert, Member
from monitor.am import intake, matchers, wire
from web import access
from web.db import db

blueprint = Blueprint("alertmanager", __name__, url_prefix="/api/v2")
RECEIVER = "taxops"
_STARTED = clock.now()


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, mimetype="application/json")


@blueprint.errorhandler(Invalid)
def _refused(error: Invalid) -> Response:
    """Alertmanager answers a plain string; its clients show it."""
    return _json(error.message, 400)


@blueprint.errorhandler(Forbidden)
def _forbidden(error: Forbidden) -> Response:
    return _json(error.message, 403)


@blueprint.get("/status")
@access.needs("alert.read", "alert.write")
def status() -> Response:
    """Who answers here."""
    from importlib.metadata import version

    info = {
        "branch": "",
        "buildDate": "",
        "buildUser": "",
        "goVersion": "",
        "revision": "",
        "version": version("taxops"),
    }
    original = "route:\n  receiver: taxops\nreceivers:\n- name: taxops\n"
    cluster = {"status": "disabled", "peers": []}
    uptime = _STARTED.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return _json({"cluster": cluster, "config": {"original": original}, "uptime": uptime, "versionInfo": info})


@blueprint.get("/receivers")
@access.needs("alert.read")
def receivers() -> Response:
    """The one receiver there is: incidents."""
    return _json([{"name": RECEIVER}])


@blueprint.get("/silences")
@access.needs("alert.read")
def silences() -> Response:
    """None yet."""
    return _json([])


@blueprint.get("/alerts")
@access.needs("alert.read")
def alerts() -> Response:
    """What fires now, chosen as in Alertmanager."""
    return _json([shown for shown, _alert in _chosen()])


@blueprint.get("/alerts/groups")
@access.needs("alert.read")
def groups() -> Response:
    """What fires now, grouped by problem."""
    by_problem: dict[int, list[dict[str, Any]]] = {}
    names: dict[int, str] = {}
    for shown, alert in _chosen():
        by_problem.setdefault(alert.id, []).append(shown)
        names[alert.id] = alert.alertname
    receiver = {"name": RECEIVER}
    return _json(
        [
            {"alerts": found, "labels": {"alertname": names[number]}, "receiver": receiver}
            for number, found in by_problem.items()
        ]
    )


@blueprint.post("/alerts")
@access.needs("alert.write")
def post() -> Response:
    """Take alerts: all of them, or none with a word on each that is wrong."""
    if request.mimetype != "application/json":
        raise Invalid.of("Content-Type", _("请以 application/json 提交。"))
    now = clock.now()
    incoming = wire.read(request.get_data(), now=now)
    intake.take(db.session(), incoming, viewer(), now=now)
    db.session().commit()
    return Response(status=200)


def _chosen() -> list[tuple[dict[str, Any], Alert]]:
    wanted = [m for text in request.args.getlist("filter") for m in _matchers(text)]
    if (receiver := request.args.get("receiver")) and not matchers.full(receiver, RECEIVER):
        return []
    active, silenced, inhibited = (_flag(name) for name in ("active", "silenced", "inhibited"))
    now = clock.now()
    return [
        (wire.shown(member, suppressed=bool(alert.suppressed_by), now=now), alert)
        for member, alert in _open(now)
        if matchers.all_match(wanted, member.labels) and _asked(alert, active, silenced, inhibited)
    ]


def _open(now: dt.datetime) -> Sequence[tuple[Member, Alert]]:
    """Firing label sets; one whose time is over is left out, also before the job ends it."""
    found = queries.open_members(db.session(), viewer())
    return [(m, a) for m, a in found if m.expires_at is None or m.expires_at > now]


def _asked(alert: Alert, active: bool, silenced: bool, inhibited: bool) -> bool:
    if not alert.suppressed_by:
        return active
    return silenced if "silence" in alert.suppressed_by else inhibited


def _matchers(text: str) -> list[matchers.Matcher]:
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        return [matchers.parse(part) for part in matchers.parts(inner[1:-1])]
    return [matchers.parse(inner)]


def _flag(name: str) -> bool:
    value = request.args.get(name, "true").lower()
    if value not in ("true", "false", "1", "0", "t", "f"):
        raise Invalid.of(name, _("须为 true 或 false。"))
    return value in ("true", "1", "t")
