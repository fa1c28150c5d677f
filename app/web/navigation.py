"""The places a person can go, by what they may do. A place whose room has no such endpoint yet is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for

from accounts.scope import Viewer
from core.i18n import LazyText, lazy

EVERYBODY = ("ticket.report",)


@dataclass(frozen=True)
class Place:
    """One entry: who sees it, what it is called, where it leads."""

    label: LazyText
    endpoint: str
    icon: str
    needs: tuple[str, ...]
    letter: str = ""  # pressed after g


GROUPS: tuple[tuple[LazyText, tuple[Place, ...]], ...] = (
    (
        lazy("服务台"),
        (
            Place(lazy("首页"), "home.index", "home", (), "h"),
            Place(lazy("总览"), "overview.index", "layout-dashboard", ("figures.read",), "d"),
            Place(lazy("我要报障"), "desk.report", "plus", EVERYBODY, "n"),
            Place(lazy("我的事项"), "desk.mine", "list", EVERYBODY, "m"),
            Place(lazy("我的工作"), "desk.work", "inbox", ("ticket.work",), "w"),
            Place(lazy("分诊"), "desk.triage", "filter", ("ticket.work",), "t"),
            Place(lazy("全部事项"), "desk.tickets", "ticket", ("ticket.read",), "l"),
            Place(lazy("待我处理"), "vendor.workspace", "inbox", ("vendor.work",), "v"),
        ),
    ),
    (
        lazy("监控"),
        (
            Place(lazy("告警"), "monitor.alerts", "bell", ("alert.read",), "a"),
            Place(lazy("静默"), "monitor.silences", "bell-off", ("silence.write",)),
            Place(lazy("监控项"), "monitor.checks", "activity", ("check.read",), "c"),
            Place(lazy("服务目录"), "cmdb.services", "apps", ("service.read", "item.read"), "s"),
            Place(lazy("配置项"), "cmdb.items", "server", ("item.read",), "i"),
            Place(lazy("值班"), "oncall.index", "calendar", ("oncall.read",), "o"),
            Place(lazy("大屏"), "monitor.wall", "screen", ("wall.read", "alert.read"), "b"),
        ),
    ),
    (
        lazy("知识"),
        (
            Place(lazy("知识库"), "kb.articles", "book", ("knowledge.read", "article.write"), "k"),
            Place(lazy("公告"), "kb.notices", "megaphone", ("notice.read", "notice.write"), "p"),
        ),
    ),
    (
        lazy("管理"),
        (
            Place(lazy("设置"), "admin.settings", "settings", ("settings.read", "grant.write")),
            Place(lazy("机构"), "admin.units", "building", ("unit.read",), "u"),
            Place(lazy("人员"), "admin.people", "users", ("person.read",)),
            Place(lazy("班组"), "admin.teams", "users", ("unit.read",)),
            Place(lazy("角色"), "admin.roles", "shield", ("grant.write",)),
            Place(lazy("登录入口"), "admin.doors", "login", ("grant.write",)),
            Place(lazy("目录同步"), "admin.directory", "refresh", ("person.write",)),
            Place(lazy("API 令牌"), "admin.tokens", "key", ("token.write",)),
            Place(lazy("搜索词典"), "kb.dictionary", "book", ("settings.read", "article.publish")),
            Place(lazy("抑制规则"), "monitor.inhibitions", "git-branch", ("settings.read",)),
            Place(lazy("通知渠道"), "channels.index", "send", ("channel.write",)),
            Place(lazy("告警接入"), "sources.index", "plug-connected", ("settings.read",)),
            Place(lazy("告警推送"), "receivers.index", "share", ("settings.read",)),
            Place(lazy("通知投递"), "deliveries.index", "mail", ("delivery.read",)),
            Place(lazy("工作日历"), "calendar.index", "calendar", ("calendar.write",)),
            Place(lazy("失败任务"), "admin.outbox", "alert", ("outbox.read",)),
            Place(lazy("审计"), "admin.audit", "shield", ("audit.read",)),
        ),
    ),
)
BOTTOM = ("home.index", "desk.report", "desk.work", "vendor.workspace", "monitor.alerts", "desk.mine", "kb.articles")
# what fits under an icon of the phone's bottom bar
SHORT = {
    "desk.report": lazy("报障"),
    "desk.work": lazy("待办"),
    "vendor.workspace": lazy("待办"),
    "desk.mine": lazy("我的"),
}
BOTTOM_MOST = 4


def _visible(place: Place, viewer: Viewer) -> bool:
    return place.endpoint in current_app.view_functions and (not place.needs or viewer.can(*place.needs))


def _entry(place: Place, path: str) -> dict[str, Any]:
    url = url_for(place.endpoint)
    active = path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
    return {
        "label": str(place.label),
        "short": str(SHORT.get(place.endpoint, place.label)),
        "url": url,
        "icon": place.icon,
        "active": active,
        "badge": None,
        "letter": place.letter,
    }


def groups(viewer: Viewer | None, path: str) -> list[dict[str, Any]]:
    """The side bar's groups for this viewer; the active entry is the one with the longest matching address."""
    if viewer is None:
        return []
    found: list[dict[str, Any]] = []
    for label, places in GROUPS:
        items = [_entry(p, path) for p in places if _visible(p, viewer)]
        if items:
            found.append({"label": str(label), "items": items})
    active = [i for g in found for i in g["items"] if i["active"]]
    for entry in sorted(active, key=lambda i: len(i["url"]))[:-1]:
        entry["active"] = False
    return found


def bottom(viewer: Viewer | None, path: str) -> list[dict[str, Any]]:
    """The phone's bottom bar: four places, the most useful for this viewer."""
    if viewer is None:
        return []
    places = {p.endpoint: p for _label, group in GROUPS for p in group}
    chosen = [places[e] for e in BOTTOM if e in places and _visible(places[e], viewer)]
    return [_entry(p, path) for p in chosen[:BOTTOM_MOST]]


def home(viewer: Viewer | None) -> str:
    """Where the logo leads."""
    return url_for("home.index") if viewer is not None and "home.index" in current_app.view_functions else "/"
