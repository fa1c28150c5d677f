"""/api/v2: status, alerts, groups, receivers. Answers look as Alertmanager's do."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from monitor import links
from monitor.alerts import queries
from monitor.alerts.models import Alert, Member
from monitor.am import grouping, intake, matchers, wire
from monitor.am.answers import answer, asked_matchers, blueprint, flag
from monitor.am.grouping import RECEIVER
from monitor.quiet import queries as quiet
from monitor.quiet.models import Reason
from web import access
from web.db import db

_STARTED = clock.now()


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
    return answer({"cluster": cluster, "config": {"original": original}, "uptime": uptime, "versionInfo": info})


@blueprint.get("/receivers")
@access.needs("alert.read")
def receivers() -> Response:
    """Incidents, and the receivers outside."""
    return answer([{"name": name} for name in (RECEIVER, *(r.name for r in links.routes(db.session())))])


@blueprint.get("/alerts")
@access.needs("alert.read")
def alerts() -> Response:
    """What fires now, chosen as in Alertmanager."""
    return answer([shown for shown, _routed in _chosen()])


@blueprint.get("/alerts/groups")
@access.needs("alert.read")
def groups() -> Response:
    """What fires now, by receiver and group: for incidents by all labels but the severity, as these make one incident.

    In Alertmanager's order: few labels before many, then by the labels, then by the receiver.
    """
    found: dict[tuple[int, str, str], dict[str, Any]] = {}
    for shown, routed in _chosen():
        for name, labels in routed:
            key = (len(labels), json.dumps(labels, sort_keys=True), name)
            group = found.setdefault(key, {"alerts": [], "labels": labels, "receiver": {"name": name}})
            group["alerts"].append(shown)
    return answer([found[key] for key in sorted(found)])


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


_Routed = list[tuple[str, dict[str, str]]]
"""(receiver, labels of its group) of an alert."""


def _chosen() -> list[tuple[dict[str, Any], _Routed]]:
    wanted = asked_matchers()
    active, silenced, inhibited = (flag(name) for name in ("active", "silenced", "inhibited"))
    now, only = clock.now(), request.args.get("receiver")
    fitting = [(m, a) for m, a in _open(now) if matchers.all_match(wanted, m.labels)]
    muted = quiet.mutings(db.session(), {a.id for _m, a in fitting})
    routing = grouping.Routing(db.session(), {a.unit_id for _m, a in fitting})
    chosen = []
    for member, alert in fitting:
        by, elsewhere = muted.get(member.id, {}), _elsewhere(alert)
        routed = [(n, labels) for n, labels in routing.of(alert, member) if not only or matchers.full(only, n)]
        if routed and _asked(by, elsewhere, active, silenced, inhibited):
            names = [name for name, _labels in routing.of(alert, member)]
            chosen.append((wire.shown(member, by, names, elsewhere=elsewhere, now=now), routed))
    return chosen


def _open(now: dt.datetime) -> Sequence[tuple[Member, Alert]]:
    """Firing label sets; one whose time is over is left out, also before the job ends it."""
    found = queries.open_members(db.session(), viewer())
    return [(m, a) for m, a in found if m.expires_at is None or m.expires_at > now]


def _elsewhere(alert: Alert) -> bool:
    """Quiet for another reason than silences and inhibition."""
    return any(reason not in set(Reason) for reason in alert.suppressed_by)


def _asked(by: Mapping[Reason, list[str]], elsewhere: bool, active: bool, silenced: bool, inhibited: bool) -> bool:
    """Whether an alert is wanted, by the three flags of the address.

    Source: Alertmanager's api/v2, `alertFilter`.
    """
    if not active and not by and not elsewhere:
        return False
    if not silenced and Reason.SILENCE in by:
        return False
    return inhibited or not (elsewhere or Reason.INHIBITION in by)
