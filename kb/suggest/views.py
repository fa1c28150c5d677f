"""The fragment that the report form loads while somebody types, and “this solved it”."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.current import viewer
from core import clock
from core.i18n import gettext as _
from kb.articles import rules
from kb.blueprint import blueprint, is_fragment
from kb.markdown import to_html
from kb.search.current import engine
from kb.search.snippets import plain
from kb.suggest import service
from web import access
from web.db import db

LONGEST = 2000


def _typed() -> str:
    """The report form may name its box `text`, `title` or `description`; together they tell most."""
    parts = (request.values.get(name, "").strip() for name in ("text", "title", "description"))
    return " ".join(dict.fromkeys(filter(None, parts)))[:LONGEST]


@blueprint.get("/kb/suggest")
@access.needs("ticket.report", "ticket.work")
def suggest() -> ResponseReturnValue:
    """“正在发生”, “这样解决”, “已有人报”, as far as there is something; empty otherwise."""
    text, wanted = _typed(), request.args.get("service", "")
    found = service.suggest(
        db.session(), engine(), viewer(), text=text, category=request.args.get("category") or None,
        service_id=int(wanted) if wanted.isdigit() and len(wanted) < 16 else None, now=clock.now(),  # noqa: PLR2004  fits an id
    )  # fmt: skip
    answers = [(a, h, Markup(to_html(rules.split(a.body)["solution"] or a.body))) for a, h in found.articles]  # noqa: S704  sanitised
    return render_template("kb/_suggest.html", found=found, answers=answers, text=text, plain=plain)


@blueprint.post("/kb/suggest/solved")
@access.needs("ticket.report", "ticket.work")
def solved_by_suggestion() -> ResponseReturnValue:
    """Solved without a ticket."""
    session = db.session()
    article = service.solved(session, viewer(), request.form.get("number", ""), text=_typed(), now=clock.now())
    session.commit()
    if is_fragment():
        return render_template("kb/_solved.html", article=article)
    flash(_("太好了！已记录“这解决了我的问题”，不用再报障。"), "ok")
    return redirect(url_for("kb.article", number=article.number), 303)
