"""Hand-off sheets as data: what the next level needs to know, by kind of trouble (E-02; policies.md, Tickets)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import FieldError, Invalid
from core.i18n import LazyText, lazy
from core.i18n import gettext as _

LONGEST_ANSWER = 4000


class Fill(StrEnum):
    """What the platform knows and can write into a line by itself."""

    SYMPTOM = "symptom"
    SINCE = "since"
    AFFECTED = "affected"
    ERROR = "error"
    TRIED = "tried"
    CONTACT = "contact"
    ITEM = "item"
    SERVICE = "service"
    SITE = "site"
    CHANGES = "changes"


@dataclass(frozen=True)
class Line:
    """One line of a sheet. `fill` names what the platform can put there; `mask` hides long numbers when stored."""

    key: str
    label: LazyText
    help: LazyText
    required: bool = True
    fill: Fill | None = None
    long: bool = False
    mask: bool = False


COMMON: tuple[Line, ...] = (
    Line("symptom", lazy("现象"), lazy("看到了什么，做哪一步时出现。"), fill=Fill.SYMPTOM, long=True),
    Line("since", lazy("开始时间"), lazy("第一次出现是什么时候。"), fill=Fill.SINCE),
    Line("affected", lazy("影响范围"), lazy("哪些人、多少人用不了。"), fill=Fill.AFFECTED),
    Line("error", lazy("报错原文"), lazy("照屏幕抄全，含代码；确实没有就写“无”。"), fill=Fill.ERROR, long=True),
    Line("tried", lazy("已尝试"), lazy("做过什么、结果怎样，免得下一级再做一遍。"), fill=Fill.TRIED, long=True),
    Line("contact", lazy("联系人"), lazy("能配合处理的人和电话。"), fill=Fill.CONTACT),
)

BY_CATEGORY: Mapping[str, tuple[Line, ...]] = {
    "desktop": (
        Line("device", lazy("设备"), lazy("品牌型号或资产编号。"), fill=Fill.ITEM),
        Line("system_version", lazy("系统和版本"), lazy("例如：Windows 10 专业版、统信 20。")),
    ),
    "wan": (
        Line("site", lazy("站点"), lazy("哪个单位、哪个机房。"), fill=Fill.SITE),
        Line("line", lazy("线路"), lazy("运营商和线路编号，主线还是备线。"), fill=Fill.ITEM),
        Line("route", lazy("从哪到哪"), lazy("从哪里访问哪里不通，例如：从某税务所到省局核心征管。")),
    ),
    "application": (
        Line("system", lazy("系统"), lazy("哪个应用系统。"), fill=Fill.SERVICE),
        Line("function", lazy("功能"), lazy("哪个菜单、哪个按钮。")),
        Line("subject", lazy("纳税人或单据号"), lazy("中间几位会自动打码；与具体单据无关就写“无”。"), mask=True),
    ),
    "video": (
        Line("terminal", lazy("终端"), lazy("哪个会场的哪台终端。"), fill=Fill.ITEM),
        Line("meeting", lazy("会议"), lazy("会议名称和时间。")),
        Line("peer", lazy("对端"), lazy("和哪个会场之间有问题，别的会场是否正常。")),
    ),
    "server": (
        Line("item", lazy("设备或系统"), lazy("主机名、数据库名或机房设备。"), fill=Fill.ITEM),
        Line("last_change", lazy("最近变动"), lazy("最近升级、改过什么；没有就写“无”。"), fill=Fill.CHANGES, long=True),
    ),
}

VERSION = 1  # pinned in each hand-off; a change of the lines raises it


def lines_for(category: str) -> tuple[Line, ...]:
    """The whole sheet of a category: the common lines, then its own; an unknown category has the common ones."""
    return COMMON + BY_CATEGORY.get(category, ())


def mask_numbers(text: str) -> str:
    """Hide the middle of what looks like a number of a person or paper: 610102199001 → 610******001."""
    return re.sub(r"[0-9A-Z]{8,}", lambda m: f"{m[0][:3]}{'*' * (len(m[0]) - 6)}{m[0][-3:]}", text)


def prefill(category: str, known: Mapping[Fill, str], answers: Mapping[str, str] | None = None) -> dict[str, str]:
    """The sheet as the platform can fill it: what the guide's answers said first, then what it knows itself."""
    said = answers or {}
    filled = {}
    for line in lines_for(category):
        if value := said.get(line.key) or (known.get(line.fill, "") if line.fill else ""):
            filled[line.key] = value
    return filled


def missing(category: str, sheet: Mapping[str, str]) -> list[Line]:
    """The required lines that are empty."""
    return [line for line in lines_for(category) if line.required and not sheet.get(line.key, "").strip()]


def validated(category: str, sheet: Mapping[str, object]) -> dict[str, str]:
    """The sheet as it is stored: trimmed, numbers masked where asked.

    Raises Invalid naming EVERY missing line, every unknown one and every one that is no text or too long.
    """
    lines = {line.key: line for line in lines_for(category)}
    errors = [
        FieldError(f"sheet.{key}", _("交接单里没有这一项；可用的有：%(known)s", known="、".join(lines)))
        for key in sheet
        if key not in lines
    ]
    clean: dict[str, str] = {}
    for key, line in lines.items():
        given, label = sheet.get(key), str(line.label)
        if given is not None and not isinstance(given, str):
            errors.append(FieldError(f"sheet.{key}", _("“%(label)s”应为文字。", label=label)))
            continue
        text = (given or "").strip()
        if len(text) > LONGEST_ANSWER:
            message = _("“%(label)s”最多 %(most)s 个字。", label=label, most=LONGEST_ANSWER)
            errors.append(FieldError(f"sheet.{key}", message))
        elif text:
            clean[key] = mask_numbers(text) if line.mask else text
        elif line.required:
            message = _("请填写“%(label)s”：%(help)s", label=label, help=str(line.help))
            errors.append(FieldError(f"sheet.{key}", message))
    if errors:
        raise Invalid(_("交接单还不完整，没有发送。"), errors)
    return clean
