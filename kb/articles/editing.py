"""Pages for writing and reviewing articles."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.current import viewer
from core import clock
from core.errors import Invalid, NotFound, Stale, TaxopsError
from core.i18n import gettext as _
from kb import categories, references, services, units
from kb.articles import drafting, queries, rights, rules, service
from kb.articles.forms import EditorIn, given_by
from kb.articles.models import Article
from kb.articles.states import BY_SYSTEM, READABLE, Action
from kb.articles.views import texts
from kb.blueprint import blueprint
from kb.markdown import to_html
from kb.search import service as search
from kb.search.current import engine
from kb.tickets import TicketFacts, desk
from web import access, once
from web.db import db
from web.forms import Form

WRITE = ("article.write", "article.publish")
NEXT = {"submit": Action.SUBMIT, "publish": Action.PUBLISH}


def _editor(
    form: Form[EditorIn], *, article: Article | None, status: int = 200, newer: Any = None
) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    chosen = [str(u) for u in form.value("units") or []]
    known = dict(units.own_chain(session, who)) | dict(units.below(session, who, *WRITE))
    if article is not None:
        known |= {r.unit.code: r.unit.name for r in article.readers}
    may_publish = who.can("article.publish") and (article is None or rights.may_review(session, who, article))
    page = render_template(
        "kb/editor.html", form=form, article=article, services=services.options(session), units=list(known.items()), chosen=chosen,
        categories=[(k, str(v)) for k, v in categories.LABELS.items()], sections=_section_help(), may_publish=may_publish,
        key=once.new_key(), base=request.form.get("base") or (article.latest if article else ""), newer=newer,
        preview=Markup(to_html(_body(form))), **texts(),  # noqa: S704  sanitised
    )  # fmt: skip
    return page, status


def _body(form: Form[EditorIn]) -> str:
    names = (*(name for name, _heading in rules.SECTIONS), rules.OTHER)
    return rules.join({name: str(form.value(name) or "") for name in names})


@blueprint.get("/kb/new")
@access.needs("article.write")
def new_article() -> ResponseReturnValue:
    """An empty editor; `?q=` puts what was sought into the title."""
    everybody = [code for code, _name in units.own_chain(db.session(), viewer())][:1]
    return _editor(Form(EditorIn, {"title": request.args.get("q", ""), "units": everybody}), article=None)


@blueprint.post("/kb/new")
@access.needs("article.write")
def create_article() -> ResponseReturnValue:
    """Save a new article, and submit or publish it where that was asked."""
    session, who, now = db.session(), viewer(), clock.now()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    form = Form(EditorIn, request.form)
    values = form.validate()
    if values is None:
        return _editor(form, article=None, status=422)
    try:
        readers = references.units(session, values.units) if values.units else None
        found = service.create(session, who, content=values.content(), readers=readers, now=now)
        said = _and_then(found)
    except Invalid as error:
        session.rollback()
        form.refuse(error)
        return _editor(form, article=None, status=422)
    return _saved(found, said, first)


@blueprint.get("/kb/<number>/edit")
@access.needs(*WRITE)
def edit_article(number: str) -> ResponseReturnValue:
    """The editor on the newest version."""
    session, who = db.session(), viewer()
    found = queries.get(session, who, number)
    rights.require_edit(session, who, found)
    newest = queries.version(session, found, found.pending or found.version)
    return _editor(Form(EditorIn, given_by(newest, [r.unit.code for r in found.readers])), article=found)


@blueprint.post("/kb/<number>/edit")
@access.needs(*WRITE)
def save_article(number: str) -> ResponseReturnValue:
    """Save a version. Somebody else's newer one is shown beside, and nothing typed is lost."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, lock=True)
    form = Form(EditorIn, request.form)
    values = form.validate()
    if values is None:
        return _editor(form, article=found, status=422)
    base = request.form.get("base", "")
    try:
        readers = references.units(session, values.units) if values.units else None
        service.revise(
            session, who, found, content=values.content(), comment=values.comment, readers=readers, now=now,
            base=int(base) if base.isdigit() else None,
        )  # fmt: skip
        said = _and_then(found)
    except Stale as error:
        session.rollback()
        return _conflict(number, form, error)
    except Invalid as error:
        session.rollback()
        form.refuse(error)
        return _editor(form, article=queries.get(session, who, number), status=422)
    return _saved(found, said, None)


def _conflict(number: str, form: Form[EditorIn], error: Stale) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    found = queries.get(session, who, number)
    newest = queries.version(session, found, found.latest)
    form.refuse(Invalid.of("", error.message))
    return _editor(
        form, article=found, status=409, newer={"version": newest, "lines": rules.difference(newest.body, _body(form))}
    )


def _and_then(found: Article) -> str:
    """What the pressed button asked besides saving; returns what to tell."""
    session, who, now = db.session(), viewer(), clock.now()
    action = NEXT.get(request.form.get("then", ""))
    if action is not None and action in rights.actions(session, who, found):
        service.act(session, who, found, action, now=now)
        return _("已发布，读者现在就能查到。") if action is Action.PUBLISH else _("已提交审核。")
    if found.pending is not None:
        return _("修订已保存，审核通过前读者看到的仍是原来的版本。")
    return _("已保存并发布。") if found.state in READABLE else _("草稿已保存。")


