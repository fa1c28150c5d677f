"""/checks, /checks/ID/run, /results, /pollers of API v1."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from accounts.current import viewer
from cmdb.models import Item
from core import clock
from core.errors import Conflict, FieldError, Forbidden, Invalid
from core.i18n import gettext as _
from monitor import intake, probing
from monitor import schemas as s
from monitor.checks import definition, pollers, queries, service
from monitor.heartbeats import service as heartbeats
from monitor.models import Check, Heartbeat, Poller
from monitor.samples.access import current_store
from monitor.states import State
from web.api import Api, Created, ListQuery, etag
from web.db import db
from web.paging import Key, Page, page

api = Api("checks", __name__)


def out(session: Session, checks: list[Check]) -> list[s.CheckOut]:
    """Checks as the API shows them."""
    now = clock.now()
    names = queries.poller_names(session, {c.poller_id for c in checks if c.poller_id is not None})
    return [_out(check, names, now) for check in checks]


def _one_out(check: Check) -> s.CheckOut:
    """A single check, its version in the ETag."""
    etag.tagged(check.version)
    return out(db.session(), [check])[0]


def _out(check: Check, pollers_by_id: dict[int, str], now: dt.datetime) -> s.CheckOut:
    standing = check.standing
    return s.CheckOut(
        id=check.id,
        item=check.item_id,
        name=check.name,
        type=check.type,
        target=check.target,
        params=definition.shown(check),
        active=check.active,
        interval_s=check.interval_s,
        retry_s=check.retry_s,
        max_attempts=check.max_attempts,
        timeout_s=check.timeout_s,
        freshness_s=check.freshness_s,
        parents=[s.ParentRef(check=p.parent_id, group=p.group_name) for p in check.parents],
        poller=pollers_by_id.get(check.poller_id) if check.poller_id is not None else None,
        retired=check.retired_at is not None,
        state=queries.effective(check, now),
        kind=standing.kind,
        attempt=standing.attempt,
        reachable=standing.reachable,
        flapping=standing.flapping,
        output=standing.output,
        checked_at=standing.at,
    )


@api.get("/checks", needs="check.read", query=s.CheckQuery, answer=s.CheckOut, listing=True)
def index(query: s.CheckQuery) -> Page[Any]:
    """Checks, oldest first."""
    session = db.session()
    found = queries.listing(session, viewer(), query, now=clock.now())
    return Page(out(session, found.items), found.next)


@api.get("/checks/<int:check_id>", needs="check.read", answer=s.CheckOut)
def show(check_id: int) -> s.CheckOut:
    """One check."""
    session = db.session()
    return _one_out(queries.one(session, viewer(), check_id))


@api.post("/checks", needs="check.write", body=s.CheckIn, answer=s.CheckOut, many=True)
def create(body: s.CheckIn) -> Created:
    """A new check of an item."""
    session = db.session()
    item = _item(session, body.item)
    url = None
    if body.type == heartbeats.TYPE:
        made, url = _heartbeat(session, item, body)
        check = made.check
    else:
        check = service.create(session, item, wanted(body), now=clock.now())
    answer = out(session, [check])[0]
    answer.heartbeat_url = url
    return Created(answer, f"/api/v1/checks/{check.id}")


def _heartbeat(session: Session, item: Item, body: s.CheckIn) -> tuple[Heartbeat, str]:
    """A check of type `heartbeat` is fed by beats: `interval_s` is their period, `params.grace_s` the patience."""
    grace = (body.params or {}).get("grace_s", 60)
    if not isinstance(grace, int) or isinstance(grace, bool) or not 0 <= grace <= 7 * s.DAY_S:
        raise Invalid.of("params.grace_s", _("须为 0 到 604800 的整数（秒）。"))
    made, token = heartbeats.create(
        session,
        item,
        name=body.name or _("心跳"),
        period_s=body.interval_s or service.DEFAULT_INTERVAL_S,
        grace_s=grace,
        now=clock.now(),
    )
    return made, heartbeats.url_of(token, current_app.config["TAXOPS"].base_url)


@api.patch("/checks/<int:check_id>", needs="check.write", body=s.CheckFields, answer=s.CheckOut)
def change(check_id: int, body: s.CheckFields) -> s.CheckOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    check = _writable(session, check_id)
    etag.must_match(check.version)
    _refuse_null(body)
    return _one_out(service.change(session, check, wanted(body), now=clock.now()))


@api.delete("/checks/<int:check_id>", needs="check.write", status=204)
def retire(check_id: int) -> None:
    """Retire a check; its history stays."""
    session = db.session()
    service.retire(session, _writable(session, check_id), now=clock.now())


@api.post("/checks/<int:check_id>/run", needs="check.write", answer=s.CheckOut, status=200)
def run(check_id: int) -> s.CheckOut:
    """Run a check now; its result counts like any other."""
    session = db.session()
    check = _writable(session, check_id)
    if not check.active or check.retired_at is not None:
        raise Conflict(_("这个监控项不由平台执行，只接收外部送来的结果。"))
    order = probing.Order.of(check)
    session.rollback()  # nobody shall wait for the database while we wait for a target
    result = probing.run_now(order)
    intake.take(session, [probing.as_result(check_id, result)], store=current_store(), now=clock.now())
    session.expire_all()
    return _one_out(queries.one(session, viewer(), check_id))


@api.post("/results", needs="result.write", body=s.ResultsIn, answer=s.ResultsOut, status=200)
def results(body: s.ResultsIn) -> s.ResultsOut:
    """Take results from outside; judged in order of `at`."""
    session = db.session()
    if body.poller is not None:
        pollers.seen(session, viewer(), body.poller, now=clock.now())
    _known_checks(session, body)
    batch = [
        intake.Result(
            r.check,
            r.at,
            State(r.state),
            r.output,
            [intake.Number(n.metric, n.value, n.unit, n.labels) for n in r.samples],
        )
        for r in body.results
    ]
    taken = intake.take(session, batch, store=current_store(), now=clock.now())
    discarded = [s.Discarded(index=index, reason=reason) for index, reason in sorted(taken.discarded)]
    return s.ResultsOut(accepted=taken.accepted, discarded=discarded, refused_samples=taken.refused_samples)


def _known_checks(session: Session, body: s.ResultsIn) -> None:
    """Refuse the batch where it names a check there is none of for this sender (R-04, T-05)."""
    wanted_ids = {r.check for r in body.results}
    mine = sa.select(Check.id).join(Item, Item.id == Check.item_id).where(queries.admitted(viewer(), "result.write"))
    known = set(session.scalars(mine.where(Check.id.in_(sorted(wanted_ids)))))
    wrong = [
        FieldError(f"results[{place}].check", _("没有监控项 %(id)s。", id=r.check))
        for place, r in enumerate(body.results)
        if r.check not in known
    ]
    if wrong:
        raise Invalid(_("提交的内容有误，什么都没有保存。"), wrong[:100])


def _item(session: Session, item_id: int) -> Item:
    item = session.get(Item, item_id)
    if item is None or not queries.may_write(session, viewer(), item.id):
        raise Invalid.of("item", _("没有配置项 %(id)s，或您无权为它添加监控项。", id=item_id))
    return item


def _writable(session: Session, check_id: int) -> Check:
    check = queries.one(session, viewer(), check_id)
    if not queries.may_write(session, viewer(), check.item_id):
        raise Forbidden(_("您可以查看这个监控项，但不能改动它。"))
    return check


def _refuse_null(body: s.CheckFields) -> None:
    given = {name for name in body.model_fields_set if getattr(body, name) is None and name != "poller"}
    if given:
        raise Invalid(_("提交的内容有误，什么都没有保存。"), [FieldError(n, _("不能为空。")) for n in sorted(given)])


def wanted(body: s.CheckFields) -> service.Definition:
    """The body as the verbs take it."""
    plain = body.model_dump(exclude={"parents", "item"})
    if "poller" in body.model_fields_set and body.poller is None:
        plain["poller"] = ""
    parents = [(p.check, p.group) for p in body.parents] if body.parents is not None else None
    return service.Definition(**plain, parents=parents)


@api.get("/pollers", needs=("check.read", "result.write"), query=ListQuery, answer=s.PollerOut, listing=True)
def list_pollers(query: ListQuery) -> Page[Any]:
    """Pollers of the viewer's units, by name; `q` is a part of the name."""
    statement = pollers.visible(viewer(), query.q)
    found = page(db.session(), statement, [Key(Poller.name)], cursor=query.cursor, limit=query.limit)
    return Page([_poller_out(poller) for poller in found.items], found.next)


