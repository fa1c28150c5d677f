"""Pages of the audit trail, and of background work that failed."""

from __future__ import annotations

import datetime as dt

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin import queries
from accounts.admin.pages import blueprint, following
from core import clock
from core.clock import ZONE
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from core.outbox import relay
from web import access
from web.api.schemas import to_utc
from web.db import db


@blueprint.get("/audit")
@access.needs("audit.read")
def audit() -> ResponseReturnValue:
    """The audit trail in words."""
    values = {k: request.args.get(k, "").strip() for k in ("actor", "object", "verb", "day")}
    since = _day(values["day"])
    found = queries.audit(
        db.session(),
        actor=values["actor"] or None,
        object_name=values["object"] or None,
        verb=values["verb"] or None,
        since=since,
        until=since + dt.timedelta(days=1) if since else None,
        cursor=request.args.get("cursor"),
    )
    next_url = following("admin.audit", found.next, **{k: v or None for k, v in values.items()})
    return render_template("accounts/audit.html", rows=found.items, next_url=next_url, values=values)


def _day(text: str) -> dt.datetime | None:
    try:
        return to_utc(dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), ZONE)) if text else None
    except ValueError as error:
        raise Invalid.of("day", _("日期格式不正确，例如 2026-11-23。")) from error


@blueprint.get("/outbox")
@access.needs("outbox.read")
def outbox() -> ResponseReturnValue:
    """Background work that failed, and what waits."""
    dead, trying, waiting = queries.failed_rows(db.session())
    return render_template("accounts/outbox.html", dead=dead, trying=trying, waiting=waiting)


@blueprint.post("/outbox/<int:row_id>/retry")
@access.needs("settings.write")
def retry_outbox(row_id: int) -> ResponseReturnValue:
    """Give a failed piece of work a new life."""
    if not relay.retry_dead(db.session(), row_id, now=clock.now()):
        raise NotFound(_("没有这项失败任务。"))
    db.session().commit()
    flash(_("已重新排队。"), "ok")
    return redirect(url_for("admin.outbox"), 303)
