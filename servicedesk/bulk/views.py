"""Choosing in the list, saying what is to be done, and watching it being done."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import queries as accounts
from accounts.current import viewer
from accounts.models import Team
from core import clock
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from kb.search.current import engine
from servicedesk import queries as tickets
from servicedesk.blueprint import blueprint
from servicedesk.bulk import actions, queries, service
from servicedesk.bulk.actions import BulkAction
from servicedesk.bulk.models import BulkItem, ItemState
from servicedesk.tickets import access, presenting, rules
from servicedesk.tickets.asking import filter_of, query_of
from servicedesk.tickets.models import Ticket
from web import access as door
from web import once, storable
from web.db import db
from web.forms import Form

ACT = ("ticket.work", "ticket.assign", "ticket.close")
SHOWN = 12  # of the chosen, by title
RUNS = 30
LONGEST = BulkItem.number.type.length


@blueprint.get("/bulk/new")
@door.needs(*ACT)
def bulk_new() -> ResponseReturnValue:
    """What is to be done to those chosen: ticked ones, all of a filter, or those another run left."""
    action = _action(request.args.get("do"))
    numbers, more = _chosen()
    if action is None or not numbers:
        flash(_("请至少选择一个事项。") if action else _("没有这个操作。"), "error")
        return redirect(url_for("desk.tickets", view="all"), 303)
    return _form(action, numbers, more=more)


def _action(name: str | None) -> BulkAction | None:
    return next((a for a in actions.offered_to(viewer()) if a == name), None)


def _chosen() -> tuple[list[str], bool]:
    """The numbers, and whether the filter finds more than one run takes."""
    session, who, args = db.session(), viewer(), request.args
    again = args.get("again", type=int)
    if again and again <= storable.BIGGEST:
        return queries.failed_numbers(session, service.get(session, who, again)), False
    if args.get("all"):
        query = query_of(parse_qs(args.get("query", "")[:4000], max_num_fields=200))
        wanted = filter_of(query, who)
        found = tickets.first_numbers(session, who, wanted, now=clock.now(), most=service.MOST + 1, engine=engine())
        return found[: service.MOST], len(found) > service.MOST
    return _numbers(args.getlist("n"))[: service.MOST], False


def _numbers(given: list[str]) -> list[str]:
    """Each once, in their order. Raises Invalid for what is no number of a ticket: nothing here looks for it."""
    if not all(len(n) <= LONGEST and rules.NUMBER.match(n) for n in given):
        raise Invalid.of("tickets", _("不是事项编号。"))
    return list(dict.fromkeys(given))


def _form(
    action: BulkAction, numbers: list[str], *, more: bool = False, form: Form[Any] | None = None, status: int = 200
) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    shown = session.scalars(
        sa.select(Ticket).options(*tickets.WITH).where(Ticket.number.in_(numbers[:SHOWN]), access.visible(who))
    ).all()
    return render_template(
        "servicedesk/bulk_new.html",
        action=action,
        label=str(actions.LABELS[action]),
        picture=actions.ICONS[action],
        numbers=numbers,
        more=more,
        most=service.MOST,
        rows=sorted(presenting.rows(session, shown), key=lambda row: numbers.index(row.number)),
        form=form,
        key=once.new_key(),
        choices=_choices(action),
    ), status


def _choices(action: BulkAction) -> dict[str, list[tuple[str, str]]]:
    """What the fields offer: the teams of the unit and their people; urgency and impact."""
    session, who = db.session(), viewer()
    if action is BulkAction.PRIORITY:
        return {
            "urgency": [(str(n), str(label)) for n, label in rules.URGENCY_LABELS.items()],
            "impact": [(str(n), str(label)) for n, label in rules.IMPACT_LABELS.items()],
        }
    if action is not BulkAction.ASSIGN:
        return {}
    teams = session.scalars(sa.select(Team).where(Team.unit_id == who.unit_id, Team.active).order_by(Team.name)).all()
    people = {p.login: p.name for team in teams for p in accounts.members(session, team.id)}
    return {
        "team": [(team.code, team.name) for team in teams],
        "holder": sorted(people.items(), key=lambda pair: pair[1]),
    }


@blueprint.post("/bulk")
@door.needs(*ACT)
def bulk_order() -> ResponseReturnValue:
    """Order it; a second click leads to the same run."""
    session = db.session()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    action, numbers = _action(request.form.get("do")), _numbers(request.form.getlist("n"))
    if action is None:
        session.rollback()
        flash(_("没有这个操作。"), "error")
        return redirect(url_for("desk.tickets", view="all"), 303)
    form = Form(actions.SCHEMAS[action], request.form)
    values = form.validate()
    try:
        if values is None:
            session.rollback()
            return _form(action, numbers, form=form, status=422)
        run = service.order(session, viewer(), action=action, numbers=numbers, values=values, now=clock.now())
    except (Invalid, Forbidden, Conflict) as error:
        session.rollback()
        flash(error.message, "error")
        return redirect(url_for("desk.tickets", view="all"), 303)
    url = url_for("desk.bulk_run", run_id=run.id)
    once.finish(first, url)
    session.commit()
    return redirect(url, 303)


@blueprint.get("/bulk")
@door.needs(*ACT)
def bulk_runs() -> ResponseReturnValue:
    """My runs."""
    session = db.session()
    found = queries.runs(session, viewer(), cursor=request.args.get("cursor"), limit=RUNS)
    tallies = queries.tallies(session, found.items)
    return render_template(
        "servicedesk/bulk_runs.html",
        runs=[{"run": run, "tally": tallies[run.id], "label": _label(run.action)} for run in found.items],
        next_url=url_for("desk.bulk_runs", cursor=found.next) if found.next else "",
    )


def _label(action: str) -> str:
    return str(actions.LABELS[BulkAction(action)])


@blueprint.get("/bulk/<int:run_id>")
@door.needs(*ACT)
def bulk_run(run_id: int) -> ResponseReturnValue:
    """How far a run is, and what became of each ticket: the failures first."""
    session, who = db.session(), viewer()
    run = service.get(session, who, run_id)
    items = queries.items(session, run, limit=service.MOST).items
    order = {ItemState.FAILED: 0, ItemState.SKIPPED: 1, ItemState.DONE: 2, ItemState.PENDING: 3}
    return render_template(
        "servicedesk/bulk_run.html",
        run=run,
        label=_label(run.action),
        tally=queries.tallies(session, [run])[run.id],
        items=sorted(items, key=lambda item: (order[item.state], item.seq)),
        titles=_titles(items),
    )


def _titles(items: list[BulkItem]) -> dict[str, str]:
    """The titles of those the viewer may see."""
    wanted = sa.select(Ticket.number, Ticket.title)
    rows = wanted.where(Ticket.number.in_([item.number for item in items]), access.visible(viewer()))
    return {row.number: row.title for row in db.session().execute(rows)}


@blueprint.post("/bulk/<int:run_id>/stop")
@door.needs(*ACT)
def bulk_stop(run_id: int) -> ResponseReturnValue:
    """Leave the rest undone."""
    session = db.session()
    service.stop(service.get(session, viewer(), run_id, lock=True), now=clock.now())
    session.commit()
    return redirect(url_for("desk.bulk_run", run_id=run_id), 303)
