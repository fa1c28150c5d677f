"""Pages to look at items and services."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Blueprint, jsonify, render_template, request
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from accounts.current import viewer
from accounts.models import Person, Team, Unit
from cmdb import queries, words
from cmdb.api_shapes import Names
from cmdb.models import (
    HEALTH_LABELS,
    LIFECYCLE_LABELS,
    ORIGIN_LABELS,
    RELATION_INVERSE_LABELS,
    RELATION_LABELS,
    SERVICE_TYPE,
    Health,
    Item,
    ItemEvent,
    ItemType,
    ItemVersion,
    Lifecycle,
    RelationKind,
)
from cmdb.pictures import picture
from cmdb.queries.items import Filter, units_with_items
from cmdb.service.items import type_schema
from cmdb.service.versions import flat
from cmdb.shipped_words import worded
from core import clock
from core.errors import NotFound
from core.i18n import gettext as _
from web import access, once
from web.api.schemas import here, to_utc
from web.db import db

blueprint = Blueprint("cmdb", __name__, template_folder="templates")
PER_PAGE = 50
NEWEST = 40
SEE = ("item.read", "service.read")


def _enum(kind: Any, name: str) -> Any:
    """A filter's value, or None where the address holds none of the kind."""
    value = request.args.get(name, "")
    return kind(value) if value in list(kind) else None


def _words(name: str) -> str:
    """A word of the address; a zero byte can't be asked of PostgreSQL."""
    return (request.args.get(name) or "").replace("\x00", "").strip()[:200]


@blueprint.get("/items")
@access.needs("item.read")
def items() -> ResponseReturnValue:
    """The list of items, narrowed by what stands in the address."""
    wanted = Filter(
        type=_words("type") or None,
        under=_words("under") or None,
        health=_enum(Health, "health"),
        lifecycle=_enum(Lifecycle, "lifecycle"),
        q=_words("q") or None,
        service=request.args.get("service", type=int),
    )
    session, me = db.session(), viewer()
    service = queries.get_item(session, me, wanted.service, catalogue=True) if wanted.service else None
    page = queries.items_page(session, me, wanted, cursor=request.args.get("cursor"), limit=PER_PAGE)
    return render_template(
        "cmdb/items.html",
        page=page,
        wanted=wanted,
        service=service,
        types=_types(),
        units=units_with_items(session, me),
        health_labels=HEALTH_LABELS,
        lifecycle_labels=LIFECYCLE_LABELS,
        may_write=me.can("item.write"),
        next_url=_next(page.next),
    )


def _next(cursor: str | None) -> str | None:
    """The address of the next page, with the same filters."""
    if cursor is None:
        return None
    kept = {key: value for key, value in request.args.items() if value and key != "cursor"}
    return f"{request.path}?{urlencode({**kept, 'cursor': cursor})}"


def _types() -> list[ItemType]:
    return list(db.session().scalars(sa.select(ItemType).order_by(ItemType.position, ItemType.code)))


@blueprint.get("/services")
@access.needs(*SEE)
def services() -> ResponseReturnValue:
    """The service catalogue, by group."""
    found = queries.readable_services(db.session(), viewer())
    wanted = _words("q").lower()
    health = _enum(Health, "health")
    groups: dict[str, list[Item]] = {}
    for item in found:
        text = f"{item.name} {item.service.code} {item.service.summary}".lower() if item.service else ""
        if (not wanted or wanted in text) and (health is None or item.health is health):
            groups.setdefault((item.service.group if item.service else "") or _("未分组"), []).append(item)
    count = {state: sum(item.health is state for item in found) for state in Health}
    return render_template(
        "cmdb/services.html",
        groups=groups,
        count=count,
        total=len(found),
        wanted=wanted,
        health=health,
        health_labels=HEALTH_LABELS,
        may_write=viewer().can("item.write"),
    )


