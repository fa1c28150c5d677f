"""From the engine's order to the one a person expects. Pure; every engine uses it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kb.search.analysis import Question
from kb.search.documents import Hit
from kb.search.fold import fold
from kb.search.snippets import highlight, snippet

TITLE = 4.0
TAGS = 3.0
CODES = 12.0
BODY = 1.0
SOUNDS = 1.5
ALIKE = 0.5
"""Weight of a synonym against the word itself."""
LOOSE = 0.3
"""Weight of what only sounds or is spelt alike."""
IN_TITLE, IN_BODY = 0.8, 0.25
"""Bonus for a text that has the very words of the question."""


@dataclass(frozen=True)
class Candidate:
    """A document as the engine scored it."""

    hit: Hit
    body: str
    weight: float


def minimum(needed: int, share: float) -> int:
    """How many of the significant words are enough when no document has them all.

    >>> [minimum(n, 0.6) for n in (1, 2, 3, 4, 5, 8)]
    [1, 2, 2, 3, 3, 5]
    >>> [minimum(n, 0.4) for n in (1, 2, 3, 4, 5, 8)]
    [1, 1, 2, 2, 2, 4]
    """
    return max(1, math.ceil(needed * share - 1e-9))


def order(candidates: Iterable[Candidate], question: Question, limit: int) -> list[Hit]:
    """The best `limit` hits with their marks."""
    scored = sorted(
        ((_score(c, question.text), c) for c in candidates),
        key=lambda pair: (-pair[0], -pair[1].hit.updated_at.timestamp(), pair[1].hit.key),
    )
    return [
        Hit(
            kind=c.hit.kind,
            key=c.hit.key,
            title=c.hit.title,
            title_html=highlight(c.hit.title, question),
            snippet=snippet(c.body, question),
            score=round(score, 3),
            url=c.hit.url,
            state=c.hit.state,
            updated_at=c.hit.updated_at,
        )
        for score, c in scored[:limit]
    ]


def _score(candidate: Candidate, asked: str) -> float:
    bonus = 1.0
    if len(asked) > 1:
        bonus += IN_TITLE if asked in fold(candidate.hit.title) else 0.0
        bonus += IN_BODY if asked in fold(candidate.body) else 0.0
    return candidate.hit.score * bonus * candidate.weight
