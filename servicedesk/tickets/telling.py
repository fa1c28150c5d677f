"""Facts in words: the entries of the timeline as ui/timeline.html draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.i18n import gettext as _
from core.i18n import lazy
from servicedesk.attachments.models import Attachment
from servicedesk.attachments.reading.reader import TextState
from servicedesk.custody.rules import WAITING_LABELS, WaitingFor
from servicedesk.tickets import facts, rules
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import TicketFact

ICONS: Mapping[What, str] = {
    What.OPENED: "message-report",
    What.ALERT_RAISED: "alert-triangle",
    What.ALERT_RESOLVED: "circle-check",
    What.ACKNOWLEDGED: "eye-check",
    What.ACCEPTED: "hand-click",
    What.ASSIGNED: "user-check",
    What.SENT: "arrow-up-circle",
    What.RETURNED: "arrow-back-up",
    What.WITHDRAWN: "arrow-left",
    What.ARBITRATED: "scale",
    What.SUSPENDED: "player-pause",
    What.RESUMED: "player-play",
    What.RESOLVED: "circle-check",
    What.CONFIRMED: "star",
    What.REOPENED: "rotate",
    What.CLOSED: "lock",
    What.CANCELLED: "ban",
    What.COMMENTED: "message",
    What.PRIORITY_CHANGED: "urgent",
    What.SERVICE_CHANGED: "apps",
    What.EDITED: "edit",
    What.URGED: "bell-ringing",
    What.WATCHED: "eye",
    What.ATTACHED: "paperclip",
    What.STEP_DONE: "checkbox",
    What.CHILD_LINKED: "git-merge",
    What.IMPORTED: "download",
}
FIELD_WORDS = {
    "title": lazy("标题"),
    "description": lazy("描述"),
    "category": lazy("类别"),
    "service_id": lazy("所属系统"),
    "item_id": lazy("设备"),
    "major": lazy("重大事件标记"),
}

UNSEARCHABLE = {
    TextState.UNREADABLE: lazy("文件已损坏或不是它所说的类型，搜索不到里面的文字"),
    TextState.LOCKED: lazy("文件有密码，搜索不到里面的文字"),
    TextState.TOO_LARGE: lazy("内容过大，搜索不到里面的文字"),
    TextState.EMPTY: lazy("没有读到文字（可能是扫描件），搜索不到内容"),
}
"""What whoever looks for a file later should know of it now."""


def entries(shown: Sequence[TicketFact], files: Sequence[Attachment]) -> list[dict[str, Any]]:
    """The lines of a timeline, newest first."""
    by_fact: dict[int, list[Attachment]] = {}
    for file in files:
        by_fact.setdefault(file.fact_id, []).append(file)
    return [_entry(fact, by_fact.get(fact.id, [])) for fact in reversed(shown)]


def _entry(fact: TicketFact, files: Sequence[Attachment]) -> dict[str, Any]:
    what = What(fact.kind)
    quiet = what is What.OPENED and fact.data.get("source") == "alert"  # the alert's own line says it
    return {
        "at": fact.at,
        "actor": fact.actor.name if fact.actor else _("平台"),
        "what": _words(what, fact.data),
        "text": "" if quiet else _text(what, fact),
        "internal": fact.internal and what is What.COMMENTED,
        "kind": "comment"
        if what is What.COMMENTED or files or (what is What.OPENED and fact.text and not quiet)
        else "event",
        "icon": ICONS[what],
        "tone": facts.TONES.get(what, ""),
        "files": [
            {
                "name": f.name,
                "url": f"/desk/attachments/{f.id}",
                "size": f.size,
                "note": str(UNSEARCHABLE.get(f.text_state, "")),
            }
            for f in files
        ],
    }


def _words(what: What, data: Mapping[str, Any]) -> str:  # noqa: PLR0911  one line for each kind
    match what:
        case What.SENT if data.get("to"):
            return _("上报给%(to)s，等待对方受理", to=data["to"])
        case What.ACCEPTED if data.get("arbitrated"):
            return _("按裁决接手，由%(team)s负责", team=data.get("team", ""))
        case What.ACCEPTED if data.get("handoff"):
            return _("代表%(team)s接收，交接单清楚程度 %(n)s 分", team=data.get("team", ""), n=data.get("clarity", "—"))
        case What.RETURNED:
            return _("退回给%(to)s（第 %(n)s 次）", to=data.get("to") or _("上报方"), n=data.get("bounces", 1))
        case What.ASSIGNED:
            return _("指派给%(who)s", who=data.get("holder_name") or data.get("team_name", ""))
        case What.SUSPENDED if data.get("waiting_for"):
            return _("挂起：%(why)s", why=str(WAITING_LABELS[WaitingFor(data["waiting_for"])]))
        case What.RESOLVED if data.get("recovered"):
            return _("自行恢复，自动解决")
        case What.RESOLVED if data.get("parent"):
            return _("随 %(parent)s 一并解决", parent=data["parent"])
        case What.PRIORITY_CHANGED:
            label = rules.PRIORITY_LABELS[int(data["priority"])]
            return _("把优先级调整为“%(p)s”", p=str(label))
        case _:
            return _more_words(what, data)


def _more_words(what: What, data: Mapping[str, Any]) -> str:  # noqa: PLR0911  one line for each kind
    match what:
        case What.CONFIRMED:
            return _("确认解决，评价 %(n)s 星", n=data.get("stars", ""))
        case What.OPENED if data.get("source") == "alert":
            return _("监控发现，自动建单")
        case What.CLOSED if data.get("automatic"):
            return _("三个工作日未答复，自动关闭")
        case What.URGED:
            told = _("，已通知负责人") if data.get("head") else ""
            return _("第 %(n)s 次催办", n=data.get("count", 1)) + told
        case What.EDITED:
            return _(
                "修改了%(fields)s",
                fields="、".join(str(FIELD_WORDS[f]) for f in data.get("fields", []) if f in FIELD_WORDS),
            )
        case What.WATCHED if data.get("person"):
            return _("请%(person)s关注", person=data["person"])
        case What.CHILD_LINKED if data.get("child"):
            return _("%(unit)s 也遇到，关联 %(child)s", unit=data.get("unit", ""), child=data["child"])
        case What.CHILD_LINKED:
            return _("与 %(parent)s 是同一故障", parent=data.get("parent", ""))
        case What.ARBITRATED:
            return _("裁决：由%(team)s负责", team=data.get("team", ""))
        case _:
            return str(facts.label(str(what)))


def _text(what: What, fact: TicketFact) -> str:
    text = fact.text
    if what is What.RETURNED and fact.data.get("missing"):
        text = _("%(why)s\n缺少：%(missing)s", why=text, missing=fact.data["missing"])
        if fact.data.get("arbiter"):
            text += "\n" + _("已提交%(name)s裁决。", name=fact.data["arbiter"])
    if what is What.RESOLVED and fact.data.get("cause"):
        text += "\n" + _("原因：%(cause)s", cause=fact.data["cause"])
    if what is What.RESOLVED and fact.data.get("still_failing_because"):
        text += "\n" + _("解决时监控仍显示故障：%(why)s", why=fact.data["still_failing_because"])
    return text