@api.post("/pollers", needs="check.write", body=s.PollerIn, answer=s.PollerOut, many=True)
def enrol(body: s.PollerIn) -> Created:
    """Enrol a poller by name, so that it may send results."""
    session = db.session()
    poller = pollers.enrol(session, viewer(), name=body.name, unit_code=body.unit, now=clock.now())
    return Created(_poller_out(poller), f"/api/v1/pollers/{poller.name}")


@api.get("/pollers/<name>", needs=("check.read", "result.write"), answer=s.PollerOut)
def show_poller(name: str) -> s.PollerOut:
    """One poller."""
    session = db.session()
    return _poller_out(pollers.one(session, viewer(), name))


@api.delete("/pollers/<name>", needs="check.write", status=204)
def retire_poller(name: str) -> None:
    """Retire a poller; its name stays taken."""
    session = db.session()
    pollers.retire(session, viewer(), name, now=clock.now())


def _poller_out(poller: Poller) -> s.PollerOut:
    return s.PollerOut(
        name=poller.name,
        unit=poller.unit.code,
        enrolled_at=poller.enrolled_at,
        last_seen_at=poller.last_seen_at,
        version=poller.version,
        clock_offset_s=poller.clock_offset_s,
        state=pollers.state(poller, clock.now()),
    )
