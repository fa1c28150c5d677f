"""A resolved ticket becomes a draft in one action, or extends an article there is (K-02)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import Viewer
from core.errors import Conflict, Forbidden
from core.i18n import gettext as _
from kb.articles import rules, service, usage
from kb.articles.models import Article, How
from kb.articles.service import Content
from kb.tickets import TicketFacts


def content_of(ticket: TicketFacts) -> Content:
    """What the ticket tells, already split into symptom, environment, cause, solution and check."""
    environment = "\n".join(f"- {part}" for part in (ticket.service, ticket.item) if part)
    sections = rules.draft_from(
        description=ticket.description or ticket.title,
        solution=ticket.solution,
        cause=ticket.cause,
        environment=environment,
    )
    return Content(
        rules.masked(ticket.title), rules.join(sections), ticket.category, (), (ticket.service_id,) if ticket.service_id else (),
        (ticket.error_code,) if ticket.error_code else (),
    )  # fmt: skip


def existing(session: Session, ticket: str) -> Article | None:
    """The article that came from this ticket."""
    return session.scalar(sa.select(Article).where(Article.source_ticket == ticket))


def draft(session: Session, viewer: Viewer, ticket: TicketFacts, *, now: dt.datetime) -> Article:
    """A draft of the viewer's out of a ticket. Raises Forbidden, Conflict where there is one already."""
    return service.create(session, viewer, content=content_of(ticket), source_ticket=ticket.number, now=now)


def draft_by_itself(session: Session, ticket: TicketFacts, *, now: dt.datetime) -> Article | None:
    """The draft that a resolution makes, in the name of who resolved it; None where it would teach nobody."""
    worth = rules.may_draft(
        solution=ticket.solution,
        article=ticket.article,
        by_person=ticket.resolved_by_id is not None,
        parent=ticket.parent,
    )
    if not worth or ticket.resolved_by_id is None or existing(session, ticket.number) is not None:
        return None
    person = session.get_one(Person, ticket.resolved_by_id)
    return service.create_for(
        session,
        person_id=person.id,
        unit_id=ticket.unit_id or person.unit_id,
        content=content_of(ticket),
        source_ticket=ticket.number,
        now=now,
    )


def extend(session: Session, viewer: Viewer, article: Article, ticket: TicketFacts, *, now: dt.datetime) -> Article:
    """Put what the ticket tells under the article's own sections: one article grows instead of two alike.

    Raises Forbidden, Conflict where the ticket went into it before.
    """
    if not viewer.can("article.write"):
        raise Forbidden(_("您没有编写知识的权限。"))
    if (
        usage.record_use(session, article, how=How.EXTENDED, person_id=viewer.person_id, ticket=ticket.number, now=now)
        is None
    ):
        raise Conflict(_("该事项已经补充到这篇文章。"))
    newest = Content.of(article)
    own, added = rules.split(newest.body), rules.split(content_of(ticket).body)
    for name, _heading in rules.SECTIONS:
        text = added[name].strip()
        if text and text not in own[name]:
            own[name] = f"{own[name]}\n\n**{ticket.number}**\n\n{text}".strip()
    codes = (*newest.error_codes, *((ticket.error_code,) if ticket.error_code else ()))
    content = Content(newest.title, rules.join(own), newest.category, newest.tags, newest.services, codes)
    return service.revise(
        session, viewer, article, content=content, comment=_("补充自 %(number)s", number=ticket.number), now=now
    )
