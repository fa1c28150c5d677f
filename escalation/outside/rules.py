"""How alerts are grouped, when a receiver is told of a group, and in what words. Pure.

Source: Alertmanager's dispatch (grouping, flushing) and notify (`needsUpdate`, webhook data version 4) packages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from monitor.am.matchers import Matcher

ALL_LABELS = "..."
MOST_ALERTS = 1000
"""Alerts in one message; how many were left out is said in it."""
_NO_END = "0001-01-01T00:00:00Z"


class Why(StrEnum):
    """Why a receiver is told of a group now."""

    FIRST = "first"
    NEW = "new"
    ALL_OVER = "all-over"
    SOME_OVER = "some-over"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Last:
    """What a receiver was told of a group last: fingerprints that fired, that had ended, and when."""

    firing: frozenset[str]
    resolved: frozenset[str]
    at: dt.datetime


def needs_update(
    last: Last | None,
    firing: Collection[str],
    resolved: Collection[str],
    *,
    send_resolved: bool,
    repeat: dt.timedelta,
    now: dt.datetime,
) -> Why | None:
    """Why the receiver is to be told, or None (A-02). What began and ended unseen is nobody's news (A-03)."""
    if last is None:
        return Why.FIRST if firing else None
    if not last.firing.issuperset(firing):
        return Why.NEW
    if not firing:
        return Why.ALL_OVER if last.firing else None
    if send_resolved and not last.resolved.issuperset(resolved):
        return Why.SOME_OVER
    return Why.AGAIN if last.at < now - repeat else None


def heard_of(last: Last | None, fingerprint: str) -> bool:
    """Whether the receiver knows an alert that has ended: what began and ended unseen is told to nobody (A-03)."""
    return last is not None and (fingerprint in last.firing or fingerprint in last.resolved)


def group_labels(labels: Mapping[str, str], group_by: Sequence[str]) -> dict[str, str]:
    """The labels that make the group of an alert; those it lacks are left out."""
    if ALL_LABELS in group_by:
        return dict(labels)
    return {name: labels[name] for name in sorted(group_by) if name in labels}


def group_hash(labels: Mapping[str, str]) -> str:
    """What a group of one receiver is known by."""
    text = "\xff".join(f"{name}\xfe{labels[name]}" for name in sorted(labels))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def group_key(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> str:
    """The group's name for the receiver, as Alertmanager writes it: `{}/{team="net"}:{alertname="DiskFull"}`."""
    route = ",".join(f"{m.name}{m.op.value}{_quoted(m.value)}" for m in matchers)
    inside = ", ".join(f"{name}={_quoted(labels[name])}" for name in sorted(labels))
    return f"{{}}{f'/{{{route}}}' if route else ''}:{{{inside}}}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as a receiver is told of it; `ends_at` None while it fires."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    generator_url: str


def message(
    receiver: str, key: str, labels: Mapping[str, str], alerts: Sequence[Told], *, send_resolved: bool
) -> dict[str, Any]:
    """The webhook's body, version 4, but for the address of this installation, which the sender knows."""
    sent = [a for a in alerts if send_resolved or a.ends_at is None]
    kept = sorted(sent, key=lambda a: (a.ends_at is not None, a.starts_at, a.fingerprint))[:MOST_ALERTS]
    return {
        "receiver": receiver,
        "status": "firing" if any(a.ends_at is None for a in alerts) else "resolved",
        "alerts": [_alert(a) for a in kept],
        "groupLabels": dict(labels),
        "commonLabels": _common([a.labels for a in sent]),
        "commonAnnotations": _common([a.annotations for a in sent]),
        "externalURL": "",
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": len(sent) - len(kept),
    }


def dumped(body: Mapping[str, Any]) -> str:
    """The message as it is stored with its delivery."""
    return json.dumps(body, ensure_ascii=False)


def _alert(alert: Told) -> dict[str, Any]:
    return {
        "status": "firing" if alert.ends_at is None else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _stamp(alert.starts_at),
        "endsAt": _stamp(alert.ends_at) if alert.ends_at is not None else _NO_END,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _common(many: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not many:
        return {}
    return {n: v for n, v in sorted(many[0].items()) if all(each.get(n) == v for each in many)}


def _stamp(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
