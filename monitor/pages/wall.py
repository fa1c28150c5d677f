"""The wall: how the province is, readable at five metres. Health and counts only; nobody is named."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from flask import abort, current_app, g, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from accounts.current import viewer
from accounts.models import Unit, UnitClosure, UnitLevel
from accounts.scope import Viewer, subtree
from accounts.validity import standing
from cmdb.health import worst
from cmdb.models import Health, Item, ItemHealth, ItemService, Lifecycle, Service
from core import clock
from monitor import links
from monitor.alerts.models import Alert
from monitor.pages import lines
from monitor.pages.blueprint import blueprint
from monitor.rules import Severity
from web import access
from web.db import db

SEE = ("wall.read", "alert.read")
NEWEST = 5
SERVICES = 7
PARTS = ("tiles", "map", "services", "newest", "lines")
_TROUBLED = (Health.CRITICAL, Health.WARNING, Health.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service, its state, and why it is in it."""

    name: str
    health: Health
    why: str
    since: dt.datetime | None


@blueprint.get("/wall", endpoint="wall")
@access.needs(*SEE)
def wall() -> ResponseReturnValue:
    """The whole wall; its parts renew themselves."""
    duty = "oncall.wall" if "oncall.wall" in current_app.view_functions else ""
    context = {name: view for part in PARTS for name, view in _part(part).items()}
    return render_template("monitor/wall.html", parts=PARTS, duty_url=url_for(duty) if duty else "", **context)


@blueprint.get("/wall/parts/<part>")
@access.needs(*SEE)
def wall_part(part: str) -> ResponseReturnValue:
    """One part, fetched again when something happened, and every half minute."""
    if part not in PARTS:
        abort(404)
    return render_template(f"monitor/_wall_{part}.html", **_part(part))


def _part(part: str) -> dict[str, Any]:
    session, now = db.session(), clock.now()
    roots = _roots(viewer())
    if part == "map":
        return {"places": _places(session, roots, now)}
    if part == "services":
        return _services(session, roots)
    if part == "lines":
        return lines.busiest(session, roots, now)
    if part == "newest":
        return {"newest": _newest(session, roots)}
    return _tiles(session, roots, now)


def _roots(me: Viewer) -> frozenset[int]:
    return me.units_for("wall.read") | me.units_for("alert.read")


def _incidents(session: Session, roots: frozenset[int], now: dt.datetime) -> links.IncidentCounts:
    """Counted once for a page, whichever of its parts ask."""
    if "wall_incidents" not in g:
        g.wall_incidents = links.incidents_below(session, roots, now=now)
    return cast("links.IncidentCounts", g.wall_incidents)


def _open(roots: frozenset[int]) -> sa.ColumnElement[bool]:
    return sa.and_(Alert.resolved_at.is_(None), Alert.unit_id.in_(subtree(roots)))


def _tiles(session: Session, roots: frozenset[int], now: dt.datetime) -> dict[str, Any]:
    rows = session.execute(sa.select(Alert.severity, sa.func.count()).where(_open(roots)).group_by(Alert.severity))
    alerts = {severity: count for severity, count in rows}  # noqa: C416  rows are tuples only at run time
    services = session.execute(
        sa.select(Item.health, sa.func.count())
        .join(Service, Service.item_id == Item.id)
        .where(Item.lifecycle == Lifecycle.LIVE, Item.unit_id.in_(subtree(roots)))
        .group_by(Item.health)
    )
    health = {state: count for state, count in services}  # noqa: C416
    incidents = _incidents(session, roots, now)
    return {
        "alerts_open": sum(alerts.values()),
        "alerts_critical": alerts.get(Severity.CRITICAL, 0),
        "incidents": incidents,
        "services_ok": health.get(Health.OK, 0),
        "services_watched": sum(n for state, n in health.items() if state is not Health.NODATA),
        "services_all": sum(health.values()),
    }


