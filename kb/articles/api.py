"""/api/v1/articles and /api/v1/tickets/N/draft-article."""

from __future__ import annotations

import sqlalchemy as sa

from accounts.current import viewer
from accounts.models import Person
from core import clock
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from kb import references
from kb.articles import drafting, queries, service, usage
from kb.articles.models import Article
from kb.articles.schemas import ActionIn, ArticleIn, ArticleOut, ArticlePatch, ArticleQuery, DraftIn, FeedbackIn
from kb.articles.service import Content
from kb.articles.states import BY_SYSTEM, READABLE, Action
from kb.tickets import TicketFacts, desk
from web.api import Api, Created, etag
from web.db import db
from web.paging import Page

api = Api("articles", __name__)
READ = ("knowledge.read", "article.write", "article.publish")
WRITE = ("article.write", "article.publish")


def _out(article: Article) -> ArticleOut:
    etag.tagged(article.latest)
    return ArticleOut.of(article)


@api.get("/articles", needs=READ, query=ArticleQuery, answer=ArticleOut, listing=True)
def index(query: ArticleQuery) -> Page[ArticleOut]:
    """Articles the caller may read, the latest change first."""
    session = db.session()
    author = session.scalar(sa.select(Person.id).where(Person.login == query.author)) or 0 if query.author else None
    wanted = queries.Filter(
        states=tuple(query.state) or READABLE, tag=query.tag, service=query.service, error_code=query.error_code,
        category=query.category, author_id=author, text=query.q,
    )  # fmt: skip
    found = queries.find(session, viewer(), wanted, cursor=query.cursor, limit=query.limit)
    return Page([ArticleOut.of(a) for a in found.items], found.next)


@api.post("/articles", needs="article.write", body=ArticleIn, answer=ArticleOut, many=True)
def create(body: ArticleIn) -> Created:
    """A new draft."""
    session = db.session()
    content = Content(
        body.title,
        body.body,
        body.category,
        tuple(body.tags),
        references.service_ids(session, body.services),
        tuple(body.error_codes),
    )
    readers = references.units(session, body.units) if body.units else None
    article = service.create(session, viewer(), content=content, readers=readers, now=clock.now())
    return Created(_out(article), f"/api/v1/articles/{article.number}")


@api.get("/articles/<number>", needs=READ, answer=ArticleOut)
def show(number: str) -> ArticleOut:
    """One article; a retired one too."""
    return _out(queries.get(db.session(), viewer(), number))


@api.patch("/articles/<number>", needs=WRITE, body=ArticlePatch, answer=ArticleOut)
def change(number: str, body: ArticlePatch) -> ArticleOut:
    """Save a new version. Of a published article, one by a writer waits for a reviewer (`pending`)."""
    session, who = db.session(), viewer()
    article = queries.get(session, who, number, lock=True)
    newest = Content.of(queries.version(session, article, article.latest))
    given = body.model_dump(exclude_unset=True, exclude={"units", "comment"})
    if "services" in given:
        given["services"] = references.service_ids(session, given["services"] or [])
    for name in ("tags", "error_codes"):
        if name in given:
            given[name] = tuple(given[name] or ())
    for name in ("title", "body"):
        if name in given and given[name] is None:
            raise Invalid.of(name, _("必填。"))
    content = Content(**{**newest.__dict__, **given})
    readers = references.units(session, body.units) if body.units is not None else None
    service.revise(
        session,
        who,
        article,
        content=content,
        base=etag.named(),
        comment=body.comment,
        readers=readers,
        now=clock.now(),
    )
    return _out(article)


@api.delete("/articles/<number>", needs=WRITE)
def retire(number: str) -> None:
    """Retire it; it stays reachable by its number."""
    article = queries.get(db.session(), viewer(), number, lock=True)
    service.act(db.session(), viewer(), article, Action.RETIRE, reason=_("通过接口停用"), now=clock.now())


@api.post("/articles/<number>/actions/<action>", needs=WRITE, body=ActionIn, answer=ArticleOut, status=200)
def act(number: str, action: str, body: ActionIn) -> ArticleOut:
    """submit, publish, send-back, retire, reopen: what the state table allows."""
    article = queries.get(db.session(), viewer(), number, lock=True)
    wanted = references.one_of(Action, action)
    if wanted in BY_SYSTEM:
        raise NotFound(_("这一步由平台到期自动完成。"))
    reason = body.reason or (_("通过接口停用") if wanted is Action.RETIRE else "")
    service.act(db.session(), viewer(), article, wanted, reason=reason, now=clock.now())
    return _out(article)


@api.post("/articles/<number>/feedback", needs="knowledge.read", body=FeedbackIn, answer=ArticleOut, status=200)
def feedback(number: str, body: FeedbackIn) -> ArticleOut:
    """Say whether it helped; a second word replaces the first."""
    article = queries.get(db.session(), viewer(), number, lock=True)
    usage.feedback(db.session(), viewer(), article, helped=body.helped, comment=body.comment, now=clock.now())
    return _out(article)


@api.post("/tickets/<number>/draft-article", needs="article.write", body=DraftIn, answer=ArticleOut)
def draft(number: str, body: DraftIn) -> Created:
    """Make a draft of a ticket, or put it into the article `extend`; a ticket's own draft is answered again."""
    session, who, now = db.session(), viewer(), clock.now()
    ticket = desk().facts(session, number, who)
    if ticket is None:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    if body.extend:
        article = _extended(body.extend, ticket)
    elif known := drafting.existing(session, ticket.number):
        article = queries.get(session, who, known.number)
    else:
        article = drafting.draft(session, who, ticket, now=now)
    return Created(_out(article), f"/api/v1/articles/{article.number}")


def _extended(number: str, ticket: TicketFacts) -> Article:
    article = queries.get(db.session(), viewer(), number, lock=True)
    return drafting.extend(db.session(), viewer(), article, ticket, now=clock.now())
