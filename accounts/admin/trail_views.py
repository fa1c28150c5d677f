"""Pages of the audit trail, and of background work that failed."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin import queries
from accounts.admin.pages import blueprint, following
from accounts.audit import listener, looks
from accounts.current import viewer
from core import clock
from core.clock import ZONE
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from core.outbox import relay
from web import access, sheets
from web.api.schemas import to_utc
from web.db import db


@blueprint.get("/audit")
@access.needs("audit.read")
def audit() -> ResponseReturnValue:
    """The audit trail in words."""
    values, wanted = _asked()
    found = queries.audit(db.session(), **wanted, cursor=request.args.get("cursor"))
    chosen = {k: v or None for k, v in values.items()}
    return render_template(
        "accounts/audit.html", rows=found.items, next_url=following("admin.audit", found.next, **chosen), values=values,
        chain=looks.standing(db.session()), in_words=looks.words, export=f"{url_for('admin.audit_csv')}?{urlencode(values)}",
    )  # fmt: skip


@blueprint.get("/audit/chain")
@access.needs("audit.read")
def audit_chain() -> ResponseReturnValue:
    """Only how the chain stands: the page asks for it while a verification is under way."""
    return render_template("accounts/_audit_chain.html", chain=looks.standing(db.session()), in_words=looks.words)


@blueprint.post("/audit/verify")
@access.needs("audit.read")
def verify_audit() -> ResponseReturnValue:
    """Ask for a verification; it is done beside the web."""
    session, now = db.session(), clock.now()
    looks.ask(session, by=viewer().login, now=now)
    listener.record(session, verb="audit-verify", object_name="audit", now=now)
    session.commit()
    return redirect(url_for("admin.audit"), 303)


@blueprint.get("/audit.csv")
@access.needs("audit.read")
def audit_csv() -> ResponseReturnValue:
    """The same rows as a file for a spreadsheet."""
    _values, wanted = _asked()
    head = (_("编号"), _("时间"), _("收到"), _("操作人"), _("动作"), _("对象"), _("之前"), _("之后"), _("来自"))
    rows = (
        (row.id, row.at.isoformat(), row.received_at.isoformat(), row.actor, row.verb, row.object, _json(row.before),
         _json(row.after), row.from_address)
        for row in queries.audit_export(db.session(), **wanted)
    )  # fmt: skip
    return sheets.csv_answer(f"audit-{clock.now():%Y%m%d}", head, rows)


def _json(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _asked() -> tuple[dict[str, str], dict[str, Any]]:
    """What the filters say, as typed and as the query takes it."""
    values = {k: request.args.get(k, "").strip() for k in ("actor", "object", "verb", "day")}
    since = _day(values["day"])
    return values, {
        "actor": values["actor"] or None,
        "object_name": values["object"] or None,
        "verb": values["verb"] or None,
        "since": since,
        "until": since + dt.timedelta(days=1) if since else None,
    }


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
