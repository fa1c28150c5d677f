"""Adding a file to a ticket, and reading it back."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from accounts.scope import Viewer
from core.errors import Forbidden, Invalid, NotFound
from core.i18n import gettext as _
from servicedesk.attachments import sniff
from servicedesk.attachments.models import Attachment
from servicedesk.attachments.reading import texts
from servicedesk.attachments.store import FileStore
from servicedesk.tickets import access, facts, views_of
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket, TicketFact
from web.paging import Key, Page, page

MOST_A_TICKET = 100


def attach(
    session: Session,
    viewer: Viewer,
    ticket: Ticket,
    store: FileStore,
    *,
    name: str | None,
    content: bytes,
    internal: bool,
    now: dt.datetime,
    fact: TicketFact | None = None,
) -> Attachment:
    """Keep a file with the ticket, beside the comment `fact` or as a line of its own.

    Raises Invalid for what is empty, too large, executable or active (T-18), Forbidden for whoever may not write.
    """
    who = access.standing(session, viewer, ticket)
    if not who.writes:
        raise Forbidden(_("您可以查看此事项，但不能添加附件。"))
    if internal and not (who.reads or who.vendor):
        raise Forbidden(_("内部附件只有处理人员可以添加。"))
    if _count(session, ticket) >= MOST_A_TICKET:
        raise Invalid.of("file", _("一个事项最多 %(most)s 个附件。", most=MOST_A_TICKET))
    clean = sniff.clean_name(name)
    kind = sniff.checked(content, clean)
    digest = store.put(content)  # on the disk before the row that names it is committed
    if fact is None:
        fact = facts.append(
            session,
            ticket,
            What.ATTACHED,
            now=now,
            by=viewer.person_id,
            internal=internal,
            data={"name": clean, "size": len(content)},
        )
    session.flush()
    row = Attachment(
        ticket_id=ticket.id,
        fact_id=fact.id,
        name=clean,
        size=len(content),
        media_type=kind.media_type,
        sha256=digest,
        internal=internal or fact.internal,
        by_id=viewer.person_id,
        at=now,
    )
    session.add(row)
    session.flush()
    texts.note(session, digest, kind.media_type)
    facts.changed(session, ticket, What.ATTACHED, now=now)
    return row


def _count(session: Session, ticket: Ticket) -> int:
    return (
        session.scalar(sa.select(sa.func.count()).select_from(Attachment).where(Attachment.ticket_id == ticket.id)) or 0
    )


def of_ticket(
    session: Session, viewer: Viewer, ticket: Ticket, *, cursor: str | None = None, limit: int = MOST_A_TICKET
) -> Page[Attachment]:
    """The attachments the viewer may see, those of lines they may see: a page of them, oldest first."""
    rows = _seen(session, viewer, ticket).options(joinedload(Attachment.by), joinedload(Attachment.said))
    return page(session, rows, [Key(Attachment.id)], cursor=cursor, limit=limit)


def _seen(session: Session, viewer: Viewer, ticket: Ticket) -> sa.Select[Attachment]:
    lines = sa.select(TicketFact.id).where(*views_of.shown(session, viewer, ticket))
    return sa.select(Attachment).where(Attachment.ticket_id == ticket.id, Attachment.fact_id.in_(lines))


def get(session: Session, viewer: Viewer, attachment_id: int) -> Attachment:
    """One attachment, if the viewer may see the ticket and the line it hangs on; else NotFound."""
    row = session.get(Attachment, attachment_id)
    if row is not None:
        ticket = session.scalar(sa.select(Ticket).where(Ticket.id == row.ticket_id, access.visible(viewer)))
        if ticket is not None and session.scalar(_seen(session, viewer, ticket).where(Attachment.id == row.id)):
            return row
    raise NotFound(_("没有这个附件，或您无权查看。"))
