"""A document → every form it is found by. What each engine stores; computed once for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from kb.search.analysis import Analyzer
from kb.search.documents import Document

VERSION = "7"
"""Part of an index's name: after a change of its fields or of the analysis the index is built anew."""
LONGEST_BODY = 60_000
"""Characters of a body that are indexed and kept for snippets."""
LONGEST_FILES = 400_000
"""Characters of all attachments of a document that are indexed; which of them, the source decides."""


@dataclass(frozen=True)
class Forms:
    """The searched fields of one document; words are divided by blanks."""

    title: str
    tags: str
    body: str
    files: str
    grams: str
    codes: tuple[str, ...]
    sounds: tuple[str, ...]
    shown_body: str


def forms(doc: Document, analyzer: Analyzer) -> Forms:
    """Cut, folded and sounded out."""
    body = doc.body[:LONGEST_BODY]
    tags = " ".join((*doc.tags, *doc.services))
    codes = {analyzer.code(code) for code in (*doc.error_codes, doc.key, *doc.tags)} | set(analyzer.codes(doc.title))
    return Forms(
        title=" ".join(analyzer.terms(doc.title)),
        tags=" ".join(analyzer.terms(tags)),
        body=" ".join((*analyzer.terms(body), *analyzer.codes(" ".join(doc.error_codes)))),
        files=" ".join(analyzer.terms(doc.files[:LONGEST_FILES])),
        grams=" ".join(analyzer.grams(f"{doc.title} {tags} {body}")),
        codes=tuple(sorted(codes - {""})),
        sounds=tuple(analyzer.sounds(f"{doc.title} {tags}")),
        shown_body=body,
    )
