"""Which attachment a hit was found by. The index knows only that one of them has the words; the database tells which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from kb.search.documents import FileText, Hit
from kb.search.registry import Registry
from kb.search.snippets import lacking, near

MOST = 10
"""Hits of one answer whose files are looked through: texts are long, and readers look at the first ones."""
CHARACTERS, WHILE_TYPING = 400_000, 40_000
"""Characters that are looked through for one answer, of all files of all hits: a few tenths of a second at worst.
An answer to every key that is pressed may cost a tenth of that."""


def with_files(session: Session, registry: Registry, hits: Sequence[Hit], *, typing: bool = False) -> list[Hit]:
    """The hits, those found by an attachment with its name and the place in it. For hits that are shown: it costs.

    What stands beyond the characters looked through is found by, but the hit does not say in which file.
    """
    most = WHILE_TYPING if typing else CHARACTERS
    wanted = [(hit, gap) for hit in hits if registry.has_files(hit.kind) and (gap := _gap(hit))][:MOST]
    told = {
        (kind, key): files
        for kind in {hit.kind for hit, _gap in wanted}
        for key, files in registry.files(
            session, kind, [hit.key for hit, _gap in wanted if hit.kind == kind], most
        ).items()
    }
    better = {
        (hit.kind, hit.key): shown
        for hit, gap in wanted
        if (shown := _best(hit, gap, told.get((hit.kind, hit.key), ())))
    }
    return [better.get((hit.kind, hit.key), hit) for hit in hits]


def _gap(hit: Hit) -> frozenset[str]:
    return lacking(f"{hit.title}\n{hit.body}", hit.question)


def _best(hit: Hit, gap: Collection[str], files: Sequence[FileText]) -> Hit | None:
    """The file that has most of what the document itself lacks."""
    scored = [(len(gap) - len(lacking(file.text, hit.question) & set(gap)), file) for file in files]
    best: tuple[int, FileText | None] = max(scored, key=lambda pair: pair[0], default=(0, None))
    most, file = best
    return replace(hit, file=file.name, body=near(file.text, hit.question)) if most and file else None
