"""How alerts are made of a source's JSON. Pure: what is wrong is said with its place, and then nothing is taken."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic

from core.errors import FieldError
from core.i18n import gettext as _
from monitor.am.wire import MOST, Incoming, PostedAlert, settled
from monitor.ingest.models import Form
from monitor.ingest.paths import MISSING, Json, Missing, WrongPathError, path, plain, words
from web.api import ApiModel

MILLISECONDS_FROM = 100_000_000_000
"""A time as a number this big is milliseconds: as seconds it would be the year 5138."""


class Template(ApiModel):
    """How a generic source's JSON becomes alerts. Every value is a text with places (ingest/paths.py).

    `each`: path to the list of alerts; empty where the body is one alert, or a list of them. `resolved`: a text that says
    whether it is over, compared with `resolved_values`. `severities`: what the source's words mean here.
    """

    each: str = pydantic.Field(default="", max_length=1000)
    labels: dict[str, str] = pydantic.Field(min_length=1, max_length=40)
    annotations: dict[str, str] = pydantic.Field(default_factory=dict, max_length=40)
    severity: str = pydantic.Field(default="", max_length=1000)
    severities: dict[str, str] = pydantic.Field(default_factory=dict, max_length=40)
    resolved: str = pydantic.Field(default="", max_length=1000)
    resolved_values: list[str] = pydantic.Field(default_factory=list, max_length=40)
    starts: str = pydantic.Field(default="", max_length=1000)
    ends: str = pydantic.Field(default="", max_length=1000)

    @pydantic.model_validator(mode="after")
    def _readable(self) -> Template:
        for name, text in self._texts():
            try:
                path(text) if name == "each" else words(text)
            except (WrongPathError, ValueError) as error:
                raise ValueError(_("%(name)s 写法不对：%(where)s", name=name, where=error)) from None
        return self

    def _texts(self) -> list[tuple[str, str]]:
        found = [(name, getattr(self, name)) for name in ("each", "severity", "resolved", "starts", "ends")]
        for kind in ("labels", "annotations"):
            found += [(f"{kind}.{name}", text) for name, text in getattr(self, kind).items()]
        return found


@dataclass
class Made:
    """What a body makes: alerts, and what is wrong with its place in the body. With anything wrong nothing is taken."""

    alerts: list[Incoming] = field(default_factory=list)
    wrong: list[FieldError] = field(default_factory=list)


def make(form: Form, template: Mapping[str, Any], body: bytes, *, hold: dt.timedelta, now: dt.datetime) -> Made:
    """The alerts of a body. `hold`: when one that is neither repeated nor ended is over."""
    made = Made()
    try:
        root: Json = json.loads(body)
    except (ValueError, RecursionError) as error:
        made.wrong.append(FieldError("", _("不是正确的 JSON：%(error)s", error=error)))
        return made
    read = _READERS.get(form)
    posted = read(root, made, now) if read else _generic(Template.model_validate(template), root, made, now)
    if len(posted) > MOST:
        made.wrong.append(FieldError("", _("一次最多 %(most)d 条告警，收到 %(n)d 条", most=MOST, n=len(posted))))
        return made
    for where, alert in posted:
        if alert.ends_at is None:
            alert.ends_at = max(now, alert.starts_at or now) + hold
        made.alerts.append(settled(alert, where, now, made.wrong))
    return made


_Posted = list[tuple[str, PostedAlert]]


def _alertmanager(root: Json, made: Made, now: dt.datetime) -> _Posted:
    """Webhook data version 4; what it calls resolved is over, whatever its clock says."""
    listed = root.get("alerts") if isinstance(root, dict) else None
    if not isinstance(listed, list):
        made.wrong.append(FieldError("alerts", _("应为告警列表。")))
        return []
    posted: _Posted = []
    for place, each in enumerate(listed):
        where = f"alerts[{place}]"
        if not isinstance(each, dict):
            made.wrong.append(FieldError(where, _("应为 JSON 对象。")))
            continue
        over = each.get("status") == "resolved"
        alert = PostedAlert(
            labels=_pairs(each.get("labels"), f"{where}.labels", made),
            annotations=_pairs(each.get("annotations"), f"{where}.annotations", made),
            starts_at=_time(each.get("startsAt"), f"{where}.startsAt", made),
            generator_url=_said(each.get("generatorURL")),
        )
        _ends(alert, _time(each.get("endsAt"), f"{where}.endsAt", made) if over else None, over, now)
        posted.append((where, alert))
    return posted


_ZABBIX_SEVERITIES = {"0": "info", "1": "info", "2": "warning", "3": "warning", "4": "critical", "5": "critical"}
"""Zabbix: 0 not classified, 1 information, 2 warning, 3 average, 4 high, 5 disaster."""


def _zabbix(root: Json, made: Made, now: dt.datetime) -> _Posted:
    """The parameters of a webhook media type, named as Zabbix's own media types name the macros (docs/webhooks.md)."""
    posted: _Posted = []
    for place, each in enumerate(root if isinstance(root, list) else [root]):
        where = f"[{place}]" if isinstance(root, list) else ""
        if not isinstance(each, dict):
            made.wrong.append(FieldError(where, _("应为 JSON 对象。")))
            continue
        known = {name: plain(value) for name, value in each.items() if value is not None and not _is_macro(value)}
        if not known.get("event_name") or not (known.get("host_name") or known.get("host")):
            missing = "event_name" if not known.get("event_name") else "host_name"
            made.wrong.append(FieldError(f"{where}.{missing}".lstrip("."), _("缺少这个参数。")))
            continue
        labels = {
            "alertname": known["event_name"],
            "instance": known.get("host_name") or known["host"],
            "severity": _ZABBIX_SEVERITIES.get(known.get("event_nseverity", ""), known.get("event_severity", "")),
            "zabbix_trigger": known.get("trigger_id", ""),
            **{f"tag_{name}": value for name, value in _tags(known.get("event_tags", "")).items()},
        }
        said = {"summary": f"{labels['instance']}：{known['event_name']}", "description": known.get("event_opdata", "")}
        said |= {f"zabbix_{n}": known[n] for n in ("event_id", "host_ip", "event_update_message") if n in known}
        alert = PostedAlert(labels=labels, annotations={n: v for n, v in said.items() if v})
        alert.generator_url = known.get("event_url", "")
        _ends(alert, None, known.get("event_value") == "0", now)
        posted.append((where, alert))
    return posted