def _places(session: Session, roots: frozenset[int], now: dt.datetime) -> list[dict[str, Any]]:
    """Each city with the worst that its monitored items say; a city nothing monitors has no data."""
    shown = (UnitLevel.PROVINCE, UnitLevel.CITY)
    units = session.scalars(
        sa.select(Unit).where(Unit.level.in_(shown), standing(now), Unit.id.in_(subtree(roots))).order_by(Unit.code)
    ).all()
    said = _said(session, [u.id for u in units if u.level is UnitLevel.CITY])
    said |= _said_by_itself(session, [u.id for u in units if u.level is UnitLevel.PROVINCE])
    incidents = _incidents(session, roots, now).by_city
    return [
        {
            "code": unit.code,
            "name": _short(unit.short_name or unit.name),
            "state": worst(said.get(unit.id, ())).value,
            "open": incidents.get(unit.id, 0),
        }
        for unit in units
    ]


def _short(name: str) -> str:
    """西安 for 西安市局: the wall is read from far away."""
    for ending in ("市税务局", "税务局", "示范区局", "市局"):
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def _said(session: Session, unit_ids: list[int]) -> dict[int, list[Health]]:
    """What is said of items anywhere below these units."""
    rows = session.execute(
        sa.select(UnitClosure.ancestor_id, ItemHealth.state)
        .join(Item, Item.unit_id == UnitClosure.descendant_id)
        .join(ItemHealth, ItemHealth.item_id == Item.id)
        .where(UnitClosure.ancestor_id.in_(unit_ids))
        .distinct()
    )
    found: dict[int, list[Health]] = defaultdict(list)
    for unit_id, state in rows:
        found[unit_id].append(state)
    return dict(found)


def _said_by_itself(session: Session, unit_ids: list[int]) -> dict[int, list[Health]]:
    """What is said of the items of these units, without those below."""
    rows = session.execute(
        sa.select(Item.unit_id, ItemHealth.state)
        .join(ItemHealth, ItemHealth.item_id == Item.id)
        .where(Item.unit_id.in_(unit_ids))
        .distinct()
    )
    found: dict[int, list[Health]] = defaultdict(list)
    for unit_id, state in rows:
        found[unit_id].append(state)
    return dict(found)


def _services(session: Session, roots: frozenset[int]) -> dict[str, Any]:
    """Services in trouble first, then those that are well, then those that nothing monitors; how many are not shown."""
    order = (*_TROUBLED, Health.OK)
    rank = sa.case({h.value: i for i, h in enumerate(order)}, value=Item.health, else_=len(order))
    rows = session.execute(
        sa.select(Item, sa.func.count().over())
        .join(Service, Service.item_id == Item.id)
        .where(Item.lifecycle == Lifecycle.LIVE, Item.unit_id.in_(subtree(roots)))
        .order_by(rank, Service.position, Item.id)
        .limit(SERVICES)
    ).all()
    found, total = [row[0] for row in rows], rows[0][1] if rows else 0
    why = _why(session, [s.id for s in found if s.health in _TROUBLED])
    shown = [ServiceState(s.name, s.health, why.get(s.id, ""), s.health_since) for s in found]
    return {"services": shown, "services_more": total - len(shown)}


def _why(session: Session, service_ids: list[int]) -> dict[int, str]:
    """The worst open alert of a service or of something it needs."""
    serving = sa.select(ItemService.service_id, Alert.summary, Alert.severity, Alert.starts_at).join(
        Alert, Alert.item_id == ItemService.item_id
    )
    own = sa.select(Alert.item_id, Alert.summary, Alert.severity, Alert.starts_at)
    rows = [
        *session.execute(serving.where(ItemService.service_id.in_(service_ids), Alert.resolved_at.is_(None))),
        *session.execute(own.where(Alert.item_id.in_(service_ids), Alert.resolved_at.is_(None))),
    ]
    found: dict[int, str] = {}
    for service_id, summary, _severity, _at in sorted(rows, key=lambda r: (r[2] is not Severity.CRITICAL, r[3])):
        found.setdefault(service_id, summary)
    return found


def _newest(session: Session, roots: frozenset[int]) -> list[tuple[Alert, str]]:
    rows = session.execute(
        sa.select(Alert, Unit.name)
        .join(Unit, Unit.id == Alert.unit_id)
        .where(_open(roots))
        .order_by(Alert.starts_at.desc(), Alert.id.desc())
        .limit(NEWEST)
    )
    return [(alert, name) for alert, name in rows]
