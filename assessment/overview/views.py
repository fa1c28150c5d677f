"""The overview page and its chart."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from accounts import queries as accounts
from accounts.current import viewer
from accounts.models import Person
from assessment.overview import keeping, queries, rules
from core import clock
from core.i18n import gettext as _
from web import access
from web.db import db

blueprint = Blueprint("overview", __name__, template_folder="../templates")
KEEP_STANDING, KEEP_PAST = dt.timedelta(seconds=15), dt.timedelta(minutes=1)  # where they are of thousands of tickets


def _since(now: dt.datetime) -> dt.datetime:
    first = (now.astimezone(rules.ZONE) - dt.timedelta(days=queries.DAYS - 1)).date()
    return dt.datetime.combine(first, dt.time(), rules.ZONE)


@blueprint.get("/overview")
@access.needs("figures.read")
def index() -> ResponseReturnValue:
    """What is late, who carries how much, what sleeps, how the services are."""
    session, who, now = db.session(), viewer(), clock.now()
    branch_of, names = queries.branches(session, who)
    standing = keeping.counted(
        session, who, "standing", lambda: queries.open_rows(session, who),
        lambda rows: rules.standing(rows, branch_of, now=now), now=now, keep=KEEP_STANDING,
    )  # fmt: skip
    done = keeping.counted(
        session, who, "period", lambda: queries.done_rows(session, who, since=_since(now)), rules.period, now=now, keep=KEEP_PAST
    )  # fmt: skip
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
    first = since.date()
    opened = keeping.counted(
        session, who, "opened", lambda: queries.opened_since(session, who, since=since),
        lambda moments: rules.by_day(moments, first, queries.DAYS), now=now, keep=KEEP_PAST,
    )  # fmt: skip
    resolved = keeping.counted(
        session, who, "resolved", lambda: queries.done_rows(session, who, since=since),
        lambda rows: rules.by_day([r.resolved_at for r in rows], first, queries.DAYS), now=now, keep=KEEP_PAST,
    )  # fmt: skip

    def points(rows: list[tuple[dt.date, int]]) -> list[tuple[str, int]]:
        return [(dt.datetime.combine(day, dt.time(), rules.ZONE).isoformat(), n) for day, n in rows]

    series = [{"name": _("新报"), "points": points(opened)}, {"name": _("解决"), "points": points(resolved)}]
    return jsonify({"unit": _("件"), "series": series, "thresholds": [], "marks": []})
