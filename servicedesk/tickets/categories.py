"""The kinds of trouble and of application, as data; an administrator's own ones come beside these later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.i18n import LazyText, lazy
from servicedesk.tickets.states import Kind


@dataclass(frozen=True)
class Category:
    """One kind of trouble: what people call it, what belongs to it, and the process it runs through."""

    key: str
    label: LazyText
    examples: LazyText
    kind: Kind
    icon: str


CATEGORIES: tuple[Category, ...] = (
    Category("desktop", lazy("桌面软硬件"), lazy("电脑、打印机、扫描仪、办公软件"), Kind.INCIDENT, "device-desktop"),
    Category("application", lazy("应用系统"), lazy("征管、发票、网上办税、公文等系统"), Kind.INCIDENT, "apps"),
    Category("wan", lazy("广域网"), lazy("连不上网、很慢、时断时续"), Kind.INCIDENT, "network"),
    Category("video", lazy("视频会议"), lazy("会场没有图像、没有声音、掉线"), Kind.INCIDENT, "video"),
    Category("server", lazy("服务器"), lazy("主机、数据库、中间件、存储、机房"), Kind.INCIDENT, "server"),
    Category("data-correction", lazy("数据修改"), lazy("需要逐级审批的数据更正"), Kind.REQUEST, "database-edit"),
    Category("role-change", lazy("岗位/权限调整"), lazy("需要逐级审批的岗位或权限变更"), Kind.REQUEST, "user-cog"),
)

BY_KEY: Mapping[str, Category] = {category.key: category for category in CATEGORIES}
INCIDENT_CATEGORIES: tuple[Category, ...] = tuple(c for c in CATEGORIES if c.kind is Kind.INCIDENT)

OTHER_LABEL = lazy("其他")


def label(key: str) -> LazyText:
    """What people call the category `key`; an unknown one (imported history) reads as 其他."""
    found = BY_KEY.get(key)
    return found.label if found else OTHER_LABEL


def category_of_item(item_type: str) -> str:
    """The category an alert about an item of this type belongs to."""
    return _OF_ITEM_TYPE.get(item_type, "server")


_OF_ITEM_TYPE: Mapping[str, str] = {
    "site": "wan",
    "router": "wan",
    "switch": "wan",
    "line": "wan",
    "gateway": "wan",
    "dns": "wan",
    "application": "application",
    "service": "application",
    "certificate": "application",
    "middleware": "server",
    "terminal": "desktop",
    "printer": "desktop",
    "video-terminal": "video",
    "mcu": "video",
}
