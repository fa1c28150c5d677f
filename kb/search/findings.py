"""What the doctor and the administrator's home say about the search."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator

from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from config import Settings
from core.i18n import gettext as _
from kb.search import health
from kb.search.current import open_engine

LATE = dt.timedelta(minutes=1)
"""Changes are searchable within two seconds; who waits this long is not waiting for a busy machine."""


def of_index(settings: Settings) -> Finding:
    """Whether the index answers now; asks it, which may be another machine."""
    part = _("搜索")
    with contextlib.closing(open_engine(settings)) as engine:
        found = health.of(engine)
    if not found.ok:
        mend = _("恢复索引服务后会自动补上积压的变更；在此之前事项照常处理，搜索只查数据库里最近的记录。")
        return Finding(part, "warning", found.detail, mend)
    if found.building:
        mend = _("程序运行时会自动建立；也可以运行：taxops search rebuild")
        return Finding(part, "warning", _("索引还没有建立：%(what)s。", what=found.detail), mend)
    return Finding(part, "ok", _("索引有应答：%(what)s。", what=found.detail))


def of_backlog(session: Session, *, now: dt.datetime) -> Iterator[Finding]:
    """Changes that wait for the index too long; asks the database only."""
    waits = health.backlog(session)
    if waits.oldest is None or now - waits.oldest <= LATE:
        return
    minutes = int((now - waits.oldest).total_seconds() // 60)
    text = _("%(n)d 处变更还没有编入搜索索引，最早的已等待 %(minutes)d 分钟。", n=waits.waiting, minutes=minutes)
    yield Finding(_("搜索"), "warning", text, _("请确认 taxops run 正在运行、搜索集群有应答、磁盘没有写满。"))
