"""From the engine's order to the one a person expects. Pure; every engine uses it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from kb.search.analysis import Question
from kb.search.documents import Hit
from kb.search.fold import fold

TITLE = 4.0
TAGS = 3.0
CODES = 12.0
BODY = 1.0
FILES = 0.6
SOUNDS = 1.5
ALIKE = 0.5
"""Weight of a synonym against the word itself."""
PARTS = 0.5
"""Weight of the words a compound is made of, against the compound."""
LOOSE = 0.3
"""Weight of what only sounds or is spelt alike."""
LONG_FROM, BEYOND = 3, 0.3
"""Words beyond three count by three tenths: who tells a story says much that no article has."""
IN_TITLE, IN_BODY = 0.8, 0.25
"""Bonus for a text that has the very words of the question."""


@dataclass(frozen=True)
class Candidate:
    """A document as the engine scored it."""

    hit: Hit
    weight: float


def minimum(needed: int, share: float) -> int:
    """How many of the significant words are enough when no document has them all; of a long story a smaller share.

    >>> [minimum(n, 0.6) for n in (1, 2, 3, 4, 5, 6, 8, 12)]
    [1, 2, 2, 2, 3, 3, 3, 4]
    >>> [minimum(n, 0.4) for n in (1, 2, 3, 4, 5, 6, 8, 12)]
    [1, 1, 2, 2, 2, 2, 2, 3]
    """
    counted = min(needed, LONG_FROM) + BEYOND * max(0, needed - LONG_FROM)
    return max(1, math.ceil(counted * share - 1e-9))


def order(candidates: Iterable[Candidate], question: Question, limit: int) -> list[Hit]:
    """The best `limit` hits."""
    scored = sorted(
        ((_score(c, question.text), c.hit) for c in candidates),
        key=lambda pair: (-pair[0], -pair[1].updated_at.timestamp(), pair[1].key),
    )
    return [replace(hit, score=round(score, 3)) for score, hit in scored[:limit]]


def _score(candidate: Candidate, asked: str) -> float:
    bonus = 1.0
    if len(asked) > 1:
        bonus += IN_TITLE if asked in fold(candidate.hit.title) else 0.0
        bonus += IN_BODY if asked in fold(candidate.hit.body) else 0.0
    return candidate.hit.score * bonus * candidate.weight
