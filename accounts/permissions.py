"""Every permission there is. An endpoint names one of these, or is marked public; a role is a set of them."""

from __future__ import annotations

from core.i18n import LazyText, lazy

#: What only the three administrators' roles, which are fixed, may contain: no edited role becomes a fourth administrator.
ADMINISTRATIVE = frozenset(
    {
        "person.write", "grant.write", "token.write", "session.end", "settings.read", "settings.write", "channel.write",
        "calendar.write", "delivery.read", "outbox.read", "audit.read",
    }
)  # fmt: skip
#: What everybody may over their own matters, without a place it was granted at: the role `reporter` is made of these.
EVERYBODYS = ("ticket.report", "knowledge.read", "notice.read", "service.read")

PERMISSIONS: dict[str, LazyText] = {
    "ticket.report": lazy("报障，查看并跟踪自己的事项"),
    "ticket.read": lazy("查看辖区事项"),
    "ticket.work": lazy("受理和处理事项"),
    "ticket.hand-up": lazy("上报/转办"),
    "ticket.assign": lazy("指派"),
    "ticket.close": lazy("关闭和取消"),
    "ticket.arbitrate": lazy("裁决推诿"),
    "ticket.approve": lazy("审批"),
    "ticket.urge-down": lazy("向下催办"),
    "ticket.import": lazy("导入历史事项"),
    "vendor.work": lazy("处理转交给供应商的事项"),
    "knowledge.read": lazy("阅读知识"),
    "article.write": lazy("编写知识"),
    "article.publish": lazy("审核发布知识"),
    "notice.read": lazy("阅读公告"),
    "notice.write": lazy("编写公告"),
    "notice.publish": lazy("发布公告"),
    "service.read": lazy("查看服务目录"),
    "alert.read": lazy("查看告警"),
    "alert.ack": lazy("确认告警"),
    "alert.write": lazy("接入告警"),
    "silence.write": lazy("静默告警"),
    "item.read": lazy("查看配置项"),
    "item.write": lazy("维护配置项"),
    "check.read": lazy("查看监控项"),
    "check.write": lazy("维护监控项"),
    "result.write": lazy("上送检测结果"),
    "oncall.read": lazy("查看值班"),
    "oncall.write": lazy("维护值班"),
    "duty.paged": lazy("接收值班呼叫"),
    "action.run": lazy("执行预案动作"),
    "figures.read": lazy("查看考核数据"),
    "wall.read": lazy("查看大屏"),
    "api.integrate": lazy("接口接入"),
    "unit.read": lazy("查看机构"),
    "unit.write": lazy("维护机构和班组"),
    "person.read": lazy("查看人员"),
    "person.write": lazy("维护人员"),
    "grant.write": lazy("授权"),
    "token.write": lazy("管理令牌"),
    "session.end": lazy("强制下线"),
    "settings.read": lazy("查看设置"),
    "settings.write": lazy("修改设置"),
    "channel.write": lazy("维护通知渠道"),
    "calendar.write": lazy("维护工作日历"),
    "delivery.read": lazy("查看通知投递"),
    "outbox.read": lazy("查看失败任务"),
    "audit.read": lazy("查看审计"),
}
