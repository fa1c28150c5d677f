"""A question → what an engine has to look for, in terms that every engine has. Pure; adapters only translate.

Fields: `title`, `tags`, `body`, `files` hold words; `codes`, `sounds`, `grams`, `acl`, `kind` hold whole terms.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from kb.search import ranking
from kb.search.analysis import Concept, Question

FIELDS = (("title", ranking.TITLE), ("tags", ranking.TAGS), ("body", ranking.BODY), ("files", ranking.FILES))
TIE = 0.2
"""What a second field that has the word adds: some, so that title and body beat the title alone."""


class Pass(enum.Enum):
    """How strictly a question is taken; tried in this order until something is found."""

    STRICT = "every significant word as written, or a synonym"
    LOOSE = "every significant word, also mistyped"
    CODES = "every code, name and address; of the other words what is there"
    PARTLY = "most significant words, also mistyped"


def passes(question: Question) -> list[Pass]:
    """Those worth trying, the strictest first."""
    coded = any(c.code for c in question.needed)
    return [how for how in Pass if how is not Pass.CODES or coded]


WHOLE = (Pass.STRICT, Pass.LOOSE)
"""Those in which every word has to be there: what a list is narrowed by."""


@dataclass(frozen=True)
class Term:
    """A whole term in a field, scored by its rarity times `boost`."""

    field: str
    word: str
    boost: float = 1.0


@dataclass(frozen=True)
class Every:
    """All of these terms in a field; scored by `boost` alone."""

    field: str
    words: tuple[str, ...]
    boost: float


@dataclass(frozen=True)
class Beginning:
    """A term that begins so; scored by `boost` alone."""

    field: str
    text: str
    boost: float


@dataclass(frozen=True)
class Mistyped:
    """A term that differs by one letter at most."""

    field: str
    word: str
    boost: float


@dataclass(frozen=True)
class Best:
    """Any of these ways; the best one counts, and TIE of the others."""

    ways: tuple[Way, ...]


@dataclass(frozen=True)
class All:
    """Each of these, wherever it stands in the document; scored as they are, times `boost`."""

    ways: tuple[Best, ...]
    boost: float


Way = Term | Every | Beginning | Mistyped | Best | All


@dataclass(frozen=True)
class Plan:
    """What a document has to fulfil: `enough` of `needed`, one of `principals`, one of `kinds` (empty: all kinds)."""

    needed: tuple[Best, ...]
    enough: int
    principals: tuple[str, ...]
    kinds: tuple[str, ...]
    helping: tuple[Best, ...]
    """Only orders what was found."""


def plan(question: Question, how: Pass, *, principals: Collection[str], kinds: Collection[str], share: float) -> Plan:
    """The whole query with its access list; a viewer without principals finds nothing."""
    loose = how is not Pass.STRICT
    named = tuple(c for c in question.needed if c.code) if how is Pass.CODES else ()
    needed = tuple(_concept(c, loose=loose) for c in named or question.needed)
    enough = ranking.minimum(len(needed), share) if how is Pass.PARTLY else len(needed)
    others = (c for c in question.needed if named and c not in named)
    helping = tuple(_concept(c, loose=False) for c in (*question.helping, *others))
    return Plan(needed, enough, tuple(sorted(principals)), tuple(sorted(kinds)), helping)


def _concept(concept: Concept, *, loose: bool) -> Best:
    ways: list[Way] = [_word(word, 1.0) for word in concept.exact]
    ways += [_word(word, ranking.ALIKE) for word in concept.alike]
    ways += [Term("sounds", sound, ranking.SOUNDS) for sound in concept.typed_sounds]
    if concept.code:
        ways.append(Every("codes", (concept.code,), ranking.CODES))
    if concept.prefix:
        ways += _beginning(concept)
    if loose:
        ways += _loose(concept)
    return Best(tuple(ways))


def _word(word: str, weight: float) -> Best:
    return Best(tuple(Term(field, word, weight * boost) for field, boost in FIELDS))


def _any(part: tuple[str, ...]) -> Best:
    word, *alike = part
    return Best((_word(word, 1.0), *(_word(other, ranking.ALIKE) for other in alike)))


def _beginning(concept: Concept) -> list[Way]:
    places = [*FIELDS[:2]]
    places += [("codes", ranking.TAGS)] if concept.code else []
    places += [("sounds", 1.0)] if concept.typed_sounds else []
    return [Beginning(field, concept.word, boost) for field, boost in places]


def _loose(concept: Concept) -> list[Way]:
    ways: list[Way] = [Term("sounds", sound, ranking.SOUNDS * ranking.LOOSE) for sound in concept.homophones]
    if concept.parts:
        ways.append(All(tuple(_any(part) for part in concept.parts), ranking.PARTS))
    if concept.grams:
        ways.append(Every("grams", concept.grams, ranking.LOOSE))
    if concept.fuzzy:
        ways += [Mistyped(field, concept.word, ranking.LOOSE) for field, _boost in FIELDS]
    return ways
