"""Pure rules: topics, who hears what by default, and how long to wait before trying again."""

from __future__ import annotations

import datetime as dt

from core.i18n import LazyText, lazy
from escalation.notify.models import ChannelKind

TOPICS: dict[str, LazyText] = {
    "page": lazy("值班呼叫"),
    "incoming": lazy("转来本组的事项"),
    "mine": lazy("我经办的事项"),
    "returned": lazy("被退回的事项"),
    "urge": lazy("催办"),
    "clock": lazy("时限预警和超时"),
    "progress": lazy("我报的事项的进展"),
    "mention": lazy("有人提到我"),
    "watch": lazy("我关注的事项的进展"),
    "notice": lazy("公告"),
    "account": lazy("我的登录和口令的变化"),
}
#: Not to be switched off by preference: a page, only by not being on duty; and whether somebody else is at one's account.
ALWAYS = frozenset({"page", "account"})
DEFAULTS: dict[ChannelKind, frozenset[str]] = {
    ChannelKind.LIVE: frozenset(TOPICS),
    ChannelKind.EMAIL: frozenset(TOPICS) - {"notice"},
    ChannelKind.APPRISE: frozenset({"page", "urge", "clock"}),
    ChannelKind.WEBHOOK: frozenset(),  # hears of alerts only, by its receiver
}

LEASE = dt.timedelta(seconds=90)
FIRST_DELAY_S = 10
LONGEST_DELAY_S = 3600
MAX_ATTEMPTS = 10


def wanted(topic: str, kind: ChannelKind, choice: bool | None) -> bool:
    """Whether somebody with this choice (None: none made) hears `topic` by a channel of this kind."""
    if choice is None or topic in ALWAYS:
        return topic in DEFAULTS[kind]
    return choice


def is_group(kind: ChannelKind, url: str | None) -> bool:
    """Whether a channel reaches one group, whoever is told: a program, an Apprise address without a place for {address}."""
    return kind is ChannelKind.WEBHOOK or (kind is ChannelKind.APPRISE and "{address}" not in (url or ""))


def back_off(attempts: int) -> dt.timedelta:
    """Wait after the given number of failures: 10 s, doubling, at most an hour."""
    return dt.timedelta(seconds=min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempts - 1)))


def is_last(attempts: int) -> bool:
    """Whether no further try follows."""
    return attempts >= MAX_ATTEMPTS
