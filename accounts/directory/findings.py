"""What the administrators' home says of the directory: only that the last sync was not done."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from accounts.admin.findings import Finding
from accounts.directory import sync
from accounts.directory.models import Outcome
from core.i18n import gettext as _
from web.filters import local


def findings(session: Session) -> Iterator[Finding]:
    """Nothing where nobody syncs."""
    for last in sync.last_runs(session, 1):
        if last.outcome is Outcome.DONE:
            yield Finding(_("目录同步"), "ok", _("最近一次于 %(at)s 完成。", at=local(last.at)))
        else:
            text = _("%(at)s 没有同步：%(why)s", at=local(last.at), why=last.note)
            yield Finding(_("目录同步"), "critical", text, _("查看会改什么，核对后再同步。"), "admin.directory")
