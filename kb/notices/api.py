"""/api/v1/notices."""

from __future__ import annotations

import datetime as dt
from typing import Any

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from kb import references
from kb.notices import queries, rights, service
from kb.notices.models import Notice
from kb.notices.schemas import NoticeIn, NoticeOut, NoticePatch, NoticeQuery, ReceiptOut, ReceiptQuery
from kb.notices.service import Content
from kb.notices.states import Action
from web.api import Api, Created
from web.db import db
from web.paging import Page

api = Api("notices", __name__)
READ = ("notice.read", "notice.write", "notice.publish")
WRITE = ("notice.write", "notice.publish")


@api.get("/notices", needs=READ, query=NoticeQuery, answer=NoticeOut, listing=True)
def index(query: NoticeQuery) -> Page[NoticeOut]:
    """Notices the caller may read, the latest change first."""
    now = clock.now()
    wanted = queries.Filter(
        active=query.active,
        state=query.state,
        must_read=query.must_read,
        ticket=query.ticket,
        service=query.service,
        text=query.q,
    )
    found = queries.find(db.session(), viewer(), wanted, now=now, cursor=query.cursor, limit=query.limit)
    return Page([NoticeOut.of(n, now) for n in found.items], found.next)


@api.post("/notices", needs=WRITE, body=NoticeIn, answer=NoticeOut, many=True)
def create(body: NoticeIn) -> Created:
    """A new notice."""
    session, who, now = db.session(), viewer(), clock.now()
    units = references.units(session, body.units) if body.units else [who.unit_id]
    content = Content(
        title=body.title, body=body.body, units=tuple(units), starts_at=body.from_ or now, ends_at=body.until,
        services=references.service_ids(session, body.services), tags=tuple(body.tags), error_codes=tuple(body.error_codes),
        must_read=body.must_read, ticket=body.ticket,
    )  # fmt: skip
    publish = body.state == "published" or (body.state is None and rights.may_publish_to(session, who, units))
    notice = service.create(session, who, content=content, publish=publish, now=now)
    return Created(NoticeOut.of(notice, now), f"/api/v1/notices/{notice.number}")


@api.get("/notices/<number>", needs=READ, answer=NoticeOut)
def show(number: str) -> NoticeOut:
    """One notice."""
    now = clock.now()
    return NoticeOut.of(queries.get(db.session(), viewer(), number, now=now), now)


@api.patch("/notices/<number>", needs=WRITE, body=NoticePatch, answer=NoticeOut)
def change(number: str, body: NoticePatch) -> NoticeOut:
    """Change the fields given."""
    session, now = db.session(), clock.now()
    notice = queries.get(session, viewer(), number, now=now, lock=True)
    content = _merged(notice, body, now)
    service.revise(session, viewer(), notice, content=content, confirm_again=body.confirm_again, now=now)
    return NoticeOut.of(notice, now)


def _merged(notice: Notice, body: NoticePatch, now: dt.datetime) -> Content:
    given: dict[str, Any] = body.model_dump(exclude_unset=True, exclude={"confirm_again"})
    for name in ("title", "body", "must_read"):
        if name in given and given[name] is None:
            raise Invalid.of(name, _("必填。"))
    session = db.session()
    units = references.units(session, given["units"] or []) if "units" in given else [r.unit_id for r in notice.reaches]
    services = references.service_ids(session, given["services"] or []) if "services" in given else notice.services
    return Content(
        title=given.get("title", notice.title), body=given.get("body", notice.body), units=tuple(units),
        starts_at=(given["from_"] or now) if "from_" in given else notice.starts_at, ends_at=given.get("until", notice.ends_at),
        services=tuple(services), tags=tuple(given.get("tags", notice.tags) or ()),
        error_codes=tuple(given.get("error_codes", notice.error_codes) or ()),
        must_read=given.get("must_read", notice.must_read), ticket=given.get("ticket", notice.ticket),
    )  # fmt: skip


@api.delete("/notices/<number>", needs=WRITE)
def end(number: str) -> None:
    """End it; a draft is thrown away."""
    session, now = db.session(), clock.now()
    notice = queries.get(session, viewer(), number, now=now, lock=True)
    action = Action.DISCARD if notice.published_at is None else Action.END
    service.act(session, viewer(), notice, action, now=now)


@api.post("/notices/<number>/actions/<action>", needs=WRITE, answer=NoticeOut, status=200)
def act(number: str, action: str) -> NoticeOut:
    """publish, end, resume, discard: what the state table allows."""
    session, now = db.session(), clock.now()
    notice = queries.get(session, viewer(), number, now=now, lock=True)
    return NoticeOut.of(service.act(session, viewer(), notice, references.one_of(Action, action), now=now), now)


@api.get("/notices/<number>/receipts", needs=READ, query=ReceiptQuery, answer=ReceiptOut, listing=True)
def receipts(number: str, query: ReceiptQuery) -> Page[ReceiptOut]:
    """Whom it reaches and who confirmed having read it; for its author and whoever writes for its unit."""
    session, now = db.session(), clock.now()
    notice = queries.get(session, viewer(), number, now=now)
    rights.require(rights.may_follow(session, viewer(), notice))
    unit = references.units(session, [query.unit], field="unit")[0] if query.unit else None
    found = queries.receipts(session, notice, read=query.read, unit_id=unit, cursor=query.cursor, limit=query.limit)
    return Page([ReceiptOut.of(r) for r in found.items], found.next)


@api.post("/notices/<number>/receipts", needs="notice.read", answer=NoticeOut, status=200)
def confirm(number: str) -> NoticeOut:
    """The caller has read it."""
    session, now = db.session(), clock.now()
    notice = queries.get(session, viewer(), number, now=now)
    service.confirm(session, viewer(), notice, now=now)
    return NoticeOut.of(notice, now)
