"""Words for pages: fields, verbs and log lines of the CMDB in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cmdb.models import HEALTH_LABELS, LIFECYCLE_LABELS, Health, ItemEvent, ItemVersion, Lifecycle
from cmdb.service.versions import flat
from core.i18n import gettext as _
from core.i18n import lazy

FIELDS = {
    "name": lazy("名称"),
    "type": lazy("类型"),
    "unit": lazy("所属机构"),
    "lifecycle": lazy("生命周期"),
    "address": lazy("地址"),
    "service.code": lazy("服务代码"),
    "service.group": lazy("服务分组"),
    "service.summary": lazy("说明"),
    "service.team": lazy("运维班组"),
    "service.vendor": lazy("供应商"),
    "service.tax_system": lazy("税收业务系统"),
    "service.user_facing": lazy("直接面向用户"),
    "service.position": lazy("排序"),
}
VERBS = {"create": lazy("登记"), "change": lazy("修改"), "retire": lazy("停用"), "restore": lazy("恢复到以前的状态")}
KINDS = {
    "health": lazy("健康状态"),
    "alert": lazy("告警"),
    "ticket": lazy("事项"),
    "change": lazy("变更"),
    "relation": lazy("关系"),
    "deployment": lazy("发布"),
    "impact": lazy("影响范围"),
    "check": lazy("监控项"),
    "config": lazy("配置"),
    "note": lazy("备注"),
}
ICONS = {
    "health": "heartbeat",
    "alert": "bell",
    "ticket": "ticket",
    "change": "git-merge",
    "relation": "topology-star-3",
    "deployment": "package",
    "impact": "target",
    "check": "activity",
    "create": "plus",
    "retire": "archive",
    "restore": "history",
    "note": "note",
}
_TONES = {"ok": "ok", "warning": "warning", "critical": "critical"}
PLATFORM = lazy("平台")


@dataclass(frozen=True)
class Difference:
    """One field that a version changed, in words."""

    label: str
    before: str
    after: str


def field_label(name: str, schema: Mapping[str, Any]) -> str:
    """The word for a dotted field name."""
    if name in FIELDS:
        return str(FIELDS[name])
    kind, _dot, rest = name.partition(".")
    if kind == "attributes":
        return str(schema.get("properties", {}).get(rest, {}).get("title", rest))
    return _("目标 %(name)s", name=rest.removeprefix("targets.")) if kind == "service" else name


def value_word(name: str, value: Any) -> str:
    """A stored value as a person reads it."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("是") if value else _("否")
    if name == "lifecycle":
        return str(LIFECYCLE_LABELS[Lifecycle(value)])
    return str(value)


def differences(version: ItemVersion, earlier: ItemVersion | None, schema: Mapping[str, Any]) -> list[Difference]:
    """What a version changed."""
    after, before = flat(version.snapshot), flat(earlier.snapshot) if earlier else {}
    return [
        Difference(field_label(name, schema), value_word(name, before.get(name)), value_word(name, after.get(name)))
        for name in version.changed
    ]


def timeline(
    versions: Sequence[ItemVersion], events: Sequence[ItemEvent], names: Mapping[str, str], schema: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Versions and log lines as one timeline, newest first, for ui.timeline."""
    found = [
        _of_version(v, versions[i + 1] if i + 1 < len(versions) else None, names, schema)
        for i, v in enumerate(versions)
    ]
    found += [_of_event(event, names) for event in events]
    return sorted(found, key=lambda entry: entry["at"], reverse=True)


def _of_version(
    version: ItemVersion, earlier: ItemVersion | None, names: Mapping[str, str], schema: Mapping[str, Any]
) -> dict[str, Any]:
    lines = [f"{d.label}：{d.before} → {d.after}" for d in differences(version, earlier, schema)]
    return {
        "at": version.at,
        "actor": names.get(version.actor) or str(PLATFORM),
        "what": str(VERBS.get(version.verb, version.verb)),
        "text": "\n".join(lines),
        "icon": ICONS.get(version.verb, "pencil"),
    }


def _of_event(event: ItemEvent, names: Mapping[str, str]) -> dict[str, Any]:
    actor = names.get(event.actor or "", "") or str(PLATFORM)
    entry = {
        "at": event.at,
        "actor": actor,
        "what": str(KINDS.get(event.kind, event.kind)),
        "text": event.text,
        "icon": ICONS.get(event.kind, "point"),
    }
    if event.kind == "health":
        before, _gt, after = event.text.partition(">")
        entry["what"] = _("健康状态：%(before)s → %(after)s", before=health_word(before), after=health_word(after))
        entry["text"] = ""
        entry["tone"] = _TONES.get(after, "")
    return entry


def health_word(state: str) -> str:
    """The word for a health state."""
    return str(HEALTH_LABELS[Health(state)]) if state in list(Health) else state
