"""Silences over /api/v2, as amtool and Grafana speak to Alertmanager."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from core.errors import Invalid
from core.i18n import gettext as _
from monitor.am.matchers import Matcher, Op
from monitor.quiet import rules
from monitor.quiet.models import Silence
from web.api.schemas import LATEST

KEPT = dt.timedelta(days=5)
"""How long a silence that is over is listed, as Alertmanager's default retention of 120 hours."""
MOST = 10_000


class PostedMatcher(msgspec.Struct):
    """One matcher as API v2 writes it; `isEqual` False turns it round."""

    name: str
    value: str
    is_regex: bool = msgspec.field(name="isRegex")
    is_equal: bool = msgspec.field(default=True, name="isEqual")

    def matcher(self) -> Matcher:
        """As matching needs it."""
        if self.is_regex:
            return Matcher(self.name, Op.MATCHES if self.is_equal else Op.NOT_MATCHES, self.value)
        return Matcher(self.name, Op.EQUAL if self.is_equal else Op.NOT_EQUAL, self.value)


class PostedSilence(msgspec.Struct):
    """A silence as API v2 takes it; with `id` it is an edit."""

    matchers: list[PostedMatcher]
    starts_at: dt.datetime = msgspec.field(name="startsAt")
    ends_at: dt.datetime = msgspec.field(name="endsAt")
    created_by: str = msgspec.field(name="createdBy")
    comment: str
    id: str | None = None


_decoder = msgspec.json.Decoder(PostedSilence)
_LONGEST_AUTHOR, _LONGEST_COMMENT = 200, 2000


def read(body: bytes) -> PostedSilence:
    """Decode and check a silence. Raises Invalid saying what is wrong."""
    try:
        posted = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid.of("silence", _("不是正确的静默：%(why)s", why=error)) from None
    posted.starts_at, posted.ends_at = _utc(posted.starts_at, "startsAt"), _utc(posted.ends_at, "endsAt")
    texts = (posted.comment, posted.created_by, *(m.name + m.value for m in posted.matchers))
    if any("\x00" in text for text in texts):
        raise Invalid.of("silence", _("含有 U+0000，无法保存。"))
    if len(posted.comment) > _LONGEST_COMMENT or len(posted.created_by) > _LONGEST_AUTHOR:
        raise Invalid.of("comment", _("说明或作者过长。"))
    if any(not m.name or len(m.name) + len(m.value) > _LONGEST_COMMENT for m in posted.matchers):
        raise Invalid.of("matchers", _("标签名为空，或条件过长。"))
    return posted


def _utc(at: dt.datetime, name: str) -> dt.datetime:
    if at.tzinfo is None:
        raise Invalid.of(name, _("时间须带时区，例如 2026-11-23T09:00:00+08:00。"))
    return LATEST if at.year >= LATEST.year else at.astimezone(dt.UTC)


def shown(silence: Silence, by: str, now: dt.datetime) -> dict[str, Any]:
    """A silence as API v2 shows it."""
    return {
        "id": silence.uid,
        "status": {"state": silence.state(now).value},
        "updatedAt": stamp(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.author or by,
        "endsAt": stamp(silence.ends_at),
        "startsAt": stamp(silence.starts_at),
        "matchers": [
            {
                "isEqual": m.op in (Op.EQUAL, Op.MATCHES),
                "isRegex": m.op in (Op.MATCHES, Op.NOT_MATCHES),
                "name": m.name,
                "value": m.value,
            }
            for m in rules.read(silence.matchers)
        ],
    }


def in_order(silences: Sequence[Silence], now: dt.datetime) -> list[Silence]:
    """Active ones first by their end, then pending ones by their beginning, then those that are over, newest end first.

    Source: Alertmanager's api/v2, `SortSilences`.
    """
    place = {"active": 0, "pending": 1, "expired": 2}
    key = {"active": lambda s: s.ends_at, "pending": lambda s: s.starts_at, "expired": lambda s: s.ends_at}
    found: list[Silence] = []
    for state in sorted(place, key=place.__getitem__):
        some = [s for s in silences if s.state(now).value == state]
        found += sorted(some, key=key[state], reverse=state == "expired")
    return found


def fits(silence: Silence, wanted: Sequence[Matcher]) -> bool:
    """Whether a filter chooses it: asked of its matchers' names and values, as if these were labels.

    Source: Alertmanager's api/v2, `CheckSilenceMatchesFilterLabels`.
    """
    values = {m["name"]: m["value"] for m in silence.matchers}
    for matcher in wanted:
        positive = matcher.op in (Op.EQUAL, Op.MATCHES)
        if positive and matcher.name not in values and matcher.value != "":
            return False
        if not matcher.matches(values):
            return False
    return True


def stamp(at: dt.datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as Alertmanager writes times."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
