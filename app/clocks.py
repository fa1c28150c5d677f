"""Looking at clocks: was this machine's set while the program ran, and do machine, database and records agree?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from accounts.models import AuditRow
from core import clock
from core.i18n import gettext as _
from core.schedule.models import ClockJump
from web.filters import local

DAY = dt.timedelta(days=1)
APART_S = 30.0
MINUTE_S = 60


def findings(session: Session) -> Iterator[Finding]:
    """Nothing wrong is one line too."""
    found = [*_jumps(session), *_disagree(session), *_from_the_future(session)]
    yield from found or [Finding(_("时钟"), "ok", _("没有跳变。"))]


def _mend() -> str:
    return _("请检查时间同步（timedatectl、chronyc tracking）；各服务器要用同一个时间源。")


def _jumps(session: Session) -> Iterator[Finding]:
    newest = session.scalars(
        sa.select(ClockJump).where(ClockJump.at > clock.now() - DAY).order_by(ClockJump.id.desc()).limit(1)
    ).first()
    if newest is None:
        return
    values = {
        "at": local(newest.at),
        "minutes": round(abs(newest.seconds) / MINUTE_S),
        "where": newest.process or "taxops",
    }
    if newest.seconds > 0:
        text = _("%(where)s 所在机器的时钟在 %(at)s 被拨快了 %(minutes)d 分钟。", **values)
    else:
        text = _("%(where)s 所在机器的时钟在 %(at)s 被拨慢了 %(minutes)d 分钟。", **values)
    if newest.followed and newest.moved is None:
        means = _("时钟原来是错的，现已改正：到期时间没有移动；改正前记录的时间不准。")
    elif newest.followed:
        means = _(
            "升级、通知、登录会话和告警的到期已随之移动，没有重复也没有遗漏；期间记录的时间可能不准，时限按日历计算。"
        )
    else:
        means = _("数据库的时钟没有变：这台机器的时钟是错的，程序按实际经过的时间继续，没有跟随。")
    yield Finding(_("时钟"), "warning", f"{text} {means}", _mend())


def _disagree(session: Session) -> Iterator[Finding]:
    """PostgreSQL has a clock of its own."""
    if session.get_bind().dialect.name != "postgresql":
        return
    there = session.scalar(sa.select(sa.func.clock_timestamp()))
    if there is None or abs(apart := (there - clock.wall()).total_seconds()) < APART_S:
        return
    text = _(
        "数据库的时钟与本机相差 %(seconds)d 秒：时间记录会前后不一，时限和登录会话可能提早或推迟结束。",
        seconds=round(abs(apart)),
    )
    yield Finding(_("时钟"), "critical", text, _mend())


def _from_the_future(session: Session) -> Iterator[Finding]:
    """The clock was set back while nothing ran, or is wrong now."""
    newest = session.scalar(sa.select(AuditRow.at).order_by(AuditRow.id.desc()).limit(1))
    if newest is None or (ahead := (newest - clock.wall()).total_seconds()) < APART_S:
        return
    text = _("最新的记录写于 %(minutes)d 分钟之后：本机时钟慢了或被拨回过。", minutes=max(1, round(ahead / MINUTE_S)))
    means = _("程序停着时拨回的，到期的升级和通知会推迟同样长的时间。")
    yield Finding(_("时钟"), "warning", f"{text} {means}", _mend())
