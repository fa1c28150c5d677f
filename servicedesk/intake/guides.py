"""Guides: two to five plain questions for each kind of trouble, which an untrained person can answer (T-09).

Data, not code: an answer may say how many are hit and how urgent it is, and may fill a line of the hand-off sheet, so
that nobody is asked twice when the matter climbs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.i18n import LazyText, lazy


@dataclass(frozen=True)
class Choice:
    """One answer to tick; `people` hit and `urgency` are what the platform concludes from it."""

    key: str
    label: LazyText
    people: int | None = None
    urgency: int | None = None


@dataclass(frozen=True)
class Question:
    """A question in plain words; without choices it takes a line of text. `sheet` names the sheet's line it fills."""

    key: str
    label: LazyText
    help: LazyText | None = None
    choices: tuple[Choice, ...] = ()
    sheet: str | None = None
    picture: str | None = None  # an icon of the bundle that shows what is meant


@dataclass(frozen=True)
class Guide:
    """The questions for one kind of trouble."""

    category: str
    questions: tuple[Question, ...] = field(default=())


def _when() -> Question:
    return Question(
        "since",
        lazy("从什么时候开始的？"),
        None,
        (
            Choice("just-now", lazy("刚刚")),
            Choice("this-morning", lazy("今天上午")),
            Choice("this-afternoon", lazy("今天下午")),
            Choice("yesterday", lazy("昨天")),
            Choice("earlier", lazy("更早")),
        ),
        sheet="since",
        picture="clock",
    )


def _who() -> Question:
    return Question(
        "who",
        lazy("除了您，别人也这样吗？"),
        lazy("可以问一下旁边的同事。"),
        (
            Choice("me", lazy("只有我"), people=1),
            Choice("room", lazy("我们科室都这样"), people=10),
            Choice("unit", lazy("整个单位都这样"), people=50),
            Choice("taxpayers", lazy("纳税人也办不了"), 100, 1),
            Choice("unknown", lazy("不清楚")),
        ),
        sheet="affected",
        picture="users",
    )


def _work() -> Question:
    return Question(
        "work",
        lazy("还能干活吗？"),
        None,
        (
            Choice("stopped", lazy("完全干不了"), urgency=1),
            Choice("slow", lazy("能干，但很不方便"), urgency=2),
            Choice("fine", lazy("不影响"), urgency=3),
        ),
        picture="hand-stop",
    )


