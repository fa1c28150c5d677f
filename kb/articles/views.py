"""Pages for reading articles."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.current import viewer
from core import clock
from core.errors import Invalid
from core.i18n import gettext as _
from kb import categories, services
from kb.articles import queries, rights, rules, usage
from kb.articles.models import Article
from kb.articles.states import ACTION_LABELS, READABLE, STATE_LABELS, State
from kb.blueprint import blueprint, is_fragment
from kb.markdown import to_html
from kb.search import service as search
from kb.search.current import engine
from kb.search.documents import Hit
from kb.search.snippets import plain
from kb.tickets import desk
from web import access
from web.db import db

READ = ("knowledge.read", "article.write", "article.publish")
A_PAGE = 20
MOST_HITS = 30
SHELVES: dict[str, tuple[State, ...]] = {
    "": READABLE, "draft": (State.DRAFT,), "review": (State.REVIEW,), "due": (State.DUE,), "retired": (State.RETIRED,),
}  # fmt: skip


def texts() -> dict[str, Any]:
    """Words every template of articles uses."""
    return {
        "state_labels": STATE_LABELS,
        "action_labels": ACTION_LABELS,
        "category_label": categories.label,
        "plain": _plain,
    }


def _plain(body: str) -> str:
    """A line of what it is about: its symptom, else its beginning."""
    return plain(rules.split(body)["symptom"] or body)[:160]


@blueprint.get("/kb")
@access.needs(*READ)
def articles() -> ResponseReturnValue:
    """The knowledge base: search as you type, or what changed last."""
    session, who = db.session(), viewer()
    text = request.args.get("q", "").strip()
    shelf = request.args.get("shelf", "")
    if shelf not in SHELVES or not who.can("article.write", "article.publish"):
        shelf = ""
    hits: dict[str, Hit] = {}
    if text and not shelf:
        found_hits = search.find(session, engine(), who, text, kinds=("article",), limit=MOST_HITS, typing=True)
        hits = {h.key: h for h in found_hits}
        found, following = queries.by_numbers(session, who, list(hits)), None
    else:
        wanted = queries.Filter(states=SHELVES[shelf], tag=request.args.get("tag"), text=text or None)
        page = queries.find(session, who, wanted, cursor=request.args.get("cursor"), limit=A_PAGE)
        found, following = page.items, page.next
    next_url = (
        url_for("kb.articles", shelf=shelf or None, tag=request.args.get("tag"), cursor=following)
        if following
        else None
    )
    values = {
        "found": found,
        "hits": hits,
        "text": text,
        "shelf": shelf,
        "tag": request.args.get("tag"),
        "next_url": next_url,
    }
    if is_fragment():
        return render_template("kb/_articles.html", **values, **texts())
    may_write = who.can("article.write", "article.publish")
    return render_template(
        "kb/articles.html", **values, **texts(), may_write=may_write, may_review=who.can("article.publish"),
        tags=queries.popular_tags(session, who), counts=queries.counts(session, who, State) if may_write else {},
        waiting=len(queries.waiting(session, who, cursor=None, limit=50).items), missed=search.missed(session, limit=8) if may_write else [],
    )  # fmt: skip


@blueprint.get("/kb/<number>")
@access.needs(*READ)
def article(number: str) -> ResponseReturnValue:
    """One article, as its readers see it."""
    return render_template("kb/article.html", **_article_values(queries.get(db.session(), viewer(), number)))


def _article_values(found: Article) -> dict[str, Any]:
    session, who = db.session(), viewer()
    names = services.names(session, found.services)
    mine = None if who.is_service else queries.my_feedback(session, who, found)
    may_edit = rights.may_edit(session, who, found)
    tickets = [t for u in queries.uses(session, found) if u.ticket and (t := desk().facts(session, u.ticket, who))]
    source = desk().facts(session, found.source_ticket, who) if found.source_ticket else None
    return {
        "article": found, "html": Markup(to_html(found.body)), "services": names, "mine": mine, "may_edit": may_edit,  # noqa: S704  sanitised
        "actions": rights.actions(session, who, found), "may_review": rights.may_review(session, who, found),
        "complaints": queries.complaints(session, found) if may_edit else [], "tickets": tickets, "source": source,
        "similar": similar(found), **texts(),
    }  # fmt: skip


def similar(found: Article, limit: int = 4) -> list[Article]:
    """Other readable articles about the same."""
    session, who = db.session(), viewer()
    asked = " ".join((found.title, *found.error_codes))
    hits = search.find(session, engine(), who, asked, kinds=("article",), limit=limit + 1, share=search.FOR_QUESTIONS)
    return [a for a in queries.by_numbers(session, who, [h.key for h in hits]) if a.id != found.id][:limit]


@blueprint.post("/kb/<number>/feedback")
@access.needs("knowledge.read")
def give_feedback(number: str) -> ResponseReturnValue:
    """It helped, or did not and why."""
    session, who = db.session(), viewer()
    found = queries.get(session, who, number, lock=True)
    if request.form.get("helped") not in {"yes", "no"}:
        raise Invalid.of("helped", _("请选择“有帮助”或“没帮上忙”。"))
    helped = request.form["helped"] == "yes"
    usage.feedback(session, who, found, helped=helped, comment=request.form.get("comment", ""), now=clock.now())
    session.commit()
    if is_fragment():
        return render_template("kb/_feedback.html", article=found, mine=queries.my_feedback(session, who, found))
    flash(_("谢谢，您的反馈已记录。"), "ok")
    return redirect(url_for("kb.article", number=found.number) + "#feedback", 303)


@blueprint.get("/kb/<number>/versions")
@access.needs(*READ)
def versions(number: str) -> ResponseReturnValue:
    """Every version, and what changed between two of them."""
    session, who = db.session(), viewer()
    found = queries.get(session, who, number)
    known = queries.versions(session, found)
    if not rights.may_edit(session, who, found):
        known = [v for v in known if v.version <= found.version and str(v.outcome) == "published"]
    after = _chosen(known, request.args.get("to"), found.pending or found.version)
    before = _chosen(known, request.args.get("from"), None)
    if before is None and after is not None:
        before = next((v for v in known if v.version < after.version), None)
    lines = rules.difference(before.body if before else "", after.body) if after else []
    return render_template(
        "kb/versions.html", article=found, versions=known, before=before, after=after, lines=lines, **texts()
    )


def _chosen(known: list[Any], text: str | None, otherwise: int | None) -> Any:
    wanted = int(text) if text and text.isdigit() else otherwise
    return next((v for v in known if v.version == wanted), None)


#: Fields of other rooms' forms that the panel may write a number into.
PICK = {"article": "#article"}


@blueprint.get("/kb/panel")
@access.needs(*READ)
def panel() -> ResponseReturnValue:
    """What is known about a ticket, for the side of its page: `?ticket=NUMBER` or `?text=…`.

    With `pick` each article shows its number and a button that writes it into the field of that id.
    """
    session, who = db.session(), viewer()
    ticket = desk().facts(session, request.args.get("ticket", ""), who)
    text = request.args.get("text", "") or (f"{ticket.title} {ticket.error_code or ''}" if ticket else "")
    hits = (
        search.find(session, engine(), who, text, kinds=("article",), limit=5, share=search.FOR_QUESTIONS)
        if text.strip()
        else []
    )
    own = queries.of_ticket(session, who, ticket.number) if ticket else []
    known = {a.id for a in own}
    found = [
        a for a in queries.by_numbers(session, who, [h.key for h in hits]) if a.id not in known and a.state in READABLE
    ]
    return render_template(
        "kb/_panel.html", ticket=ticket, own=own, found=found, snippets={h.key: h.snippet for h in hits},
        may_write=who.can("article.write"), pick=PICK.get(request.args.get("pick", "")), **texts(),
    )  # fmt: skip
