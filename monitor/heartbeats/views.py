"""POST /heartbeat/TOKEN for whoever beats, and /heartbeats of API v1 to make them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload

from accounts.current import viewer
from cmdb.models import Item
from core import clock
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from monitor import schemas as s
from monitor.checks import queries as checks
from monitor.checks import service as check_verbs
from monitor.heartbeats import service
from monitor.models import Check, Heartbeat
from web import access, ratelimit
from web.api import Api, Created, ListQuery
from web.db import db
from web.paging import Key, Page, page

blueprint = Blueprint("heartbeat", __name__)
api = Api("heartbeats", __name__)
_LIMIT = "120/minute"


@blueprint.post("/heartbeat/<token>")
@access.public
def beat(token: str) -> ResponseReturnValue:
    """Take a beat; the token is all the proof there is."""
    ratelimit.hit(_LIMIT, "heartbeat", service.token_hash(token))
    service.beat(db.session(), token, now=clock.now())
    db.session().commit()
    return Response("ok\n", mimetype="text/plain")


beat.__no_csrf__ = True  # type: ignore[attr-defined]  # programs beat, not forms


@api.get("/heartbeats", needs="check.read", query=ListQuery, answer=s.HeartbeatOut, listing=True)
def index(query: ListQuery) -> Page[Any]:
    """Heartbeats the viewer may see, oldest first; `q` is a part of the name."""
    statement = _visible()
    if query.q:
        statement = statement.where(Check.name.contains(query.q, autoescape=True))
    found = page(db.session(), statement, [Key(Heartbeat.id)], cursor=query.cursor, limit=query.limit)
    return Page([_out(h) for h in found.items], found.next)


@api.post("/heartbeats", needs="check.write", body=s.HeartbeatIn, answer=s.HeartbeatOut, many=True)
def create(body: s.HeartbeatIn) -> Created:
    """A new heartbeat; token and address are told this once."""
    session = db.session()
    item = session.get(Item, body.item)
    if item is None or not checks.may_write(session, viewer(), item.id):
        raise Invalid.of("item", _("没有配置项 %(id)s，或您无权为它添加监控项。", id=body.item))
    made, token = service.create(
        session, item, name=body.name, period_s=body.period_s, grace_s=body.grace_s, now=clock.now()
    )
    answer = _out(made)
    answer.token, answer.url = token, service.url_of(token, current_app.config["TAXOPS"].base_url)
    return Created(answer, f"/api/v1/heartbeats/{made.id}")


@api.get("/heartbeats/<int:number>", needs="check.read", answer=s.HeartbeatOut)
def show(number: int) -> s.HeartbeatOut:
    """One heartbeat."""
    return _out(_one(db.session(), number))


@api.delete("/heartbeats/<int:number>", needs="check.write", status=204)
def retire(number: int) -> None:
    """Retire a heartbeat and its check."""
    session = db.session()
    heartbeat = _one(session, number)
    if not checks.may_write(session, viewer(), heartbeat.check.item_id):
        raise Forbidden(_("您可以查看这个心跳，但不能停用它。"))
    check_verbs.retire(session, heartbeat.check, now=clock.now())


def _visible() -> sa.Select[Heartbeat]:
    return (
        sa.select(Heartbeat)
        .join(Check, Check.id == Heartbeat.check_id)
        .join(Item, Item.id == Check.item_id)
        .options(joinedload(Heartbeat.check))
        .where(checks.admitted(viewer(), "check.read"), Check.retired_at.is_(None))
    )


def _one(session: Session, number: int) -> Heartbeat:
    found = session.scalar(_visible().where(Heartbeat.id == number))
    if found is None:
        raise NotFound(_("没有这个心跳，或您无权查看。"))
    return found


def _out(heartbeat: Heartbeat) -> s.HeartbeatOut:
    return s.HeartbeatOut(
        id=heartbeat.id,
        check=heartbeat.check_id,
        name=heartbeat.check.name,
        item=heartbeat.check.item_id,
        period_s=heartbeat.period_s,
        grace_s=heartbeat.grace_s,
        last_beat_at=heartbeat.last_beat_at,
        due_at=heartbeat.due_at,
    )
