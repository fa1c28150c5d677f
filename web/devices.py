"""What a browser calls itself, in words a person knows: “Edge · Windows” instead of a line of version numbers."""

from __future__ import annotations

from core.i18n import gettext as _
from core.i18n import lazy

#: The first that is found counts: every browser also names those it descends from.
_BROWSERS = (
    ("wxwork", lazy("企业微信")), ("micromessenger", lazy("微信")), ("dingtalk", lazy("钉钉")), ("feishu", lazy("飞书")), ("lark", lazy("飞书")),
    ("edg", "Edge"), ("opr/", "Opera"), ("firefox", "Firefox"), ("chrome", "Chrome"), ("safari", "Safari"),
    ("trident", "Internet Explorer"),
)  # fmt: skip
_SYSTEMS = (
    ("harmonyos", "HarmonyOS"), ("openharmony", "HarmonyOS"), ("android", "Android"), ("iphone", "iPhone"),
    ("ipad", "iPad"), ("windows", "Windows"), ("mac os", "macOS"), ("uos", "UOS"), ("kylin", "Kylin"),
    ("linux", "Linux"),
)  # fmt: skip
LONGEST = 40


def device(user_agent: str | None) -> str:
    """Browser and system; a program's own name where it is no browser; “未知设备” where nothing was said."""
    text = (user_agent or "").strip()
    low = text.lower()
    browser = next((str(name) for mark, name in _BROWSERS if mark in low), "")
    system = next((name for mark, name in _SYSTEMS if mark in low), "")
    if browser:
        return " · ".join(part for part in (browser, system) if part)
    return text[:LONGEST] or _("未知设备")
