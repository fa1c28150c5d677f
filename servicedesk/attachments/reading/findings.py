"""What the doctor and the administrator's home say about the reading of attachments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from core.i18n import gettext as _
from servicedesk.attachments.reading import texts

LATE = dt.timedelta(hours=1)
"""A file is read within seconds; who waits this long waits for something that is missing."""


def of_waiting(session: Session, *, now: dt.datetime) -> Iterator[Finding]:
    """Files that nobody has read though they are there for long; asks the database only."""
    if count := texts.overdue(session, now - LATE):
        text = _("%(n)d 个附件一小时后仍未读取，搜索不到里面的文字。", n=count)
        mend = _(
            "请查看日志里的 file-reader.aside：可能缺少程序库或附件文件；补齐后会自动重读。升级后首次读取旧附件属正常。"
        )
        yield Finding(_("附件"), "warning", text, mend)
