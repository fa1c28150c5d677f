"""Numbers as people read them, for the output line."""

from __future__ import annotations

from core.i18n import gettext as _


def bytes_text(value: float) -> str:
    """Bytes with a binary prefix: 1.5 GiB."""
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024:  # noqa: PLR2004  the base of these prefixes
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} PiB"


def duration_text(seconds: float) -> str:
    """The two largest units that matter, in words; under a second in milliseconds."""
    if seconds < 1:
        return _("%(ms).3g 毫秒", ms=seconds * 1000)
    days, rest = divmod(int(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return _("%(days)d 天 %(hours)d 小时", days=days, hours=hours)
    if hours:
        return _("%(hours)d 小时 %(minutes)d 分", hours=hours, minutes=minutes)
    if minutes:
        return _("%(minutes)d 分 %(seconds)d 秒", minutes=minutes, seconds=secs)
    return _("%(value).3g 秒", value=seconds)


def names(text: str) -> list[str]:
    """A comma-separated list without blanks; Chinese commas count too."""
    return [part for raw in text.replace("，", ",").split(",") if (part := raw.strip())]
