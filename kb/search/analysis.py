"""Chinese text → what is indexed, and a question → what is looked for. Pure: no index, no database."""

import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import rjieba

from kb.search import pinyin
from kb.search.codes import Found, normal_code, scan
from kb.search.fold import fold
from kb.search.lexicon import Lexicon, shipped

WORD = re.compile(r"[a-z0-9_]+|[^\x00-\x7f]+")
TOKEN = re.compile(r"\w[\w.:#-]*")
LONGEST_QUESTION = 400
"""Characters of a question that are looked at; whoever pastes a log has said enough by then."""
GRAMS_FROM = 3
"""Words of so many characters are also found by the pairs inside them, where the text was cut into words otherwise."""
FREQUENCY = 200_000  # of a domain word: higher than any two words it could be cut into
PINYIN_FROM = 2
COMPOUND_FROM = 4
MOST_SEEN = 50_000
PAIR = 2
MOST_CONCEPTS = 24
FUZZY_FROM = 5

_teaching = threading.Lock()
_made: WeakValueDictionary[frozenset[str], Any] = WeakValueDictionary()


@dataclass(frozen=True)
class Concept:
    """One thing the question is about, and every form it may take in a text."""

    word: str
    exact: tuple[str, ...]
    """Index terms any of which is this very word."""
    alike: tuple[str, ...] = ()
    """Synonyms, each an index term."""
    grams: tuple[str, ...] = ()
    """Pairs of characters that all have to be there."""
    typed_sounds: tuple[str, ...] = ()
    """Latin letters that may be pinyin, in full or initials."""
    parts: tuple[tuple[str, ...], ...] = ()
    """A compound: the words it is made of, each with its synonyms; all of them in one text are nearly as good as it."""
    homophones: tuple[str, ...] = ()
    """How a Chinese word sounds: finds what it was mistyped for, when the word itself finds nothing."""
    code: str | None = None
    """Error code, number or name in the form of the field of codes."""
    prefix: bool = False
    """The last word of a question that is still being typed: the beginning of a word is enough."""
    fuzzy: bool = False
    weak: bool = False


@dataclass(frozen=True)
class Question:
    """What to look for."""

    text: str
    """Folded, blanks squeezed; for the bonus on a text that has the very words."""
    concepts: tuple[Concept, ...]
    code_prefixes: frozenset[str] = frozenset()

    @property
    def needed(self) -> tuple[Concept, ...]:
        """The concepts that have to be there: those with meaning, or all if none has."""
        strong = tuple(c for c in self.concepts if not c.weak)
        return strong or self.concepts

    @property
    def helping(self) -> tuple[Concept, ...]:
        """Concepts that only order the results."""
        needed = self.needed
        return tuple(c for c in self.concepts if c not in needed)