@blueprint.get("/services/<int:item_id>", endpoint="service")
@blueprint.get("/items/<int:item_id>")
@access.needs(*SEE)
def item(item_id: int) -> ResponseReturnValue:
    """One item: its state, whom it hits, what it hangs on, what happened to it."""
    session, me = db.session(), viewer()
    found = queries.get_item(session, me, item_id, catalogue=True)
    if request.endpoint == "cmdb.service" and found.service is None:
        raise NotFound(_("没有这个服务，或您无权查看。"))
    full = bool(queries.find_items(session, me, [found.id]))
    impact = queries.impact_of(session, found)
    relations = queries.current_relations(session, [found.id]) if full else []
    schema = worded(type_schema(session, found.type_code))
    seen = Names(session, me).seen(impact)
    ends = {i for r in relations for i in (r.source_id, r.target_id)}
    services_ids = queries.services_of(session, [found.id]).get(found.id, [])
    return render_template(
        "cmdb/item.html",
        item=found,
        full=full,
        impact=impact,
        seen=seen,
        relations=relations,
        schema=schema,
        known=queries.find_items(session, me, ends),
        entries=_timeline(found, schema) if full else [],
        services=[s for s in queries.readable_services(session, me) if s.id in services_ids],
        may_write=queries.may_write(session, me, found),
        relation_labels=RELATION_LABELS,
        inverse_labels=RELATION_INVERSE_LABELS,
        origin_labels=ORIGIN_LABELS,
        lifecycle_labels=LIFECYCLE_LABELS,
        kinds=list(RelationKind),
        key=once.new_key(),
        panel=_offered(f"/monitor/items/{found.id}/panel"),
        tickets=_offered(f"/desk/items/{found.id}/tickets"),
        report=_offered("/desk/report"),
        neighbours=_names_nearby(found),
        is_service=found.type_code == SERVICE_TYPE,
    )


def _timeline(found: Item, schema: dict[str, Any]) -> list[dict[str, Any]]:
    session = db.session()
    versions = queries.versions(session, found.id, limit=NEWEST)
    events = queries.events(session, [found.id], limit=NEWEST)
    return words.timeline(versions, events, _people([*versions, *events]), schema)[:NEWEST]


def _people(entries: Sequence[ItemVersion | ItemEvent]) -> dict[str, str]:
    """Login → name of whoever did these."""
    logins = sorted({entry.actor for entry in entries if entry.actor})
    rows = db.session().execute(sa.select(Person.login, Person.name).where(Person.login.in_(logins)))
    return {row[0]: row[1] for row in rows}


def _names_nearby(found: Item) -> list[str]:
    """Names to choose a relation's target from, of the same unit."""
    return list(
        db.session().scalars(
            sa.select(Item.name)
            .where(Item.unit_id == found.unit_id, Item.id != found.id, Item.lifecycle != Lifecycle.RETIRED)
            .order_by(Item.name)
            .limit(200)
        )
    )


def _offered(path: str) -> str | None:
    """The path, if some room answers it; pages compose by address, and a room may be absent."""
    adapter = request_ctx.url_adapter
    if adapter is None:
        return None
    try:
        adapter.match(path, method="GET")
    except HTTPException:
        return None
    return path


@blueprint.get("/items/<int:item_id>/graph.json")
@access.needs("item.read")
def graph(item_id: int) -> ResponseReturnValue:
    """What is near an item, for the drawing."""
    session, me = db.session(), viewer()
    return jsonify(picture(session, me, queries.get_item(session, me, item_id)))


@blueprint.get("/items/<int:item_id>/history")
@access.needs("item.read")
def history(item_id: int) -> ResponseReturnValue:
    """The item as it was on a date (C-01)."""
    session, me = db.session(), viewer()
    found = queries.get_item(session, me, item_id)
    at = moment(request.args.get("at")) or clock.now()
    then = queries.version_at(session, found.id, at)
    schema = worded(type_schema(session, found.type_code))
    relations = queries.relations_at(session, found.id, at)
    ends = {i for r in relations for i in (r.source_id, r.target_id)}
    versions = queries.versions(session, found.id)
    earlier = {v.id: versions[i + 1] if i + 1 < len(versions) else None for i, v in enumerate(versions)}
    return render_template(
        "cmdb/history.html",
        item=found,
        at=at,
        then=then,
        relations=relations,
        known=queries.find_items(session, me, ends),
        fields=_fields_then(then.snapshot, schema) if then else [],
        versions=versions,
        changes={v.id: words.differences(v, earlier[v.id], schema) for v in versions},
        relation_labels=RELATION_LABELS,
        inverse_labels=RELATION_INVERSE_LABELS,
        verbs=words.VERBS,
        names=_people(versions),
        may_write=queries.may_write(session, me, found),
    )


def _fields_then(snapshot: dict[str, Any], schema: dict[str, Any]) -> list[tuple[str, str]]:
    session = db.session()
    shown = {name: value for name, value in flat(snapshot).items() if name not in {"type", "service.position"}}
    for name, kind in (("unit", Unit), ("service.vendor", Unit), ("service.team", Team)):
        if shown.get(name):
            shown[name] = session.scalar(sa.select(kind.name).where(kind.code == shown[name])) or shown[name]
    return [(words.field_label(name, schema), words.value_word(name, value)) for name, value in shown.items()]


def moment(text: str | None) -> dt.datetime | None:
    """What a date-and-time field holds, which is in Asia/Shanghai; None where it holds nothing."""
    if not text:
        return None
    try:
        return to_utc(here(dt.datetime.fromisoformat(text)))
    except ValueError as error:
        raise NotFound(_("日期格式不正确，请使用日期选择框。")) from error
