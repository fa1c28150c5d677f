"""What an installation needs before its first hour is over, and what of it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, Team, Unit
from accounts.scope import Viewer
from cmdb.models import Item
from core.i18n import LazyText, lazy
from escalation.notify.models import Channel
from monitor.models import Check

SECURITY, SYSTEM = lazy("安全管理员"), lazy("系统管理员")
A_FEW = 2  # the first administrator brings the top unit along


@dataclass(frozen=True)
class Step:
    """One step: who does it (`permission`), where one by one, and how to bring many (`imports`)."""

    name: str
    title: LazyText
    why: LazyText
    icon: str
    who: LazyText
    permission: str
    page: str
    done: bool
    imports: bool = False


def steps(session: Session) -> Sequence[Step]:
    """All of them in the order they are done. Says only whether something is there, not what or how much."""

    def some(column: sa.ColumnElement[int] | sa.orm.InstrumentedAttribute[int], least: int = 1) -> bool:
        return len(session.scalars(sa.select(column).limit(least)).all()) >= least

    return (
        Step("units", lazy("机构"), lazy("省、市、县、所和供应商。谁能看到什么，都按机构算。"), "building", SECURITY, "unit.write", "admin.new_unit",
             some(Unit.id, A_FEW), imports=True),
        Step("people", lazy("人员"), lazy("登录名和姓名。先导入，再逐个或按班组授权。"), "users", SECURITY, "person.write", "admin.new_person",
             some(Person.id, 2 * A_FEW), imports=True),
        Step("teams", lazy("班组"), lazy("事项总在某个班组名下。至少给最上级机构一个班组。"), "users-group", SECURITY, "unit.write", "admin.new_team",
             some(Team.id)),
        Step("items", lazy("配置项"), lazy("设备、线路、系统。告警和事项靠它们说清是哪一个。"), "server-2", SYSTEM, "item.write", "cmdb.new_item",
             some(Item.id), imports=True),
        Step("channel", lazy("通知渠道"), lazy("邮件、企业微信、短信网关，夜里叫得醒人。"), "bell", SYSTEM, "channel.write", "channels.index",
             some(Channel.id)),
        Step("check", lazy("监控项"), lazy("第一个监控项：先看一台服务器或一个网页。"), "heartbeat", SYSTEM, "check.write", "monitor.new",
             some(Check.id)),
    )  # fmt: skip


def mine(all_steps: Sequence[Step], viewer: Viewer) -> Sequence[Step]:
    """Those this person may do."""
    return [step for step in all_steps if viewer.can(step.permission)]
