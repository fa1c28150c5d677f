"""Verbs of articles. Who may do what stands in `kb.articles.rights`."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person
from accounts.scope import Viewer
from core import outbox
from core.errors import Conflict, Forbidden, Invalid, Stale
from core.events.kb import ArticleChanged, ArticlePublished, ArticleSubmitted
from core.i18n import gettext as _
from kb.articles import rights, rules
from kb.articles.models import Article, ArticleReader, ArticleTerm, ArticleVersion, Outcome
from kb.articles.states import ARTICLE, BY_SYSTEM, READABLE, Action, State
from kb.search import index


@dataclass(frozen=True)
class Content:
    """What a version of an article says."""

    title: str
    body: str
    category: str | None = None
    tags: tuple[str, ...] = ()
    services: tuple[int, ...] = ()
    error_codes: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Article | ArticleVersion) -> Content:
        """The content of an article as shown, or of one of its versions."""
        return cls(row.title, row.body, row.category, tuple(row.tags), tuple(row.services), tuple(row.error_codes))

    def cleaned(self) -> Content:
        """Without blanks and repeats. Raises Invalid where nothing is left."""
        if not self.title.strip():
            raise Invalid.of("title", _("请填写标题。"))
        if not self.body.strip():
            raise Invalid.of("body", _("请填写内容。"))
        return Content(
            " ".join(self.title.split()), self.body.strip() + "\n", self.category or None,
            tuple(rules.clean_list(list(self.tags))), tuple(dict.fromkeys(self.services)),
            tuple(rules.clean_list(list(self.error_codes))),
        )  # fmt: skip


def create(
    session: Session,
    viewer: Viewer,
    *,
    content: Content,
    now: dt.datetime,
    readers: Collection[int] | None = None,
    source_ticket: str | None = None,
    origin: str | None = None,
) -> Article:
    """A new draft of the viewer's. `readers`: units whose subtrees may read it; without, everybody of the province.

    Raises Forbidden for who may not write, Invalid for empty content, Conflict where the ticket has an article already.
    """
    if not viewer.can("article.write"):
        raise Forbidden(_("您没有编写知识的权限。"))
    team = (
        next(iter(sorted(viewer.teams_for("article.write"))), None) if not viewer.units_for("article.write") else None
    )
    return create_for(
        session, person_id=viewer.person_id, unit_id=viewer.unit_id, team_id=team, content=content, now=now,
        readers=readers, source_ticket=source_ticket, origin=origin,
    )  # fmt: skip


def create_for(
    session: Session,
    *,
    person_id: int,
    unit_id: int,
    content: Content,
    now: dt.datetime,
    team_id: int | None = None,
    readers: Collection[int] | None = None,
    source_ticket: str | None = None,
    origin: str | None = None,
) -> Article:
    """As `create`, for a person who is not asking himself (drafts of resolved tickets, shipped articles)."""
    content = content.cleaned()
    if source_ticket and (known := session.scalar(sa.select(Article).where(Article.source_ticket == source_ticket))):
        raise Conflict(_("该事项已经有文章 %(number)s。", number=known.number), number=known.number)
    article = Article(
        number=f"~{secrets.token_hex(8)}", state=State.DRAFT, unit_id=unit_id, team_id=team_id, author_id=person_id,
        version=1, latest=1, source_ticket=source_ticket, origin=origin, created_at=now, updated_at=now, **_columns(content),
    )  # fmt: skip
    article.readers = [ArticleReader(unit_id=u) for u in sorted(readers or rights.everybody(session, unit_id))]
    session.add(article)
    session.flush()
    article.number = f"KB-{article.id:06}"
    _keep_version(session, article, content, 1, person_id, now=now, outcome=Outcome.SAVED)
    _write_terms(session, article)
    _changed(session, article, "created", now)
    return article


def revise(
    session: Session,
    viewer: Viewer,
    article: Article,
    *,
    content: Content,
    now: dt.datetime,
    base: int | None = None,
    comment: str = "",
    readers: Collection[int] | None = None,
) -> Article:
    """Save a new version. A draft changes at once; of a readable article a reviewer's version is published at once,
    a writer's one waits as a revision while readers keep what they have.

    Raises Stale when `base` is not the latest version, Forbidden, Invalid.
    """
    rights.require_edit(session, viewer, article)
    if base is not None and base != article.latest:
        raise Stale(_("这篇文章在您编辑期间已被他人修改，请对照差异后再保存。"), latest=article.latest)
    content = content.cleaned()
    if readers is not None:
        _set_readers(session, viewer, article, readers)
    newest = session.get_one(ArticleVersion, (article.id, article.latest))
    if content == Content.of(newest):
        return article
    article.latest += 1
    if article.state in READABLE and not rights.may_review(session, viewer, article):
        _keep_version(
            session,
            article,
            content,
            article.latest,
            viewer.person_id,
            now=now,
            outcome=Outcome.PENDING,
            comment=comment,
        )
        article.pending = article.latest
        _tell_reviewers(session, article, viewer, now)
    else:
        shown = article.state in READABLE
        outcome = Outcome.PUBLISHED if shown else Outcome.SAVED
        _keep_version(
            session, article, content, article.latest, viewer.person_id, now=now, outcome=outcome, comment=comment
        )
        _show(session, article, content, article.latest)
        article.pending = None
        if shown:
            _published(session, article, viewer, now)
    _changed(session, article, "revised", now)
    return article


def act(
    session: Session, viewer: Viewer, article: Article, action: Action, *, now: dt.datetime, reason: str = ""
) -> Article:
    """Do what the state table allows.

    Raises TransitionRefused, Forbidden, Invalid (sending back and retiring a published one want a reason).
    """
    target = ARTICLE.target(article.state, action)
    rights.require_action(session, viewer, article, action)
    if action is Action.SEND_BACK or (action is Action.RETIRE and article.state in READABLE):
        if not reason.strip():
            raise Invalid.of("reason", _("请写明原因，作者和读者会看到。"))
        article.reason = reason.strip()
    if action is Action.SEND_BACK and article.state in READABLE and article.pending is None:
        raise Conflict(_("没有等待审核的修订。"))
    article.state = target
    _AFTER.get(action, _nothing)(session, article, viewer, now)
    _changed(session, article, str(action), now)
    return article


def _submitted(session: Session, article: Article, viewer: Viewer, now: dt.datetime) -> None:
    article.reason = None
    _tell_reviewers(session, article, viewer, now)


def _sent_back(session: Session, article: Article, _viewer: Viewer, _now: dt.datetime) -> None:
    if article.pending is not None:
        session.get_one(ArticleVersion, (article.id, article.pending)).outcome = Outcome.RETURNED
        article.pending = None


def _published(session: Session, article: Article, viewer: Viewer, now: dt.datetime) -> None:
    if article.pending is not None:
        version = session.get_one(ArticleVersion, (article.id, article.pending))
        _show(session, article, Content.of(version), version.version)
        article.pending = None
    session.get_one(ArticleVersion, (article.id, article.version)).outcome = Outcome.PUBLISHED
    article.published_at, article.reviewed_by_id, article.reason = now, viewer.person_id, None
    article.review_due_at = now + rules.REVIEW_AFTER
    outbox.record(session, ArticlePublished(
        article_id=article.id, number=article.number, title=article.title, version=article.version,
        ticket=article.source_ticket, by_id=viewer.person_id,
    ), now=now)  # fmt: skip


def _reopened(_session: Session, article: Article, _viewer: Viewer, _now: dt.datetime) -> None:
    article.reason = article.review_due_at = None


def _nothing(_session: Session, _article: Article, _viewer: Viewer, _now: dt.datetime) -> None:
    """Retiring changes the state alone."""


_AFTER = {
    Action.SUBMIT: _submitted, Action.SEND_BACK: _sent_back, Action.PUBLISH: _published, Action.REOPEN: _reopened,
}  # fmt: skip


def expire_due(session: Session, now: dt.datetime) -> int:
    """Published articles whose review is due become due-for-review; returns how many."""
    due = session.scalars(
        sa.select(Article)
        .where(Article.state == State.PUBLISHED, Article.review_due_at <= now)
        .limit(200)
        .with_for_update(skip_locked=True)
    ).all()
    for article in due:
        article.state = ARTICLE.target(article.state, next(iter(BY_SYSTEM)))
        _changed(session, article, "expire", now)
    return len(due)


def _columns(content: Content) -> dict[str, object]:
    return {
        **asdict(content),
        "tags": list(content.tags),
        "services": list(content.services),
        "error_codes": list(content.error_codes),
    }


def _show(session: Session, article: Article, content: Content, version: int) -> None:
    for name, value in _columns(content).items():
        setattr(article, name, value)
    article.version = version
    _write_terms(session, article)


def _keep_version(
    session: Session,
    article: Article,
    content: Content,
    version: int,
    by_id: int,
    *,
    now: dt.datetime,
    outcome: Outcome,
    comment: str = "",
) -> None:
    session.add(ArticleVersion(
        article_id=article.id, version=version, by_id=by_id, at=now, outcome=outcome, comment=comment[:200], **_columns(content)
    ))  # fmt: skip
    session.flush()


def _write_terms(session: Session, article: Article) -> None:
    session.execute(sa.delete(ArticleTerm).where(ArticleTerm.article_id == article.id))
    terms = {("tag", t) for t in article.tags} | {("service", str(s)) for s in article.services}
    terms |= {("code", c) for c in article.error_codes}
    if terms:
        rows = [{"article_id": article.id, "kind": kind, "value": value} for kind, value in sorted(terms)]
        session.execute(sa.insert(ArticleTerm), rows)


def _set_readers(session: Session, viewer: Viewer, article: Article, readers: Collection[int]) -> None:
    if not readers:
        raise Invalid.of("units", _("请至少选择一个可以阅读的单位。"))
    if set(readers) == {r.unit_id for r in article.readers}:
        return
    if article.state in READABLE and not rights.may_review(session, viewer, article, also=readers):
        raise Forbidden(_("已发布文章的阅读范围由审核人调整。"))
    article.readers = [ArticleReader(unit_id=u) for u in sorted(readers)]


def _tell_reviewers(session: Session, article: Article, viewer: Viewer, now: dt.datetime) -> None:
    outbox.record(session, ArticleSubmitted(
        article_id=article.id, number=article.number, title=article.title, unit_id=article.unit_id, by_id=viewer.person_id
    ), now=now)  # fmt: skip


def _changed(session: Session, article: Article, what: str, now: dt.datetime) -> None:
    article.updated_at = now
    session.flush()
    index.touch(session, "article", [article.number], now=now)  # not behind other rooms' events: found within 2 s
    outbox.record(
        session,
        ArticleChanged(article_id=article.id, number=article.number, state=str(article.state), what=what),
        now=now,
    )


def hand_over(session: Session, *, from_id: int, to: Person, now: dt.datetime) -> int:
    """Everything somebody wrote goes to another person's care (E-13); returns how many."""
    mine = session.scalars(sa.select(Article).where(Article.author_id == from_id)).all()
    for article in mine:
        article.author_id, article.unit_id = to.id, to.unit_id
        _changed(session, article, "handed-over", now)
    return len(mine)
