"""What goes over the wire: Alertmanager's API v2 alerts, read strictly and whole."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from core.errors import FieldError, Invalid
from core.i18n import gettext as _
from monitor.alerts import rules
from monitor.alerts.models import Member
from monitor.quiet.models import Reason
from web.api.schemas import LATEST

MOST = 5000
_LONGEST_VALUE = 8192
_MOST_LABELS = 64
_ZERO_YEAR = 1


class PostedAlert(msgspec.Struct):
    """One alert as Prometheus posts it; Go's zero time (year 1) means that none is given."""

    labels: dict[str, str]
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    starts_at: dt.datetime | None = msgspec.field(default=None, name="startsAt")
    ends_at: dt.datetime | None = msgspec.field(default=None, name="endsAt")
    generator_url: str = msgspec.field(default="", name="generatorURL")


class Incoming(msgspec.Struct, frozen=True):
    """A posted alert with its times settled. `ends_at` None: it ends when it is no longer seen."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    generator_url: str

    def is_over(self, now: dt.datetime) -> bool:
        """True where the source says that it has ended."""
        return self.ends_at is not None and self.ends_at <= now


_decoder = msgspec.json.Decoder(list[PostedAlert])


def read(body: bytes, *, now: dt.datetime) -> list[Incoming]:
    """Decode and check a whole batch. Raises Invalid naming each wrong alert; then nothing of it may be stored."""
    try:
        posted = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid.of("alerts", _("不是正确的告警列表：%(why)s", why=error)) from None
    if len(posted) > MOST:
        raise Invalid.of("alerts", _("一次最多 %(most)d 条告警，收到 %(n)d 条", most=MOST, n=len(posted)))
    wrong: list[FieldError] = []
    found = [settled(alert, f"alerts[{place}]", now, wrong) for place, alert in enumerate(posted)]
    if wrong:
        raise Invalid("；".join(f"{e.field}：{e.message}" for e in wrong[:20]), wrong)
    return found


def settled(alert: PostedAlert, where: str, now: dt.datetime, wrong: list[FieldError]) -> Incoming:
    """Fill in times as Alertmanager's API v2 does."""
    labels = {name: value for name, value in alert.labels.items() if value}
    wrong.extend(_wrong_labels(labels, alert.annotations, where))
    starts, ends = _given(alert.starts_at, where, "startsAt", wrong), _given(alert.ends_at, where, "endsAt", wrong)
    if starts is None:
        starts = min(ends, now) if ends is not None else now
    if ends is not None and ends < starts:
        wrong.append(FieldError(f"{where}.endsAt", _("早于 startsAt")))
    return Incoming(labels, alert.annotations, starts, ends, alert.generator_url[:2000])


def _given(at: dt.datetime | None, where: str, name: str, wrong: list[FieldError]) -> dt.datetime | None:
    if at is None or at.year <= _ZERO_YEAR:
        return None
    if at.tzinfo is None:
        wrong.append(FieldError(f"{where}.{name}", _("时间须带时区，例如 2026-11-23T09:00:00+08:00。")))
        return None
    if at.year >= LATEST.year:  # “for ever”: no wall clock shows the last day of all time in every zone
        return LATEST
    return at.astimezone(dt.UTC)


def _wrong_labels(labels: dict[str, str], annotations: dict[str, str], where: str) -> list[FieldError]:
    if not labels:
        return [FieldError(f"{where}.labels", _("至少要有一个非空标签"))]
    if len(labels) > _MOST_LABELS or len(annotations) > _MOST_LABELS:
        return [FieldError(f"{where}.labels", _("标签或注解超过 %(most)d 个", most=_MOST_LABELS))]
    wrong = []
    for kind, pairs in (("labels", labels), ("annotations", annotations)):
        for name, value in pairs.items():
            if not name or "\x00" in name + value or len(name) + len(value) > _LONGEST_VALUE:
                wrong.append(FieldError(f"{where}.{kind}.{name[:80]}", _("名称为空、过长或含有 U+0000")))
    return wrong


def shown(
    member: Member, by: Mapping[Reason, list[str]], receivers: Sequence[str], *, elsewhere: bool, now: dt.datetime
) -> dict[str, Any]:
    """A member of an episode as API v2 shows it. `by`: why and by what it is quiet; `elsewhere`: for another reason."""
    ends = member.resolved_at or member.expires_at or now + rules.RESOLVE_TIMEOUT
    return {
        "annotations": member.annotations,
        "endsAt": _stamp(ends),
        "fingerprint": member.fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "startsAt": _stamp(member.starts_at),
        "status": {
            "inhibitedBy": by.get(Reason.INHIBITION, []),
            "mutedBy": [],
            "silencedBy": by.get(Reason.SILENCE, []),
            "state": "suppressed" if by or elsewhere else "active",
        },
        "updatedAt": _stamp(member.updated_at),
        "generatorURL": member.generator_url,
        "labels": member.labels,
    }


def _stamp(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
