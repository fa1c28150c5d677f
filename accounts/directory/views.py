"""The page of the directory: what a sync would do, looked at before it is done, and what became of the last ones."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin.authority import require_everywhere
from accounts.admin.pages import blueprint
from accounts.current import viewer
from accounts.directory import client, part, rules, sync
from accounts.directory.models import Outcome
from accounts.directory.rules import Plan, What
from config import Settings
from core import clock
from core.db import reading
from core.errors import Conflict, TaxopsError, Unavailable
from core.i18n import gettext as _
from core.i18n import lazy
from web import access
from web.db import db, engine

SHOWN = 200
LABELS = {
    What.ADD: lazy("新增"),
    What.CHANGE: lazy("修改"),
    What.ENABLE: lazy("重新启用"),
    What.DISABLE: lazy("停用"),
    What.SKIP: lazy("不处理"),
}
FIELDS = {"name": lazy("姓名"), "unit": lazy("机构"), "email": lazy("邮箱"), "phone": lazy("电话")}
OUTCOMES = {
    Outcome.DONE: (lazy("已同步"), "ok"),
    Outcome.STOPPED: (lazy("已停止"), "critical"),
    Outcome.FAILED: (lazy("失败"), "critical"),
}


def _settings() -> Settings:
    found: Settings = current_app.config["TAXOPS"]
    return found


def _directory() -> client.Directory:
    found = client.of_settings(_settings())
    if found is None:
        raise Conflict(_("还没有设置目录服务。"))
    return found


@blueprint.get("/directory")
@access.needs("person.write")
def directory() -> ResponseReturnValue:
    """Where it is, and what became of the last syncs."""
    require_everywhere("person.write")
    return _page()


@blueprint.post("/directory/look")
@access.needs("person.write")
def look_at_directory() -> ResponseReturnValue:
    """Read the directory and show what a sync would do; nothing is changed."""
    require_everywhere("person.write")
    found_there = _directory()
    db.session().rollback()  # reading it is slow: not while we hold the right to write
    try:
        found = client.entries(found_there)
        with reading(engine()) as session:
            plan = sync.look(session, found, most=int(_settings().ldap_most_disabled), now=clock.now())
    except (Conflict, Unavailable) as error:
        return _page(error=error.message), error.status
    return _page(plan)


@blueprint.post("/directory/sync")
@access.needs("person.write")
def sync_directory() -> ResponseReturnValue:
    """Do what was `seen`, all of it or nothing."""
    require_everywhere("person.write")
    who, found_there = viewer(), _directory()
    db.session().rollback()
    try:
        done = part.run(
            engine(), found_there, most=int(_settings().ldap_most_disabled), by=who.login,
            address=request.remote_addr or "", seen=request.form.get("seen", ""),
        )  # fmt: skip
    except TaxopsError as error:
        return _page(error=error.message), error.status
    changed = sum(n for what, n in done.counts.items() if what != What.SKIP)
    flash(_("同步完成，改了 %(n)d 处。", n=changed), "ok")
    return redirect(url_for("admin.directory"), 303)


def _page(plan: Plan | None = None, *, error: str | None = None) -> str:
    settings = _settings()
    parts = urlsplit(settings.ldap_url)
    return render_template(
        "accounts/directory.html",
        where=f"{parts.scheme}://{parts.hostname}" if settings.ldap_url else None,
        settings=settings,
        plan=plan,
        error=error,
        stopped=sync.stopped_words(plan) if plan is not None and plan.stopped else None,
        runs=sync.last_runs(db.session()),
        shown=SHOWN,
        kinds=list(What),
        labels=LABELS,
        fields=FIELDS,
        why=rules.WHY_WORDS,
        outcomes=OUTCOMES,
        skip=What.SKIP,
        silent=(What.ENABLE, What.DISABLE),
    )
