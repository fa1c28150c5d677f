"""/api/v1/tickets/N/…: timeline, custody, attachments, steps; and downloads of attachments."""

from __future__ import annotations

from flask import Response, current_app, request
from werkzeug.datastructures import FileStorage

from accounts.current import viewer
from accounts.models import Person
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from servicedesk.attachments import service as attachments
from servicedesk.attachments import sniff
from servicedesk.attachments.download import download
from servicedesk.attachments.models import Attachment
from servicedesk.attachments.reading import texts
from servicedesk.attachments.reading.reader import TextState
from servicedesk.attachments.store import FileStore
from servicedesk.custody import service as custody
from servicedesk.tickets import access, conversation, mentions, showing, views_of
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.schemas import (
    AttachmentOut,
    CommentIn,
    CustodyOut,
    SideQuery,
    StepIn,
    TimelineOut,
    WatcherOut,
    WatchIn,
)
from web.api import Api, Created
from web.db import db
from web.paging import Key, Page, page

api = Api("ticket-sides", __name__)
SEE = ("ticket.report", "ticket.read", "ticket.work", "vendor.work")


def _ticket(number: str, *, lock: bool = False) -> Ticket:
    return access.get(db.session(), viewer(), number, lock=lock)


@api.get("/tickets/<number>/timeline", needs=SEE, query=SideQuery, answer=TimelineOut, listing=True)
def timeline(number: str, query: SideQuery) -> Page[TimelineOut]:
    """Everything that happened and the caller may see, in order."""
    found = views_of.timeline_page(db.session(), viewer(), _ticket(number), cursor=query.cursor, limit=query.limit)
    return Page(showing.timeline_out(found.items), found.next)


@api.post("/tickets/<number>/timeline", needs=SEE, body=CommentIn, answer=TimelineOut)
def add_comment(number: str, body: CommentIn) -> Created:
    """Add a comment."""
    session = db.session()
    fact = conversation.comment(
        session, viewer(), _ticket(number, lock=True), text=body.text, internal=body.internal, now=clock.now()
    )
    session.flush()
    return Created(showing.timeline_out([fact])[0], f"/api/v1/tickets/{number}/timeline")


@api.get("/tickets/<number>/watchers", needs=SEE, query=SideQuery, answer=WatcherOut, listing=True)
def list_watchers(number: str, query: SideQuery) -> Page[WatcherOut]:
    """Who follows it, for those who work on it; others see themselves."""
    session, who = db.session(), viewer()
    ticket = _ticket(number)
    reads = access.standing(session, who, ticket).reads
    wanted = mentions.following(ticket) if reads else mentions.following(ticket).where(Person.id == who.person_id)
    found = page(session, wanted, [Key(Person.login)], cursor=query.cursor, limit=query.limit)
    return Page([WatcherOut(login=p.login, name=p.name) for p in found.items], found.next)


@api.post("/tickets/<number>/watch", needs=SEE, body=WatchIn, status=200)
def watch(number: str, body: WatchIn) -> None:
    """Follow it, or stop following."""
    conversation.watch(db.session(), viewer(), _ticket(number, lock=True), now=clock.now(), on=body.on)


@api.get("/tickets/<number>/custody", needs=SEE, query=SideQuery, answer=CustodyOut, listing=True)
def ledger(number: str, query: SideQuery) -> Page[CustodyOut]:
    """The ledger: who held it how long, and whom it waited for; a vendor sees its own part."""
    session, who = db.session(), viewer()
    ticket = _ticket(number)
    found = custody.ledger_page(session, ticket.id, unit_id=who.vendor_unit_id, cursor=query.cursor, limit=query.limit)
    return Page(showing.custody_out(session, found.items, now=clock.now()), found.next)


@api.get("/tickets/<number>/attachments", needs=SEE, query=SideQuery, answer=AttachmentOut, listing=True)
def list_attachments(number: str, query: SideQuery) -> Page[AttachmentOut]:
    """The files the caller may see."""
    session, ticket = db.session(), _ticket(number)
    found = attachments.of_ticket(session, viewer(), ticket, cursor=query.cursor, limit=query.limit)
    state = texts.state_in(session, ticket.id)
    return Page([_out(row, state(row)) for row in found.items], found.next)


@api.post("/tickets/<number>/attachments", needs=SEE, answer=AttachmentOut)
def add_attachment(number: str) -> Created:
    """Add a file: multipart/form-data with `file` and `internal` (true or false)."""
    session = db.session()
    ticket = _ticket(number, lock=True)
    upload = request.files.get("file")
    if upload is None or len(request.files.getlist("file")) > 1:  # one file a call: a second would be lost unseen
        raise Invalid.of("file", _("请以 multipart/form-data 提交，文件放在 file 字段。"))
    internal = request.form.get("internal", "false").lower()
    if internal not in {"true", "false", "1", "0", ""}:
        raise Invalid.of("internal", _("须为 true 或 false。"))
    row = attachments.attach(
        session,
        viewer(),
        ticket,
        store(),
        name=upload.filename,
        content=read(upload),
        now=clock.now(),
        internal=internal in {"true", "1"},
    )
    return Created(_out(row, row.text_state), f"/api/v1/attachments/{row.id}")


@api.get("/attachments/<int:attachment_id>", needs=SEE)
def download_attachment(attachment_id: int) -> Response:
    """The file, as a download."""
    row = attachments.get(db.session(), viewer(), attachment_id)
    return download(store(), row.sha256, row.name, row.media_type)


@api.post("/tickets/<number>/steps", needs=SEE, body=StepIn, status=200)
def set_step(number: str, body: StepIn) -> None:
    """Tick or untick a step of the solution standard."""
    conversation.do_step(db.session(), viewer(), _ticket(number, lock=True), body.step, done=body.done, now=clock.now())


def _out(row: Attachment, state: TextState) -> AttachmentOut:
    return AttachmentOut(
        id=row.id,
        name=row.name,
        size=row.size,
        type=row.media_type,
        sha256=row.sha256,
        internal=row.internal,
        text=state,
        by=row.by.login,
        at=row.at,
    )


def read(upload: FileStorage) -> bytes:
    """The bytes of an upload, at most one more than is allowed, so that a huge one fills no memory."""
    return upload.stream.read(sniff.LARGEST + 1)


def store() -> FileStore:
    """Where the current app keeps attachments."""
    settings = current_app.config["TAXOPS"]
    return FileStore(settings.path("attachments"))