def _is_macro(value: Json) -> bool:
    """Zabbix leaves a macro it can't resolve as it is."""
    return isinstance(value, str) and (value.startswith(("{EVENT.", "{TRIGGER.", "{HOST.")) or value == "*UNKNOWN*")


def _tags(text: str) -> dict[str, str]:
    """`{EVENT.TAGS}` (scope:performance, component:cpu) or `{EVENT.TAGSJSON}`."""
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            return {}
        return {str(t["tag"]): str(t.get("value", "")) for t in listed if isinstance(t, dict) and t.get("tag")}
    pairs = (part.partition(":") for part in text.split(","))
    return {name.strip(): value.strip() for name, _colon, value in pairs if name.strip()}


def _generic(template: Template, root: Json, made: Made, now: dt.datetime) -> _Posted:
    listed = path(template.each).of(root, root)
    if isinstance(listed, Missing):
        made.wrong.append(FieldError(template.each, _("里面没有这个值。")))
        return []
    many = listed if isinstance(listed, list) else [listed]
    prefix = template.each if isinstance(listed, list) else ""
    posted: _Posted = []
    for place, element in enumerate(many):
        where = f"{prefix}[{place}]" if isinstance(listed, list) else template.each
        posted.append((where, _one(template, element, root, where, made, now)))
    return posted


def _one(template: Template, element: Json, root: Json, where: str, made: Made, now: dt.datetime) -> PostedAlert:
    def text(name: str, of: str) -> str:
        value = words(of).of(element, root)
        if isinstance(value, Missing):
            made.wrong.append(FieldError(f"{where}→{name}", _("%(text)s 里面没有这个值。", text=of)))
            return ""
        return value

    def told(of: str) -> str | Missing:
        return words(of).of(element, root) if of else MISSING

    labels = {name: text(f"labels.{name}", of) for name, of in template.labels.items()}
    if template.severity:
        word = text("severity", template.severity)
        labels["severity"] = template.severities.get(word, word)
    annotations = {n: v for n, of in template.annotations.items() if isinstance(v := told(of), str)}
    starts, ends = told(template.starts), told(template.ends)
    alert = PostedAlert(labels=labels, annotations=annotations)
    alert.starts_at = _time(starts, f"{where}→starts", made) if isinstance(starts, str) else None
    resolved = told(template.resolved)
    over = isinstance(resolved, str) and resolved in template.resolved_values
    _ends(alert, _time(ends, f"{where}→ends", made) if isinstance(ends, str) else None, over, now)
    return alert


def _ends(alert: PostedAlert, ends: dt.datetime | None, over: bool, now: dt.datetime) -> None:
    """When it ends; what is over ended by now at the latest, and never before it began."""
    alert.ends_at = ends
    if over:
        alert.ends_at = min(ends, now) if ends is not None else now
        if alert.starts_at is not None:
            alert.starts_at = min(alert.starts_at, alert.ends_at)


def _pairs(value: Json, where: str, made: Made) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        made.wrong.append(FieldError(where, _("应为 JSON 对象。")))
        return {}
    return {name: plain(each) for name, each in value.items() if each is not None}


def _said(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Json | Missing, where: str, made: Made) -> dt.datetime | None:
    """RFC 3339, or seconds or milliseconds since 1970; empty, 0 and Go's year 1 mean that none is given."""
    if isinstance(value, Missing) or value in (None, "", 0, "0"):
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    try:
        if number is not None:
            return dt.datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS_FROM else number, dt.UTC)
        found = dt.datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None or found.tzinfo is None:
        made.wrong.append(FieldError(where, _("须为带时区的 RFC 3339 时间，或 1970 年以来的秒数、毫秒数。")))
        return None
    return found if found.year > 1 else None


_READERS = {Form.ALERTMANAGER: _alertmanager, Form.ZABBIX: _zabbix}


def lines(pairs: Mapping[str, str]) -> str:
    """`name = text`, one a line, as the page shows them."""
    return "\n".join(f"{name} = {text}" for name, text in pairs.items())


def read_lines(text: str) -> dict[str, str]:
    """`name = text`, one a line. Raises ValueError naming the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name, sign, value = line.partition("=")
            if not sign or not name.strip() or not value.strip():
                raise ValueError(_("第 %(n)d 行应写成“名称 = 内容”。", n=number))
            found[name.strip()] = value.strip()
    return found


def shown(alerts: Sequence[Incoming], now: dt.datetime) -> list[dict[str, Any]]:
    """What the try-out lists."""
    return [
        {
            "labels": dict(sorted(a.labels.items())),
            "annotations": dict(sorted(a.annotations.items())),
            "over": a.is_over(now),
            "starts_at": a.starts_at,
        }
        for a in alerts
    ]
