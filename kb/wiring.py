"""What the room hears, offers and does by itself."""

from __future__ import annotations

from accounts.moving import registry as moving
from core import outbox
from core.events.servicedesk import IncidentCancelled, IncidentClosed, IncidentReopened, IncidentResolved
from core.jobs import Job
from kb.articles import handlers as articles
from kb.articles import service as article_service
from kb.articles.documents import ArticleSource
from kb.articles.leaving import UnfinishedArticles
from kb.notices import handlers as notices
from kb.notices import service as notice_service
from kb.notices.documents import NoticeSource
from kb.search.registry import sources

JOBS = (
    Job("kb.articles_due", 3600, article_service.expire_due),
    Job("kb.notices_over", 60, notice_service.end_overdue),
)


def subscribe() -> None:
    """Fill the registries; repeating it changes nothing."""
    sources.add(ArticleSource())
    sources.add(NoticeSource())
    moving.register(UnfinishedArticles())
    outbox.subscribe(IncidentResolved, "kb.draft_article", articles.draft_article)
    outbox.subscribe(IncidentResolved, "kb.note_use", articles.note_use)
    outbox.subscribe(IncidentResolved, "kb.end_notice", notices.end)
    outbox.subscribe(IncidentClosed, "kb.end_notice", notices.end)
    outbox.subscribe(IncidentCancelled, "kb.end_notice", notices.end)
    outbox.subscribe(IncidentReopened, "kb.resume_notice", notices.resume)
