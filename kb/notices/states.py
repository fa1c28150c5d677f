"""The life of a notice (K-04)."""

from __future__ import annotations

from enum import StrEnum

from core.i18n import lazy
from core.transitions import Machine


class State(StrEnum):
    """Where a notice stands. A published one is seen from its beginning on, until it ends."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ENDED = "ended"


class Action(StrEnum):
    """What can be done with a notice."""

    PUBLISH = "publish"
    END = "end"
    RESUME = "resume"
    DISCARD = "discard"


NOTICE = Machine[State, Action](
    "notice",
    {
        (State.DRAFT, Action.PUBLISH): State.PUBLISHED,
        (State.DRAFT, Action.DISCARD): State.ENDED,
        (State.PUBLISHED, Action.END): State.ENDED,
        (State.ENDED, Action.RESUME): State.PUBLISHED,  # its matter came back
    },
)

STATE_LABELS = {State.DRAFT: lazy("草稿"), State.PUBLISHED: lazy("生效中"), State.ENDED: lazy("已结束")}
ACTION_LABELS = {
    Action.PUBLISH: lazy("发布"), Action.END: lazy("结束公告"), Action.RESUME: lazy("重新生效"), Action.DISCARD: lazy("作废"),
}  # fmt: skip