GUIDES: tuple[Guide, ...] = (
    Guide(
        "desktop",
        (
            Question(
                "device",
                lazy("是哪样东西出了问题？"),
                None,
                (
                    Choice("computer", lazy("电脑主机或笔记本")),
                    Choice("screen", lazy("显示器")),
                    Choice("printer", lazy("打印机")),
                    Choice("scanner", lazy("扫描仪、高拍仪")),
                    Choice("software", lazy("电脑里的软件")),
                    Choice("other", lazy("其他")),
                ),
                sheet="device",
                picture="device-desktop",
            ),
            Question(
                "what",
                lazy("它现在什么样？"),
                None,
                (
                    Choice("dead", lazy("没反应、打不开")),
                    Choice("error", lazy("弹出提示或报错")),
                    Choice("slow", lazy("很慢、卡住")),
                    Choice("wrong", lazy("能用，但结果不对")),
                ),
                picture="help",
            ),
            _when(),
            _who(),
            _work(),
        ),
    ),
    Guide(
        "application",
        (
            Question(
                "function",
                lazy("您正在办什么业务？"),
                lazy("例如：代开发票、申报、登记。"),
                sheet="function",
                picture="apps",
            ),
            Question(
                "error",
                lazy("屏幕上提示什么？"),
                lazy("照着屏幕写，数字和字母也写上；也可以贴截图。"),
                sheet="error",
                picture="message",
            ),
            _when(),
            _who(),
            _work(),
        ),
    ),
    Guide(
        "wan",
        (
            Question(
                "what",
                lazy("网络现在怎么样？"),
                None,
                (
                    Choice("down", lazy("完全不通"), urgency=1),
                    Choice("slow", lazy("能通，但很慢"), urgency=2),
                    Choice("flaky", lazy("时断时续"), urgency=2),
                ),
                picture="network",
            ),
            Question(
                "route",
                lazy("打不开的是什么？"),
                None,
                (
                    Choice("all", lazy("什么都打不开")),
                    Choice("province", lazy("省局的系统")),
                    Choice("city", lazy("市局的系统")),
                    Choice("one", lazy("只有一个系统")),
                ),
                sheet="route",
                picture="route",
            ),
            Question(
                "lights",
                lazy("网络设备的灯亮着吗？"),
                lazy("一般在机房或弱电间，不方便看可以选“没看”。"),
                (
                    Choice("on", lazy("都亮着")),
                    Choice("red", lazy("有红灯")),
                    Choice("off", lazy("不亮")),
                    Choice("skip", lazy("没看")),
                ),
                picture="bulb",
            ),
            _when(),
            _who(),
        ),
    ),
    Guide(
        "video",
        (
            Question(
                "what",
                lazy("会场现在怎么样？"),
                None,
                (
                    Choice("no-picture", lazy("没有图像")),
                    Choice("no-sound", lazy("没有声音")),
                    Choice("dropped", lazy("掉线、连不上"), urgency=1),
                    Choice("bad", lazy("花屏、卡顿")),
                ),
                picture="video",
            ),
            Question("meeting", lazy("是哪个会议？现在开着吗？"), None, sheet="meeting", picture="calendar"),
            Question(
                "peer",
                lazy("别的会场正常吗？"),
                None,
                (
                    Choice("only-us", lazy("只有我们不正常"), people=10),
                    Choice("all", lazy("都不正常"), 100, 1),
                    Choice("unknown", lazy("不清楚")),
                ),
                sheet="peer",
                picture="users",
            ),
        ),
    ),
    Guide(
        "server",
        (
            Question(
                "what",
                lazy("您看到了什么？"),
                None,
                (
                    Choice("down", lazy("连不上、没响应"), urgency=1),
                    Choice("full", lazy("空间满了")),
                    Choice("slow", lazy("很慢"), urgency=2),
                    Choice("hardware", lazy("硬件告警、机房异常")),
                ),
                picture="server",
            ),
            Question("error", lazy("报什么错？"), lazy("照着屏幕写，也可以贴截图。"), sheet="error", picture="message"),
            Question(
                "last_change",
                lazy("最近动过什么？"),
                lazy("升级、改配置、换设备；没有就写“没有”。"),
                sheet="last_change",
                picture="history",
            ),
            _when(),
            _who(),
        ),
    ),
)

BY_CATEGORY: Mapping[str, Guide] = {guide.category: guide for guide in GUIDES}
EMPTY = Guide("other", (_when(), _who(), _work()))
VERSION = 1  # pinned in each ticket; a change of the questions raises it


def guide_for(category: str) -> Guide:
    """The guide of `category`; a category without its own gets the three questions that always help."""
    return BY_CATEGORY.get(category, EMPTY)


@dataclass(frozen=True)
class Conclusion:
    """What the answers say: people hit, urgency proposed, lines of the sheet, and each answer in words."""

    people: int
    urgency: int
    sheet: dict[str, str]
    words: list[tuple[str, str]]


def conclude(category: str, answers: Mapping[str, str]) -> Conclusion:
    """Read a guide's answers; unknown questions and empty answers are passed over, the most urgent answer counts."""
    people, urgency, sheet, words = 1, 3, {}, []
    for question in guide_for(category).questions:
        given = answers.get(question.key, "").strip()
        if not given:
            continue
        choice = next((c for c in question.choices if c.key == given), None)
        if question.choices and choice is None:
            continue
        said = str(choice.label) if choice else given[:500]
        words.append((str(question.label), said))
        if question.sheet:
            sheet[question.sheet] = said
        if choice:
            people = max(people, choice.people or 0)
            urgency = min(urgency, choice.urgency or 3)
    return Conclusion(people, urgency, sheet, words)
