"""How a document lies in the index. Text is cut into words on our side; the index only splits at blanks."""

import datetime as dt
from pathlib import Path

import tantivy

from kb.search.analysis import Analyzer, Question
from kb.search.documents import Document, Hit
from kb.search.forms import forms
from kb.search.ranking import Candidate


def schema() -> tantivy.Schema:
    """Fields that are searched, then those that are only kept."""
    builder = tantivy.SchemaBuilder()
    for exact in ("uid", "kind", "acl", "codes", "sounds"):
        builder.add_text_field(exact, tokenizer_name="raw", index_option="basic", stored=exact in ("uid", "kind"))
    for words in ("title", "tags", "body", "files"):
        builder.add_text_field(words, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("grams", tokenizer_name="whitespace", index_option="basic")
    for kept in ("key", "shown_title", "shown_body", "url", "state"):
        builder.add_text_field(kept, tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_float_field("weight", stored=True, fast=True)
    builder.add_float_field("updated", stored=True)
    builder.add_unsigned_field("place", indexed=True, fast=True)
    return builder.build()


def encode(doc: Document, analyzer: Analyzer) -> tantivy.Document:
    """A document with all its forms."""
    found = forms(doc, analyzer)
    out = tantivy.Document()
    for name, value in (("uid", doc.uid), ("kind", doc.kind), ("key", doc.key), ("url", doc.url), ("state", doc.state)):
        out.add_text(name, value)
    out.add_text("shown_title", doc.title)
    out.add_text("shown_body", found.shown_body)
    for principal in sorted(doc.principals):
        out.add_text("acl", principal)
    for code in found.codes:
        out.add_text("codes", code)
    for sound in found.sounds:
        out.add_text("sounds", sound)
    for name in ("title", "tags", "body", "files", "grams"):
        out.add_text(name, getattr(found, name))
    out.add_float("weight", doc.weight)
    out.add_float("updated", doc.updated_at.timestamp())
    out.add_unsigned("place", doc.place)
    return out


def decode(stored: tantivy.Document, score: float, question: Question) -> Candidate:
    """The kept fields of a found document."""

    def text(name: str) -> str:
        return str(stored.get_first(name) or "")

    updated = dt.datetime.fromtimestamp(float(stored.get_first("updated") or 0.0), tz=dt.UTC)
    hit = Hit(
        kind=text("kind"), key=text("key"), title=text("shown_title"), body=text("shown_body"), question=question,
        score=score, url=text("url"), state=text("state"), updated_at=updated,
    )  # fmt: skip
    return Candidate(hit, float(stored.get_first("weight") or 1.0))


def open_index(path: Path) -> tantivy.Index:
    """An existing index, or an empty new one. Raises ValueError or OSError where the directory is damaged."""
    path.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(schema(), path=str(path), reuse=True)
    index.config_reader(reload_policy="manual")
    return index
