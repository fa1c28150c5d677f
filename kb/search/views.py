"""The search page."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.db import transaction
from core.i18n import gettext as _
from core.i18n import lazy
from kb.blueprint import blueprint, is_fragment
from kb.search import service
from kb.search.current import engine
from kb.search.documents import Hit
from kb.search.registry import sources
from web import access
from web import db as web_db
from web.db import db

KIND_LABELS = {
    "article": lazy("知识"), "ticket": lazy("事项"), "notice": lazy("公告"), "item": lazy("设备与服务"), "alert": lazy("告警"),
}  # fmt: skip
KIND_ICONS = {"article": "book", "ticket": "ticket", "notice": "megaphone", "item": "server", "alert": "bell"}
MOST = 60
OF_ONE_KIND = 40
PREVIEW = 5


@blueprint.get("/search")
@access.signed_in
def search_page() -> ResponseReturnValue:
    """Everything one may read, by kind; words that find nothing are noted for the writers."""
    session, who = db.session(), viewer()
    text, kind = request.args.get("q", "").strip(), request.args.get("kind", "")
    kind = kind if kind in KIND_LABELS else ""
    answer = service.answer(session, engine(), who, text, limit=MOST, typing=is_fragment())
    found = answer.hits
    counts = {k: sum(h.kind == k for h in found) for k in KIND_LABELS}
    shown = found
    if kind:
        shown = service.find(session, engine(), who, text, kinds=(kind,), limit=OF_ONE_KIND, typing=is_fragment())
        counts[kind] = len(shown)
    if text and not found and not answer.trouble and not is_fragment() and not who.is_service:
        session.rollback()  # a reader must not hold its snapshot while the note is written
        with transaction(web_db.engine()) as writing:
            service.record_miss(writing, text, unit_id=who.unit_id, now=clock.now())
    told = service.shown(session, shown if kind else _previews(shown), typing=is_fragment())
    groups = [(k, [h for h in told if h.kind == k]) for k in dict.fromkeys(h.kind for h in told)]
    tabs = [
        {
            "label": _("全部"),
            "url": url_for("kb.search_page", q=text),
            "active": not kind,
            "badge": len(found) if text else None,
        }
    ]
    tabs += [
        {"label": str(KIND_LABELS[k]), "url": url_for("kb.search_page", q=text, kind=k), "active": kind == k, "icon": KIND_ICONS[k],
         "badge": counts[k] if text else None}
        for k in sources.kinds
    ]  # fmt: skip
    values = {
        "text": text,
        "trouble": answer.trouble,
        "kind": kind,
        "groups": groups,
        "tabs": tabs,
        "kind_labels": KIND_LABELS,
        "icons": KIND_ICONS,
    }
    return render_template(
        "kb/_hits.html" if is_fragment() else "kb/search.html", counts=counts, preview=PREVIEW, **values
    )


def _previews(hits: list[Hit]) -> list[Hit]:
    """The kind with the best hit first, a few of each."""
    order = dict.fromkeys(h.kind for h in hits)
    return [hit for kind in order for hit in [h for h in hits if h.kind == kind][:PREVIEW]]
