"""The words search knows beyond the general dictionary: data, shipped in domain.toml and extended by administrators."""

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kb.search.fold import fold

SHIPPED = Path(__file__).with_name("data") / "domain.toml"


class LexiconError(ValueError):
    """The dictionary's data is not as it should be; the message names the table and what was expected."""


@dataclass(frozen=True)
class Lexicon:
    """Immutable: an administrator's change makes a new one."""

    words: frozenset[str] = frozenset()
    synonyms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    spellings: Mapping[str, str] = field(default_factory=dict)
    stop: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    code_prefixes: frozenset[str] = frozenset()

    def alike(self, word: str) -> frozenset[str]:
        """Other words that mean the same."""
        return self.synonyms.get(word, frozenset()) - {word}

    def extended(self, extra: Mapping[str, Any]) -> "Lexicon":
        """This lexicon with further data of the same shape as domain.toml. Raises LexiconError."""
        added = from_data(extra)
        groups = {group | {word} for table in (self.synonyms, added.synonyms) for word, group in table.items()}
        return replace(
            self,
            words=self.words | added.words,
            synonyms=_by_word(groups),
            spellings={**self.spellings, **added.spellings},
            stop=self.stop | added.stop,
            weak=self.weak | added.weak,
            code_prefixes=self.code_prefixes | added.code_prefixes,
        )


def _by_word(groups: Iterable[Iterable[str]]) -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for group in map(frozenset, groups):
        for word in group:
            table[word] = table.get(word, frozenset()) | group
    return table


def _words(where: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        raise LexiconError(f"{where}: a list of words is expected, got {value!r}")
    return frozenset(fold(word.strip()) for word in value)


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, Mapping):
        raise LexiconError(f"{name}: a table is expected, got {value!r}")
    return value


def from_data(data: Mapping[str, Any]) -> Lexicon:
    """Checks and folds the data of a dictionary. Raises LexiconError where it is malformed."""
    groups = data.get("synonyms", [])
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise LexiconError("synonyms: a list of tables with the key `words` is expected")
    alike = [_words("synonyms.words", group.get("words")) for group in groups]
    named = [_words(f"words.{k}", v) for k, v in _table(data, "words").items()]
    # A synonym has to be cut as one word to be recognised; single characters and Latin words are, by themselves.
    named += [frozenset(w for w in group if len(w) > 1 and not w.isascii()) for group in alike]
    return Lexicon(
        words=frozenset[str]().union(*named),
        synonyms=_by_word(alike),
        spellings={fold(wrong): fold(str(right)) for wrong, right in _table(data, "spellings").items()},
        stop=_words("stop.words", _table(data, "stop").get("words", [])),
        weak=_words("weak.words", _table(data, "weak").get("words", [])),
        code_prefixes=_words("codes.prefixes", _table(data, "codes").get("prefixes", [])),
    )


@functools.cache
def shipped() -> Lexicon:
    """What comes with the program."""
    with SHIPPED.open("rb") as file:
        return from_data(tomllib.load(file))
