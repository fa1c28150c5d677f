"""/api/v2: status, alerts, groups, receivers. Answers look as Alertmanager's do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from monitor.alerts import queries
from monitor.alerts.models import Alert, Member
from monitor.am import intake, matchers, wire
from monitor.am.answers import answer, asked_matchers, blueprint, flag
from monitor.quiet import queries as quiet
from monitor.quiet.models import Reason
from web import access
from web.db import db

RECEIVER = "taxops"
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
    """The one receiver there is: incidents."""
    return answer([{"name": RECEIVER}])


@blueprint.get("/alerts")
@access.needs("alert.read")
def alerts() -> Response:
    """What fires now, chosen as in Alertmanager."""
    return answer([shown for shown, _alert in _chosen()])


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
    return answer(
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
    wanted = asked_matchers()
    if (receiver := request.args.get("receiver")) and not matchers.full(receiver, RECEIVER):
        return []
    active, silenced, inhibited = (flag(name) for name in ("active", "silenced", "inhibited"))
    now = clock.now()
    fitting = [(m, a) for m, a in _open(now) if matchers.all_match(wanted, m.labels)]
    muted = quiet.mutings(db.session(), {a.id for _m, a in fitting})
    return [
        (wire.shown(member, by, elsewhere=elsewhere, now=now), alert)
        for member, alert in fitting
        for by, elsewhere in [(muted.get(member.id, {}), _elsewhere(alert))]
        if _asked(by, elsewhere, active, silenced, inhibited)
    ]


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
