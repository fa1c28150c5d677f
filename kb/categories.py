"""What an article may be about, in the contract's words; tickets have the same categories, above this room."""

from __future__ import annotations

from core.i18n import LazyText, lazy

LABELS: dict[str, LazyText] = {
    "desktop": lazy("桌面软硬件"), "application": lazy("应用系统"), "wan": lazy("广域网"), "video": lazy("视频会议"),
    "server": lazy("服务器"), "data-correction": lazy("数据修改"), "role-change": lazy("岗位/权限调整"), "rule": lazy("管理制度"),
}  # fmt: skip


def label(category: str | None) -> str:
    """The category as people call it; empty without one."""
    return str(LABELS[category]) if category in LABELS else (category or "")
