"""The life of an article (K-01), as one table for buttons, checks and tests."""

from __future__ import annotations

from enum import StrEnum

from core.i18n import lazy
from core.transitions import Machine


class State(StrEnum):
    """Where an article stands. Readers see it from published on; a retired one only by its number."""

    DRAFT = "draft"
    REVIEW = "review"
    PUBLISHED = "published"
    DUE = "due"
    RETIRED = "retired"


class Action(StrEnum):
    """What can be done with an article."""

    SUBMIT = "submit"
    PUBLISH = "publish"
    SEND_BACK = "send-back"
    EXPIRE = "expire"
    RETIRE = "retire"
    REOPEN = "reopen"


S, A = State, Action

ARTICLE = Machine[State, Action](
    "article",
    {
        (S.DRAFT, A.SUBMIT): S.REVIEW,
        (S.DRAFT, A.PUBLISH): S.PUBLISHED,
        (S.DRAFT, A.RETIRE): S.RETIRED,
        (S.REVIEW, A.PUBLISH): S.PUBLISHED,
        (S.REVIEW, A.SEND_BACK): S.DRAFT,
        (S.REVIEW, A.RETIRE): S.RETIRED,
        (S.PUBLISHED, A.PUBLISH): S.PUBLISHED,  # a revision, or the reviewer confirms that it still holds
        (S.PUBLISHED, A.SEND_BACK): S.PUBLISHED,  # the revision goes back, readers keep what they have
        (S.PUBLISHED, A.EXPIRE): S.DUE,
        (S.PUBLISHED, A.RETIRE): S.RETIRED,
        (S.DUE, A.PUBLISH): S.PUBLISHED,
        (S.DUE, A.SEND_BACK): S.DUE,
        (S.DUE, A.RETIRE): S.RETIRED,
        (S.RETIRED, A.REOPEN): S.DRAFT,
    },
)

READABLE = (S.PUBLISHED, S.DUE)
"""States in which readers find an article."""
BY_NUMBER = (*READABLE, S.RETIRED)
"""States in which readers may open it by its number (tickets that used it keep their link)."""
WAITING = (S.REVIEW,)
BY_SYSTEM = frozenset({A.EXPIRE})
BY_WRITER = frozenset({A.SUBMIT})
"""Everything else is the reviewer's."""

STATE_LABELS = {
    S.DRAFT: lazy("草稿"), S.REVIEW: lazy("待审核"), S.PUBLISHED: lazy("已发布"), S.DUE: lazy("待复审"), S.RETIRED: lazy("已停用"),
}  # fmt: skip
ACTION_LABELS = {
    A.SUBMIT: lazy("提交审核"), A.PUBLISH: lazy("发布"), A.SEND_BACK: lazy("退回修改"), A.EXPIRE: lazy("到期复审"),
    A.RETIRE: lazy("停用"), A.REOPEN: lazy("重新启用"),
}  # fmt: skip
