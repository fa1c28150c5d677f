"""My work (T-16), and the triage board."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from servicedesk import catalogue
from servicedesk.blueprint import WORK, blueprint
from servicedesk.tickets import access, family, presenting
from servicedesk.work import queries
from web import access as door
from web.db import db

PARTS = ("to_accept", "offered", "mine", "overdue", "soon", "waiting")
BOARD = ("alerts", "climbing", "new", "late")


@blueprint.get("/work")
@door.needs(*WORK)
def work() -> ResponseReturnValue:
    """What is mine, what is late next, what came back and why."""
    session, now = db.session(), clock.now()
    found = queries.my_work(session, viewer(), now=now)
    told = {"returned": found.returned, "feedback": found.feedback}
    rows = presenting.rows_of(
        session,
        {name: getattr(found, name) for name in PARTS}
        | {name: [ticket for ticket, _fact in pairs] for name, pairs in told.items()},
    )
    return render_template(
        "servicedesk/work.html",
        **{name: rows[name] for name in PARTS},
        **{name: _with_facts(rows[name], pairs) for name, pairs in told.items()},
        now=now,
    )


def _with_facts(rows: list[presenting.Row], pairs: Any) -> list[dict[str, Any]]:
    return [{"row": row, "fact": fact} for row, (_ticket, fact) in zip(rows, pairs, strict=True)]


@blueprint.get("/triage")
@door.needs(*WORK)
def triage() -> ResponseReturnValue:
    """What climbs now, what belongs together, what broke underneath."""
    session, now = db.session(), clock.now()
    found = queries.triage(session, viewer(), now=now)
    named = catalogue.names(session, [group.service_id for group in found.groups])
    lists = {name: getattr(found, name) for name in BOARD}
    rows = presenting.rows_of(session, lists | {str(i): group.tickets for i, group in enumerate(found.groups)})
    groups = [
        {"group": group, "rows": rows[str(i)], "service": named.get(group.service_id or 0, "")}
        for i, group in enumerate(found.groups)
    ]
    return render_template(
        "servicedesk/triage.html",
        groups=groups,
        **{name: rows[name] for name in BOARD},
    )


@blueprint.post("/triage/merge")
@door.needs(*WORK)
def merge() -> ResponseReturnValue:
    """Hang the chosen matters under one: reporters, attachments and clocks stay theirs (T-11)."""
    session, who, now = db.session(), viewer(), clock.now()
    numbers = request.form.getlist("child")
    try:
        parent = access.get(session, who, request.form.get("parent", ""), lock=True)
        merged = family.merge(
            session,
            who,
            parent,
            [access.get(session, who, n, lock=True) for n in numbers if n != parent.number],
            now=now,
        )
    except (Conflict, Forbidden, Invalid) as error:
        session.rollback()
        flash(error.message, "error")
        return redirect("/desk/triage", 303)
    session.commit()
    flash(_("已把 %(n)s 件并入 %(parent)s。", n=merged, parent=parent.number), "success")
    return redirect("/desk/triage", 303)
