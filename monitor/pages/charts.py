"""Numbers as the chart part of the pages wants them: series, thresholds, and alerts marked on the time axis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Response, jsonify, request, url_for
from sqlalchemy.orm import Session

from accounts.current import viewer
from collectors.thresholds import Range, optional
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from monitor.alerts import queries as alerts
from monitor.alerts.models import Alert
from monitor.checks import queries as checks
from monitor.models import Check
from monitor.pages import metrics, words
from monitor.pages.blueprint import blueprint
from monitor.samples import MAX_POINTS, SeriesInfo
from monitor.samples.access import current_store
from web import access
from web.api.schemas import to_utc
from web.db import db

SPANS = {
    "3h": dt.timedelta(hours=3),
    "24h": dt.timedelta(hours=24),
    "7d": dt.timedelta(days=7),
    "90d": dt.timedelta(days=90),
}
MOST_SERIES = 12
_AROUND = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart of a page."""

    title: str
    unit: str
    url: str


def of_check(check_id: int, *, span: str = "24h", around: Alert | None = None) -> list[Plot]:
    """The charts of a check, one for each metric; around an alert, or of the last `span`."""
    store = current_store()
    if store is None:
        return []
    by_metric: dict[str, SeriesInfo] = {}
    for info in store.series_of(check_id):
        by_metric.setdefault(info.key.metric, info)
    time: dict[str, Any] = {"span": span}
    if around is not None:
        since = around.starts_at - _AROUND
        time = {"since": since.isoformat()}
        if around.resolved_at is not None:
            time["until"] = (around.resolved_at + _AROUND).isoformat()
    chosen = sorted(by_metric.values(), key=lambda info: metrics.order(info.key.metric))
    return [
        Plot(
            metrics.title(info.key.metric),
            metrics.shown_unit(info.unit),
            url_for("monitor.check_chart", check_id=check_id, metric=info.key.metric, **time),
        )
        for info in chosen
    ]


@blueprint.get("/checks/<int:check_id>/chart.json")
@access.needs("check.read", "alert.read")
def check_chart(check_id: int) -> Response:
    """One metric of a check over time, all its label sets."""
    session, now = db.session(), clock.now()
    check = _seen(session, check_id)
    since, until = _time(now)
    store, metric = current_store(), request.args.get("metric", "")
    infos = [i for i in (store.series_of(check_id) if store is not None else []) if i.key.metric == metric]
    scale = metrics.scale(infos)
    series = []
    for info in infos[:MOST_SERIES]:
        gap = dt.timedelta(seconds=max(3 * check.interval_s, check.freshness_s or 0)) if check.active else None
        points = store.read(info.key, since, until, MAX_POINTS, gap) if store is not None else []
        shown = [[p.at.isoformat(), None if p.value is None else p.value / scale.divisor] for p in points]
        series.append({"name": metrics.series_name(info.key), "points": shown})
    unit = scale.unit
    body: dict[str, Any] = {
        "unit": unit,
        "series": series,
        "thresholds": _thresholds(check, metric, scale.divisor),
        "marks": _marks(session, check, since, until),
    }
    if unit == "%":
        body |= {"min": 0, "max": 100}
    return jsonify(body)


def _seen(session: Session, check_id: int) -> Check:
    """A check the viewer may read, or whose alert they may."""
    if viewer().can("check.read"):
        return checks.one(session, viewer(), check_id)
    found = session.scalar(alerts.visible(viewer()).where(Alert.check_id == check_id).limit(1))
    return checks.one(session, viewer(), check_id if found is not None else 0, "alert.read")


def _time(now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    given = {name: request.args.get(name) for name in ("since", "until")}
    try:
        since, until = (dt.datetime.fromisoformat(v) if v else None for v in given.values())
        if all(at is None or at.tzinfo is not None for at in (since, until)):
            since, until = (to_utc(at) if at is not None else None for at in (since, until))
    except ValueError as error:
        raise Invalid.of("since", _("须为 RFC 3339 时间，例如 2026-11-23T09:00:00+08:00。")) from error
    if any(at is not None and at.tzinfo is None for at in (since, until)):
        raise Invalid.of("since", _("时间须带时区，例如 2026-11-23T09:00:00+08:00。"))
    until = min(until, now) if until is not None else now
    return since or until - SPANS.get(request.args.get("span", ""), SPANS["24h"]), until


def _thresholds(check: Check, metric: str, divisor: float) -> list[dict[str, Any]]:
    """The lines that the probe judged this metric by, from its last evidence."""
    found: Mapping[str, Sequence[str]] = check.standing.evidence.get("thresholds", {})
    pair = found.get(metric, ())
    named = zip(pair, ("warning", "critical"), (_("警告"), _("严重")), strict=False)
    return [
        {"name": name, "value": value / divisor, "tone": tone}
        for text, tone, name in named
        for value in _bounds(optional(text))
    ]


def _bounds(limits: Range | None) -> list[float]:
    if limits is None:
        return []
    inner = (limits.start, limits.end)
    return [v for v in inner if v not in (float("inf"), float("-inf")) and not (v == 0 and limits.end > 0)]


def _marks(session: Session, check: Check, since: dt.datetime, until: dt.datetime) -> list[dict[str, Any]]:
    """Alerts of the check in this time, to be drawn as bands."""
    during = sa.and_(Alert.starts_at < until, sa.or_(Alert.resolved_at.is_(None), Alert.resolved_at > since))
    mine = alerts.visible(viewer()).where(Alert.check_id == check.id, during).order_by(Alert.starts_at).limit(50)
    return [
        {
            "at": max(alert.starts_at, since).isoformat(),
            "until": alert.resolved_at.isoformat() if alert.resolved_at is not None else None,
            "label": str(words.SEVERITIES[alert.severity]),
            "tone": alert.severity.value,
            "url": url_for("monitor.alert", fingerprint=alert.fingerprint),
        }
        for alert in session.scalars(mine)
    ]