class Analyzer:
    """Cuts text into words by one lexicon. Making one for words of its own costs 0.2 s and 25 MB, once for each set."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self.lexicon = lexicon or shipped()
        self._cutter = _cutter(self.lexicon.words)
        self._seen: dict[str, tuple[str, ...]] = {}

    # -- what is indexed

    def terms(self, text: str) -> list[str]:
        """Index terms in order: words and the shorter ones inside them, codes in normal form, names in parts too."""
        return [term for piece in self._pieces(fold(text)) for term in self._piece_terms(piece)]

    def codes(self, text: str) -> list[str]:
        """Error codes in a text, in their normal form."""
        found = scan(fold(text), self.lexicon.code_prefixes)
        return list(dict.fromkeys(f.normal for f in found if f.kind == "code"))

    def code(self, declared: str) -> str:
        """A declared error code in its normal form."""
        return normal_code(declared, self.lexicon.code_prefixes)

    def grams(self, text: str) -> list[str]:
        """Pairs of neighbouring Chinese characters."""
        runs = (run for run in WORD.findall(fold(text)) if not run.isascii())
        return list(dict.fromkeys(gram for run in runs for gram in _pairs(run)))

    def sounds(self, text: str) -> list[str]:
        """Pinyin of the words of a title or tag: in full and by initials, and of neighbouring words together."""
        words = [w for piece in self._pieces(fold(text)) if isinstance(piece, str) for w in self._cutter.cut(piece)]
        units = {*words, *(w for piece in words for w in self._cutter.cut_for_search(piece))}
        said = [w for w in words if len(w) >= PINYIN_FROM and w not in self.lexicon.stop]
        units |= {a + b for a, b in itertools.pairwise(said)}
        long = [unit for unit in units if len(unit) >= PINYIN_FROM]
        return sorted({sound for unit in long for sound in (*pinyin.full(unit), *pinyin.initials(unit))})

    def _pieces(self, folded: str) -> Iterator[str | Found]:
        at = 0
        for found in scan(folded, self.lexicon.code_prefixes):
            if found.start > at:
                yield folded[at : found.start]
            yield found
            at = found.end
        if at < len(folded):
            yield folded[at:]

    def _piece_terms(self, piece: str | Found) -> Iterator[str]:
        if isinstance(piece, Found):
            yield from dict.fromkeys((piece.normal, *piece.parts))
            return
        yield from itertools.chain.from_iterable(map(self._known, self._cutter.cut_for_search(piece)))

    def _known(self, word: str) -> tuple[str, ...]:
        """The word as it is spelt, if it means anything. Words come again and again: what each is, is remembered."""
        if (found := self._seen.get(word)) is None:
            spelt = self.lexicon.spellings.get(word, word)
            found = (spelt,) if TOKEN.fullmatch(spelt) and spelt not in self.lexicon.stop else ()
            if len(self._seen) < MOST_SEEN:
                self._seen[word] = found
        return found

    # -- what is looked for

    def question(self, text: str, *, typing: bool = False) -> Question:
        """A person's words → concepts. `typing` means that the last word may be unfinished."""
        folded = " ".join(fold(text[:LONGEST_QUESTION]).split())
        concepts: dict[str, Concept] = {}
        for piece in self._pieces(folded):
            for concept in self._piece_concepts(piece, folded):
                concepts.setdefault(concept.word, concept)
        found = list(concepts.values())[:MOST_CONCEPTS]
        if typing and found and WORD.search(text[-1:]):
            last = found[-1]
            found[-1] = replace(last, prefix=True, weak=False)
        return Question(folded, tuple(found), self.lexicon.code_prefixes)

    def _piece_concepts(self, piece: str | Found, folded: str) -> Iterator[Concept]:
        if isinstance(piece, Found):
            alike = self._alike(folded[piece.start : piece.end], piece.normal)
            yield Concept(piece.normal, (piece.normal,), alike=alike, code=piece.normal)
            return
        loose = ""
        for word in self._cutter.cut(piece):
            for known in self._known(word) or ("",):
                if len(known) == 1 and not known.isascii():
                    loose += known
                    continue
                yield from self._loose(loose)
                loose = ""
                if known:
                    yield self._concept(known)
        yield from self._loose(loose)

    def _loose(self, chars: str) -> Iterator[Concept]:
        """Single characters left over: two of them are mostly one word typed wrongly (脱几 for 脱机)."""
        weak = bool(self.lexicon.weak.intersection(chars))
        if len(chars) == PAIR or (len(chars) > PAIR and not weak):
            yield Concept(chars, (chars,), grams=_pairs(chars), homophones=pinyin.full(chars), weak=weak)
            return
        yield from map(self._concept, chars)

    def _alike(self, *written: str) -> tuple[str, ...]:
        """Synonyms of a word however it is written, as index terms: a code among them in its normal form."""
        found = {other for word in written for other in self.lexicon.alike(word)} - set(written)
        return tuple(sorted(self._term(word) for word in found))

    def _term(self, word: str) -> str:
        codes = list(scan(word, self.lexicon.code_prefixes))
        return codes[0].normal if len(codes) == 1 and (codes[0].start, codes[0].end) == (0, len(word)) else word

    def _parts(self, word: str) -> tuple[tuple[str, ...], ...]:
        """票据打印 → 票据 and 打印, with what means the same as each."""
        if len(word) < COMPOUND_FROM:
            return ()
        chain: list[str] = []
        for piece in self._cutter.cut_for_search(word):
            if PAIR <= len(piece) < len(word) and word.startswith(piece, sum(map(len, chain))):
                chain.append(piece)
        return tuple((part, *self._alike(part)) for part in chain) if "".join(chain) == word else ()

    def _concept(self, word: str) -> Concept:
        latin = word.isascii()
        letters = latin and word.isalpha()
        long = len(word) >= PINYIN_FROM
        return Concept(
            word=word,
            exact=(word,),
            alike=self._alike(word),
            grams=_pairs(word) if not latin and len(word) >= GRAMS_FROM else (),
            parts=() if latin else self._parts(word),
            typed_sounds=(word,) if letters and long else (),
            homophones=pinyin.full(word) if long else (),
            fuzzy=letters and len(word) >= FUZZY_FROM,
            weak=word in self.lexicon.weak or (len(word) == 1 and not latin),
        )


class _Cutter:
    """A general dictionary that was taught further words. It can forget none, so another set has another one."""

    def __init__(self, words: frozenset[str]) -> None:
        made = rjieba.Jieba()
        for word in sorted(words):
            made.add_word(word, FREQUENCY, "n")
        self.cut, self.cut_for_search = made.cut, made.cut_for_search


def _cutter(words: frozenset[str]) -> _Cutter:
    with _teaching:
        if (found := _made.get(words)) is None:
            found = _made[words] = _Cutter(words)
        return found


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[i : i + PAIR] for i in range(len(run) - 1))
