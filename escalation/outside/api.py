"""/receivers of API v1."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from escalation.outside import queries, service
from escalation.outside import schemas as s
from escalation.outside.models import Receiver
from web.api import Api, Created, ListQuery, etag
from web.db import db
from web.paging import Page

api = Api("receivers", __name__)
_MAY_BE_NULL = frozenset({"unit"})


def _out(session: Session, receivers: list[Receiver]) -> list[s.ReceiverOut]:
    ids = {r.unit_id for r in receivers if r.unit_id is not None}
    rows = session.execute(sa.select(Unit.id, Unit.code).where(Unit.id.in_(ids))) if ids else ()
    codes = {row.id: row.code for row in rows}
    return [s.ReceiverOut.of(r, codes.get(r.unit_id or 0)) for r in receivers]


def _one(receiver: Receiver) -> s.ReceiverOut:
    etag.tagged(receiver.version)
    return _out(db.session(), [receiver])[0]


@api.get("/receivers", needs="settings.read", query=ListQuery, answer=s.ReceiverOut, listing=True)
def index(query: ListQuery) -> Page[Any]:
    """Receivers of alerts outside, oldest first."""
    found = queries.listing(db.session(), q=query.q, cursor=query.cursor, limit=query.limit)
    return Page(_out(db.session(), found.items), found.next)


@api.get("/receivers/<int:receiver_id>", needs="settings.read", answer=s.ReceiverOut)
def show(receiver_id: int) -> s.ReceiverOut:
    """One receiver."""
    return _one(queries.one(db.session(), receiver_id))


@api.post("/receivers", needs="channel.write", body=s.ReceiverIn, answer=s.ReceiverOut)
def create(body: s.ReceiverIn) -> Created:
    """A new receiver; what fires already is grouped for it too."""
    made = service.put(db.session(), wanted(body), now=clock.now())
    return Created(_one(made), f"/api/v1/receivers/{made.id}")


@api.patch("/receivers/<int:receiver_id>", needs="channel.write", body=s.ReceiverFields, answer=s.ReceiverOut)
def change(receiver_id: int, body: s.ReceiverFields) -> s.ReceiverOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    found = queries.one(session, receiver_id)
    etag.must_match(found.version)
    for name in body.model_fields_set - _MAY_BE_NULL:
        if getattr(body, name) is None:
            raise Invalid.of(name, _("不能为空。"))
    now_is = _out(session, [found])[0].model_dump(exclude={"id"})
    merged = {**now_is, "url": None, **body.model_dump(exclude_unset=True)}
    return _one(service.put(session, wanted(_Merged.model_validate(merged)), receiver=found, now=clock.now()))


@api.delete("/receivers/<int:receiver_id>", needs="channel.write", status=204)
def retire(receiver_id: int) -> None:
    """Retire a receiver; its log stays."""
    session = db.session()
    service.retire(session, queries.one(session, receiver_id), now=clock.now())


class _Merged(s.ReceiverIn):
    """A receiver as it is with what is changed; no address: the one it has."""

    url: str | None = None  # type: ignore[assignment]


def wanted(body: s.ReceiverIn) -> service.Wanted:
    """What the service takes."""
    return service.Wanted(
        name=body.name,
        url=body.url,
        unit=body.unit,
        matchers=tuple(m.matcher() for m in body.matchers),
        group_by=body.group_by,
        group_wait_s=body.group_wait_s,
        group_interval_s=body.group_interval_s,
        repeat_interval_s=body.repeat_interval_s,
        send_resolved=body.send_resolved,
        active=body.active,
    )
