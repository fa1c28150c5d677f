"""Solution standards (解决标准, T-19): for each kind of trouble the steps to do and what counts as done, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.i18n import LazyText, lazy


@dataclass(frozen=True)
class Step:
    """One step."""

    key: str
    label: LazyText


@dataclass(frozen=True)
class Standard:
    """What to do, and what counts as done."""

    steps: tuple[Step, ...]
    done_when: LazyText


_COMMON = Step("told", lazy("把处理结果告诉报障人"))

STANDARDS: Mapping[str, Standard] = {
    "desktop": Standard(
        (
            Step("seen", lazy("看到或远程看到故障现象")),
            Step("basics", lazy("检查电源、连线、纸张耗材和网络")),
            Step("restart", lazy("重启设备或软件后再试")),
            Step("known", lazy("查知识库，按现成方案处理")),
            _COMMON,
        ),
        lazy("报障人自己操作一遍，现象不再出现。"),
    ),
    "application": Standard(
        (
            Step("reproduce", lazy("用报障人的步骤重现，或看到报错截图")),
            Step("scope", lazy("确认是一个人、一个单位还是全省")),
            Step("state", lazy("查看该系统的监控状态和近期变更")),
            Step("known", lazy("按报错代码查知识库")),
            _COMMON,
        ),
        lazy("同一笔业务重新办理成功，监控状态正常。"),
    ),
    "wan": Standard(
        (
            Step("scope", lazy("确认受影响的站点和线路")),
            Step("hops", lazy("逐跳测试：本机、网关、市局、省局")),
            Step("backup", lazy("检查备用线路是否已切换")),
            Step("carrier", lazy("需要时向运营商报障并记录工单号")),
            _COMMON,
        ),
        lazy("主用线路恢复，丢包低于 1%，业务系统可以打开。"),
    ),
    "video": Standard(
        (
            Step("terminal", lazy("检查终端电源、麦克风、摄像头和网线")),
            Step("loop", lazy("做本端环回测试")),
            Step("peer", lazy("与另一会场点对点呼叫")),
            _COMMON,
        ),
        lazy("图像和声音双向正常，持续 10 分钟不掉线。"),
    ),
    "server": Standard(
        (
            Step("alive", lazy("确认主机、数据库、中间件哪一层不正常")),
            Step("changes", lazy("查看最近变更和容量")),
            Step("evidence", lazy("处理前保存日志和现场")),
            Step("fix", lazy("按预案处理")),
            _COMMON,
        ),
        lazy("监控恢复正常并保持 30 分钟，依赖它的系统可用。"),
    ),
}
EMPTY = Standard((_COMMON,), lazy("报障人确认问题已解决。"))


def standard_for(category: str) -> Standard:
    """The standard of a category; one that has none asks only to tell the reporter."""
    return STANDARDS.get(category, EMPTY)
