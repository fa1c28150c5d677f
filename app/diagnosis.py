"""Looking at an installation: settings, disk, database, mail, people, and what got stuck. Reads only.

The command says it in English, the administrator's page in the reader's language.
"""

from __future__ import annotations

import datetime as dt
import shutil
import smtplib
import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin.findings import Finding, of_people
from accounts.audit import export, looks
from accounts.directory import findings as directory
from app import clocks, migrate, processes
from app.run import control
from config import Settings
from core import clock
from core.db import make_engine, reading
from core.i18n import gettext as _
from core.outbox import OutboxRow
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryAttempt, DeliveryState
from kb.search import findings as search
from servicedesk.attachments.reading import findings as attachments
from web.filters import local

GIB = 1024**3
LEAST_FREE = 2 * GIB
NO_ROOM = 32 * 1024**2  # bytes; a write-ahead log and a segment of the index need some of it at once
LATE = dt.timedelta(minutes=5)
MAIL_WAIT_S = 5.0
ALIVE_S = 5.0


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order a person would look."""
    findings = [*_home(settings), *_running(settings)]
    engine = make_engine(settings.database_url)
    last_mail = None
    try:
        found = _database(engine)
        findings.append(found)
        if found.state == "ok":
            with reading(engine) as session:
                findings.extend(_inside(session))
                findings.extend(processes.findings(settings, session, ask=True))
                findings.extend(clocks.findings(session))
                last_mail = _last_mail(settings, session) if settings.smtp_url else None
    finally:
        engine.dispose()
    findings.append(search.of_index(settings))
    findings.append(_mail(settings) or _worse(_mail_server(settings), last_mail))
    return findings


def of_running(settings: Settings, session: Session) -> list[Finding]:
    """The same for a page of the running program: it asks its database, and waits for no other machine."""
    several = processes.findings(settings, session, ask=False)
    return [*_home(settings), *_inside(session), *several, _mail(settings) or _last_mail(settings, session)]


def _inside(session: Session) -> Iterator[Finding]:
    now = clock.now()
    yield from of_people(session, now=now)
    yield from looks.findings(session, now=now)
    yield from export.findings(session, now=now)
    yield from directory.findings(session)
    yield from _stuck(session, now)
    yield from search.of_backlog(session, now=now)
    yield from attachments.of_waiting(session, now=now)


def _home(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.home).free
    values = {"free": f"{free / GIB:.1f}", "where": str(settings.home)}
    text = _("%(where)s 所在磁盘还剩 %(free)s GiB。", **values)
    if free < NO_ROOM:
        means = _("新事项、告警和附件都被拒绝（503），采样会丢失；已保存的都能查看。")
        mend = _("请腾出空间；程序会自己恢复，不必重启。")
        yield Finding(_("磁盘"), "critical", f"{text} {means}", mend)
    elif free < LEAST_FREE:
        yield Finding(_("磁盘"), "warning", text, _("请腾出一些空间。"))
    else:
        yield Finding(_("磁盘"), "ok", text)
    key = settings.path("secret.key")
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        text = _("%(key)s 可被其他用户读取。", key=key)
        yield Finding(_("密钥文件"), "warning", text, _("运行：chmod 600 %(key)s", key=key))


def _running(settings: Settings) -> Iterator[Finding]:
    """Whether the one program of the embedded default answers on its socket; several processes are told by their leases."""
    if not settings.embedded:
        return
    part = _("程序")
    if control.ask(settings, {"do": "alive"}, wait_s=ALIVE_S) is not None:
        yield Finding(part, "ok", _("正在运行。"))
        return
    text = _("程序没有运行，或没有应答：页面打不开，告警没有人接收，检查、通知和升级都停着。已保存的都在。")
    yield Finding(part, "warning", text, _("启动：taxops run；停着期间到期的通知和升级会在启动后立即补上。"))


def _database(engine: sa.Engine) -> Finding:
    name = engine.url.render_as_string(hide_password=True)
    try:
        revision = migrate.current(engine)
    except sa.exc.SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        means = _("页面和接口都回答“暂时不可用”（503），什么都不会保存；采集结果留在磁盘上，恢复后补交。")
        mend = _("请启动数据库服务，或更正 TAXOPS_DATABASE_URL。程序会自己重新连接，不必重启。")
        return Finding(_("数据库"), "critical", f"{name}: {reason}. {means}", mend)
    if revision != migrate.head():
        text = _("%(name)s 的版本是 %(revision)s。", name=name, revision=revision or "—")
        return Finding(_("数据库"), "critical", text, _("运行：taxops init"))
    return Finding(_("数据库"), "ok", _("%(name)s 的版本是 %(revision)s。", name=name, revision=revision))


def _stuck(session: Session, now: dt.datetime) -> Iterator[Finding]:
    part = _("后台任务")
    dead = session.scalar(sa.select(sa.func.count()).select_from(OutboxRow).where(OutboxRow.dead_at.is_not(None)))
    if dead:
        text = _("%(n)d 项后台任务多次重试仍失败。", n=dead)
        yield Finding(part, "warning", text, _("在“管理 → 失败任务”中查看并重试。"), "admin.outbox")
    late = session.scalar(
        sa.select(sa.func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None), OutboxRow.next_try_at < now - LATE)
    )
    if late:
        text = _("%(n)d 项后台任务已等待五分钟以上。", n=late)
        yield Finding(part, "warning", text, _("请确认 taxops run 正在运行。"), "admin.outbox")
    lost = session.scalar(sa.select(sa.func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.DEAD))
    if lost:
        text = _("%(n)d 条通知没能送达。", n=lost)
        yield Finding(_("通知"), "warning", text, _("在“管理 → 通知投递”中查看原因。"), "deliveries.index")
    if not (dead or late or lost):
        yield Finding(part, "ok", _("没有积压或失败。"))


def _mail(settings: Settings) -> Finding | None:
    if settings.smtp_url:
        return None
    mend = _("设置 TAXOPS_SMTP_URL=smtp://主机:25")
    return Finding(_("邮件"), "warning", _("没有设置邮件服务器，不会发出邮件。"), mend)


def _mail_server(settings: Settings) -> Finding:
    """Whether it answers now."""
    parts = urlsplit(settings.smtp_url)
    where = _mail_address(settings)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    try:
        with kind(parts.hostname or "localhost", parts.port or 25, timeout=MAIL_WAIT_S) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return _refused(f"{where}: {error}")
    return Finding(_("邮件"), "ok", _("%(where)s 有应答。", where=where))


def _worse(now: Finding, last: Finding | None) -> Finding:
    """A server may answer and yet refuse every mail: then what became of the last one is told."""
    return last if now.state == "ok" and last is not None and last.state != "ok" else now


def _last_mail(settings: Settings, session: Session) -> Finding:
    """What became of the last try to send a mail."""
    last = session.scalars(
        sa.select(DeliveryAttempt)
        .join(Delivery, Delivery.id == DeliveryAttempt.delivery_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .where(Channel.kind == ChannelKind.EMAIL)
        .order_by(DeliveryAttempt.id.desc())
        .limit(1)
    ).first()
    where = _mail_address(settings)
    if last is not None and last.error:
        return _refused(f"{where}: {last.error}")
    if last is None:
        return Finding(_("邮件"), "ok", _("已设置 %(where)s，还没有发过邮件。", where=where))
    return Finding(_("邮件"), "ok", _("%(where)s：最近一封已于 %(at)s 送出。", where=where, at=local(last.at)))


def _mail_address(settings: Settings) -> str:
    parts = urlsplit(settings.smtp_url)
    return f"{parts.hostname}:{parts.port or 25}"


def _refused(text: str) -> Finding:
    means = _("事项照常办理，但邮件发不出去：它们在排队，邮件服务器恢复后自动补发。")
    mend = _("请检查 TAXOPS_SMTP_URL，并确认邮件服务器正在运行。")
    return Finding(_("邮件"), "critical", f"{text} {means}", mend)
