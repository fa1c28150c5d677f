"""/api/v1/bulk-runs: one action on many tickets, each with its own result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from kb.search.current import engine
from servicedesk import queries as tickets
from servicedesk.bulk import actions, queries, service
from servicedesk.bulk.actions import BulkAction
from servicedesk.bulk.models import BulkRun
from servicedesk.bulk.queries import Tally
from servicedesk.bulk.schemas import ItemOut, ItemQuery, RunIn, RunOut
from servicedesk.tickets.asking import filter_of
from servicedesk.tickets.schemas import SideQuery, TicketQuery
from web.api import Api, ApiModel, Created
from web.db import db
from web.messages import as_invalid
from web.paging import Page

api = Api("bulk-runs", __name__)
ACT = ("ticket.work", "ticket.assign", "ticket.close")


def _checked(model: type[ApiModel], given: Mapping[str, Any], prefix: str) -> Any:
    try:
        return model.model_validate(given)
    except pydantic.ValidationError as error:
        raise as_invalid(error, prefix) from error


def _numbers(body: RunIn) -> list[str]:
    if (body.tickets is None) is (body.filter is None):
        raise Invalid.of("tickets", _("请给出 tickets 或 filter，二者之一。"))
    if body.tickets is not None:
        return body.tickets
    wanted = filter_of(_checked(TicketQuery, body.filter or {}, "filter"), viewer())
    most = body.first or service.MOST + 1
    found = tickets.first_numbers(db.session(), viewer(), wanted, now=clock.now(), most=most, engine=engine())
    if len(found) > service.MOST:
        raise Invalid.of("filter", _("筛选出的超过 %(n)s 个，请缩小范围，或用 first 指明处理几个。", n=service.MOST))
    return found


def _out(run: BulkRun, tally: Tally) -> RunOut:
    return RunOut(
        id=run.id,
        action=BulkAction(run.action),
        values=run.given,
        total=run.total,
        done=tally.done,
        failed=tally.failed,
        skipped=tally.skipped,
        created_at=run.created_at,
        stopped_at=run.stopped_at,
        finished_at=run.finished_at,
    )


def _one(run: BulkRun) -> RunOut:
    return _out(run, queries.tallies(db.session(), [run])[run.id])


@api.post("/bulk-runs", needs=ACT, body=RunIn, answer=RunOut)
def order_run(body: RunIn) -> Created:
    """Order an action on many tickets; it runs in the background."""
    session = db.session()
    values = _checked(actions.SCHEMAS[body.action], body.values, "values")
    run = service.order(session, viewer(), action=body.action, numbers=_numbers(body), values=values, now=clock.now())
    return Created(_one(run), f"/api/v1/bulk-runs/{run.id}")


@api.get("/bulk-runs", needs=ACT, query=SideQuery, answer=RunOut, listing=True)
def list_runs(query: SideQuery) -> Page[RunOut]:
    """The caller's runs of the last 90 days, newest first."""
    session = db.session()
    found = queries.runs(session, viewer(), cursor=query.cursor, limit=query.limit)
    tallies = queries.tallies(session, found.items)
    return Page([_out(run, tallies[run.id]) for run in found.items], found.next)


@api.get("/bulk-runs/<int:run_id>", needs=ACT, answer=RunOut)
def show_run(run_id: int) -> RunOut:
    """How far a run is."""
    return _one(service.get(db.session(), viewer(), run_id))


@api.get("/bulk-runs/<int:run_id>/items", needs=ACT, query=ItemQuery, answer=ItemOut, listing=True)
def list_run_items(run_id: int, query: ItemQuery) -> Page[ItemOut]:
    """What became of each ticket, with the reason of each failure."""
    session = db.session()
    run = service.get(session, viewer(), run_id)
    found = queries.items(session, run, state=query.state, cursor=query.cursor, limit=query.limit)
    return Page([ItemOut(ticket=i.number, state=i.state, reason=i.reason, at=i.at) for i in found.items], found.next)


@api.post("/bulk-runs/<int:run_id>/stop", needs=ACT, status=200, answer=RunOut)
def stop_run(run_id: int) -> RunOut:
    """Leave the rest undone."""
    run = service.get(db.session(), viewer(), run_id, lock=True)
    service.stop(run, now=clock.now())
    return _one(run)
