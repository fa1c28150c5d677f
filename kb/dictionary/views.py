"""The page of the dictionary: what was added, a form to add more, and a place to see how search takes a sentence."""

from __future__ import annotations

import re

import pydantic
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import Invalid, Stale
from core.i18n import gettext as _
from core.i18n import lazy
from kb.blueprint import blueprint
from kb.dictionary import known, service
from kb.dictionary.models import DictionaryEntry, EntryKind
from kb.search.analysis import Analyzer
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form

READ = ("settings.read", "article.publish")
WRITE = ("settings.write", "article.publish")
KINDS = {EntryKind.WORDS: lazy("词"), EntryKind.SYNONYMS: lazy("同义词"), EntryKind.SPELLING: lazy("错写")}
LONGEST_TRY = 400
APART = re.compile(r"[\n,，、;；]+")


class EntryForm(ApiModel):
    """An entry as it is typed: words apart by commas or on lines of their own."""

    kind: EntryKind = EntryKind.SYNONYMS
    words: str = pydantic.Field(min_length=1, max_length=5_000)
    means: str = pydantic.Field(default="", max_length=200)
    note: str = pydantic.Field(default="", max_length=200)
    version: int = 0


@blueprint.get("/admin/search-words")
@access.needs(*READ)
def dictionary() -> ResponseReturnValue:
    """What was added, and how a sentence is taken apart with it."""
    return _page(Form(EntryForm))


@blueprint.post("/admin/search-words")
@access.needs(*WRITE)
def add_word() -> ResponseReturnValue:
    """Add an entry."""
    session, form = db.session(), Form(EntryForm, request.form)
    if (body := form.validate()) is not None:
        try:
            service.add(session, _wanted(body), by=viewer().person_id, now=clock.now())
        except Invalid as error:
            form.refuse(error)
        else:
            session.commit()
            flash(_("已加入词典，搜索马上认得；已有内容的索引正在后台重建。"), "ok")
            return redirect(url_for("kb.dictionary", kind=body.kind), 303)
    session.rollback()
    return _page(form), 422


@blueprint.get("/admin/search-words/<int:entry_id>")
@access.needs(*WRITE)
def edit_word(entry_id: int) -> ResponseReturnValue:
    """The form with what it is."""
    entry = service.one(db.session(), entry_id)
    given = {"kind": entry.kind, "words": "、".join(entry.words), "means": entry.means or "", "note": entry.note}
    return _edit(Form(EntryForm, {**given, "version": entry.version}), entry)


@blueprint.post("/admin/search-words/<int:entry_id>")
@access.needs(*WRITE)
def save_word(entry_id: int) -> ResponseReturnValue:
    """Change it, unless somebody else did since the form was opened."""
    session, form = db.session(), Form(EntryForm, request.form)
    entry = service.one(session, entry_id)
    if (body := form.validate()) is not None:
        try:
            _must_be_of(entry, body.version)
            service.change(session, entry, _wanted(body), now=clock.now())
        except (Invalid, Stale) as error:
            form.refuse(error if isinstance(error, Invalid) else Invalid(error.message))
        else:
            session.commit()
            flash(_("已保存，搜索马上认得；已有内容的索引正在后台重建。"), "ok")
            return redirect(url_for("kb.dictionary", kind=body.kind), 303)
    session.rollback()
    return _edit(form, service.one(session, entry_id)), 422


@blueprint.post("/admin/search-words/<int:entry_id>/retire")
@access.needs(*WRITE)
def retire_word(entry_id: int) -> ResponseReturnValue:
    """Take it out; the message offers to take that back."""
    session = db.session()
    entry = service.one(session, entry_id)
    service.retire(session, entry, now=clock.now())
    session.commit()
    return redirect(url_for("kb.dictionary", kind=entry.kind, retired=entry.id), 303)


@blueprint.post("/admin/search-words/<int:entry_id>/restore")
@access.needs(*WRITE)
def restore_word(entry_id: int) -> ResponseReturnValue:
    """Undo a removal."""
    session = db.session()
    entry = service.one(session, entry_id)
    try:
        service.restore(session, entry, now=clock.now())
    except Invalid as error:
        session.rollback()
        flash("".join(each.message for each in error.errors) or error.message, "error")
    else:
        session.commit()
        flash(_("已恢复。"), "ok")
    return redirect(url_for("kb.dictionary", kind=entry.kind), 303)


def _must_be_of(entry: DictionaryEntry, version: int) -> None:
    if version != entry.version:
        raise Stale(_("内容已被他人修改，请重新读取后再改。"), revision=entry.version)


def _wanted(body: EntryForm) -> service.Wanted:
    words = [word for word in APART.split(body.words) if word.strip()]
    return service.Wanted(body.kind, words, body.means or None, body.note)


def _edit(form: Form[EntryForm], entry: DictionaryEntry) -> str:
    return render_template("kb/dictionary_entry.html", form=form, entry=entry, kinds=KINDS)


def _page(form: Form[EntryForm]) -> str:
    session = db.session()
    kind = next((k for k in EntryKind if k == request.args.get("kind")), None)
    q, sentence = request.args.get("q", "").strip()[:100], request.args.get("try", "").strip()[:LONGEST_TRY]
    found = service.listing(session, kind=kind, q=q, cursor=request.args.get("cursor"))
    retired = request.args.get("retired", type=int)
    tabs = [{"label": _("全部"), "url": url_for("kb.dictionary"), "active": kind is None}]
    tabs += [
        {"label": str(label), "url": url_for("kb.dictionary", kind=k), "active": k is kind}
        for k, label in KINDS.items()
    ]
    return render_template(
        "kb/dictionary.html", form=form, found=found, tabs=tabs, kind=kind, q=q, sentence=sentence, kinds=KINDS,
        pieces=Analyzer(known.lexicon(session)).question(sentence).concepts if sentence else (),
        retired=service.one(session, retired) if retired else None,
    )  # fmt: skip
