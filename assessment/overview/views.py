"""The overview page and its chart."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from accounts import queries as accounts
from accounts.current import viewer
from accounts.models import Person
from assessment.overview import queries, rules
from core import clock
from core.i18n import gettext as _
from web import access
from web.db import db

blueprint = Blueprint("overview", __name__, template_folder="../templates")


def _since(now: dt.datetime) -> dt.datetime:
    first = (now.astimezone(rules.ZONE) - dt.timedelta(days=queries.DAYS - 1)).date()
    return dt.datetime.combine(first, dt.time(), rules.ZONE)


@blueprint.get("/overview")
@access.needs("figures.read")
def index() -> ResponseReturnValue:
    """What is late, who carries how much, what sleeps, how the services are."""
    session, who, now = db.session(), viewer(), clock.now()
    branch_of, names = queries.branches(session, who)
    standing = rules.standing(queries.open_rows(session, who), branch_of, now=now)
    done = rules.period(queries.done_rows(session, who, since=_since(now)))
    people = accounts.names(session, [p for p, _n, _late in standing.by_person])
    services = queries.services(session, who)
    tally = {
        state: sum(str(i.health) == state for i, _s in services)
        for state in ("ok", "warning", "critical", "unknown", "nodata")
    }
    return render_template(
        "assessment/overview.html",
        s=standing,
        done=done,
        names=names,
        people=people,
        logins=_logins([p for p, _n, _late in standing.by_person]),
        services=[pair for pair in services if str(pair[0].health) not in {"ok", "nodata"}][:8],
        tally=tally,
        days=queries.DAYS,
        since=_since(now).isoformat(),
        soon={"due_from": now.isoformat(), "due_until": (now + rules.SOON).isoformat()},
    )


def _logins(ids: list[int]) -> dict[int, str]:
    return dict(db.session().execute(sa.select(Person.id, Person.login).where(Person.id.in_(ids))).all())


@blueprint.get("/overview/trend.json")
@access.needs("figures.read")
def trend() -> Response:
    """Opened and resolved a day, for the chart."""
    session, who, now = db.session(), viewer(), clock.now()
    since = _since(now)
    opened = rules.by_day(queries.opened_since(session, who, since=since), since.date(), queries.DAYS)
    resolved = rules.by_day(
        [r.resolved_at for r in queries.done_rows(session, who, since=since)], since.date(), queries.DAYS
    )

    def points(rows: list[tuple[dt.date, int]]) -> list[tuple[str, int]]:
        return [(dt.datetime.combine(day, dt.time(), rules.ZONE).isoformat(), n) for day, n in rows]

    series = [{"name": _("新报"), "points": points(opened)}, {"name": _("解决"), "points": points(resolved)}]
    return jsonify({"unit": _("件"), "series": series, "thresholds": [], "marks": []})
