"""Looking at an installation of several processes: who is there, what they lack, whether duties are done."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from app import broker
from config import Settings
from core import clock
from core.i18n import gettext as _
from core.schedule import runs
from core.schedule.lease import PRESENT, SCHEDULE
from core.schedule.models import JobRun, Lease
from web.filters import local

LATE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def findings(settings: Settings, session: Session, *, ask: bool) -> Iterator[Finding]:
    """What concerns several processes; nothing on the embedded default. `ask`: other machines may be asked."""
    if settings.embedded:
        return
    present = _present(session)
    yield from _who(session, present)
    yield from _duties(session)
    if settings.broker_url and ask:
        yield _broker(settings)
    yield from _lacks(settings, present)


def _present(session: Session) -> Counter[str]:
    """Role → how many processes live. The role stands last in a process's name (`host:home:role-number`)."""
    alive = sa.select(Lease.holder).where(Lease.name.startswith(PRESENT), Lease.until > sa.func.clock_timestamp())
    return Counter(holder.rpartition(":")[2].rpartition("-")[0] for holder in session.scalars(alive))


def _who(session: Session, present: Counter[str]) -> Iterator[Finding]:
    part = _("进程")
    yield from _died(session)
    if not present:
        return  # nothing runs: `doctor` before the first start
    for role, means in _without().items():
        if not present["all"] and not present[role]:
            text = _("没有运行的角色：%(role)s。%(means)s", role=role, means=means)
            yield Finding(part, "critical", text, _("启动：taxops run --role %(role)s", role=role))
    text = "、".join(f"{role} × {count}" for role, count in sorted(present.items()))
    yield Finding(part, "ok", _("正在运行：%(roles)s。", roles=text))
    leader = session.scalar(
        sa.select(Lease.holder).where(Lease.name == SCHEDULE, Lease.until > sa.func.clock_timestamp())
    )
    if leader is None and (present["worker"] or present["all"]):
        yield Finding(part, "critical", _("没有进程在排定周期作业。"), _("请查看 worker 进程的日志。"))


def _without() -> dict[str, str]:
    """Role → what people miss while none of its processes runs. `live` is not needed: web answers its pages too."""
    return {
        "web": _("页面打不开，接口和告警接入没有应答。"),
        "worker": _("事项照常登记，但不发通知、不升级，时钟提醒和搜索更新都停着；恢复后立即补上。"),
        "poller": _("检查都停着，几分钟后监控项变为“无数据”；来自外部的告警照常接收。"),
    }


def _died(session: Session) -> Iterator[Finding]:
    """Processes that fell silent without saying goodbye: who ends in order gives its lease back."""
    silent = sa.select(Lease).where(
        Lease.name.startswith(PRESENT),
        Lease.until <= sa.func.clock_timestamp(),
        Lease.until > sa.func.clock_timestamp() - DAY,
    )
    for lease in session.scalars(silent.order_by(Lease.name)):
        text = _("%(name)s 从 %(at)s 起没有消息，也没有正常停止。", name=lease.holder, at=local(lease.until))
        mend = _("看它的日志为何停止，再启动它；它手里的工作已由其他进程接手，只有一个进程时启动后接着做。")
        yield Finding(_("进程"), "warning", text, mend)


def _duties(session: Session) -> Iterator[Finding]:
    part, now = _("周期作业"), clock.now()
    late = session.scalar(
        sa.select(sa.func.count()).select_from(JobRun).where(JobRun.done_at.is_(None), JobRun.due_at < now - LATE)
    )
    if late:
        text = _("%(n)d 个周期作业已逾期一分钟以上。", n=late)
        yield Finding(part, "warning", text, _("启动更多 worker：taxops run --role worker"))
    failed = session.execute(
        sa.select(JobRun.job, JobRun.error)
        .where(JobRun.outcome == runs.FAILED, JobRun.done_at > now - DAY)
        .order_by(JobRun.done_at.desc())
        .limit(1)
    ).first()
    if failed is not None:
        text = _("周期作业 %(job)s 多次重试仍失败：%(why)s", job=failed.job, why=(failed.error or "").splitlines()[0])
        yield Finding(part, "warning", text, _("请查看 worker 进程的日志。"))
    if not (late or failed):
        yield Finding(part, "ok", _("没有积压或失败。"))


def _broker(settings: Settings) -> Finding:
    part = _("消息队列")
    error = broker.Probe(settings.broker_url).error()
    if error is None:
        return Finding(part, "ok", _("%(where)s 有应答。", where=broker.place(settings.broker_url)))
    mend = _("周期作业照常进行：各 worker 从数据库领取。请检查 TAXOPS_BROKER_URL，并确认消息队列正在运行。")
    return Finding(part, "warning", error, mend)


def _lacks(settings: Settings, present: Counter[str]) -> Iterator[Finding]:
    """What one process does not need and several do."""
    if sum(present.values()) - present["all"] < 2:  # noqa: PLR2004  several
        return
    part = _("多进程")
    if not settings.broker_url:
        text = _("没有设置消息队列：各 worker 每两秒从数据库领取周期作业。")
        yield Finding(part, "ok", text, _("设置 TAXOPS_BROKER_URL=amqp://用户:口令@主机:5672//"))
    if not settings.elasticsearch_url:
        text = _("检索索引在 TAXOPS_HOME 中，只有同一台机器上的进程能共用。")
        yield Finding(part, "warning", text, _("进程分布在多台机器上时，设置 TAXOPS_ELASTICSEARCH_URL。"))
    if not settings.remote_write_url:
        text = _("采样数据只能由一个进程保存，其余进程的采样会丢失。")
        yield Finding(part, "warning", text, _("设置 TAXOPS_REMOTE_WRITE_URL 和 TAXOPS_PROMQL_URL。"))
    if settings.path("secret.key").exists():
        text = _("密钥在 TAXOPS_HOME 的 secret.key 中；各台机器上必须是同一个。")
        yield Finding(part, "ok", text, _("多台机器时在每台上设置同一个 TAXOPS_SECRET_KEY。"))