def _saved(found: Article, said: str, first: str | None) -> ResponseReturnValue:
    url = url_for("kb.article", number=found.number)
    once.finish(first, url)
    db.session().commit()
    flash(said, "ok")
    return redirect(url, 303)


@blueprint.post("/kb/preview")
@access.needs(*WRITE)
def preview() -> ResponseReturnValue:
    """How it will look, while it is being typed."""
    return render_template("kb/_preview.html", preview=Markup(to_html(_body(Form(EditorIn, request.form)))))  # noqa: S704  sanitised


@blueprint.post("/kb/<number>/actions/<action>")
@access.needs(*WRITE)
def act_on_article(number: str, action: str) -> ResponseReturnValue:
    """A button of the state table."""
    session, who = db.session(), viewer()
    found = queries.get(session, who, number, lock=True)
    wanted = references.one_of(Action, action)
    if wanted in BY_SYSTEM:
        raise NotFound(_("这一步由平台到期自动完成。"))
    back = url_for("kb.review") if request.form.get("back") == "review" else url_for("kb.article", number=found.number)
    try:
        service.act(session, who, found, wanted, reason=request.form.get("reason", ""), now=clock.now())
    except Invalid as error:
        session.rollback()
        flash(" ".join(e.message for e in error.errors) or error.message, "warning")
        return redirect(back, 303)
    session.commit()
    flash(_DONE[wanted](), "ok")
    return redirect(back, 303)


_DONE = {
    Action.SUBMIT: lambda: _("已提交审核。"), Action.PUBLISH: lambda: _("已发布，读者现在就能查到。"),
    Action.SEND_BACK: lambda: _("已退回作者修改。"), Action.RETIRE: lambda: _("已停用；用过它的事项里仍可打开。"),
    Action.REOPEN: lambda: _("已恢复为草稿。"),
}  # fmt: skip


@blueprint.get("/kb/review")
@access.needs("article.publish")
def review() -> ResponseReturnValue:
    """What waits for this reviewer, the oldest first."""
    session, who = db.session(), viewer()
    page = queries.waiting(session, who, cursor=request.args.get("cursor"), limit=20)
    rows = [(a, _change(a)) for a in page.items]
    next_url = url_for("kb.review", cursor=page.next) if page.next else None
    return render_template("kb/review.html", rows=rows, next_url=next_url, **texts())


def _change(found: Article) -> list[rules.Line]:
    if found.pending is None:
        return []
    return rules.difference(found.body, queries.version(db.session(), found, found.pending).body, context=1)[:30]


# -- K-02: from a ticket


def _ticket(number: str) -> TicketFacts:
    ticket = desk().facts(db.session(), number, viewer())
    if ticket is None:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    return ticket


@blueprint.get("/kb/from-ticket/<number>")
@access.needs("article.write")
def from_ticket(number: str) -> ResponseReturnValue:
    """Similar articles first, to extend rather than to double; then the draft."""
    session, who = db.session(), viewer()
    ticket = _ticket(number)
    if known := drafting.existing(session, ticket.number):
        return redirect(url_for("kb.article", number=known.number), 303)
    asked = " ".join(filter(None, (ticket.title, ticket.error_code, ticket.description[:120])))
    hits = search.find(session, engine(), who, asked, kinds=("article",), limit=5, share=search.FOR_QUESTIONS)
    content = drafting.content_of(ticket)
    return render_template(
        "kb/from_ticket.html", ticket=ticket, found=queries.by_numbers(session, who, [h.key for h in hits]),
        snippets={h.key: h.snippet for h in hits}, preview=Markup(to_html(content.body)), key=once.new_key(), **texts(),  # noqa: S704  sanitised
    )  # fmt: skip


@blueprint.post("/kb/from-ticket/<number>")
@access.needs("article.write")
def make_from_ticket(number: str) -> ResponseReturnValue:
    """Make the draft, or extend the article that was chosen."""
    session, who, now = db.session(), viewer(), clock.now()
    ticket = _ticket(number)
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    try:
        if chosen := request.form.get("extend"):
            found = drafting.extend(session, who, queries.get(session, who, chosen, lock=True), ticket, now=now)
        else:
            found = drafting.draft(session, who, ticket, now=now)
    except TaxopsError as error:
        session.rollback()
        flash(error.message, "warning")
        return redirect(url_for("kb.from_ticket", number=ticket.number), 303)
    url = url_for("kb.edit_article", number=found.number)
    once.finish(first, url)
    session.commit()
    flash(_("已按症状、环境、原因、解决分好，请补充后提交审核。"), "ok")
    return redirect(url, 303)


@blueprint.post("/kb/missed/<int:miss_id>")
@access.needs(*WRITE)
def settle_missed(miss_id: int) -> ResponseReturnValue:
    """Take words that found nothing off the list."""
    search.settle_miss(db.session(), miss_id, now=clock.now())
    db.session().commit()
    return redirect(url_for("kb.articles"), 303)


def _section_help() -> list[tuple[str, str, str, int]]:
    return [
        ("symptom", _("症状"), _("报障的人会看到什么、说什么。写原话和错误提示，别人才搜得到。"), 4),
        ("environment", _("环境"), _("哪些系统、版本、机型会这样。"), 2),
        ("cause", _("原因"), _("为什么会这样；不确定就写“尚不明确”。"), 2),
        ("solution", _("解决"), _("一步一行，写清点哪里、填什么。"), 7),
        ("check", _("验证"), _("做完怎样才算好。"), 2),
    ]
