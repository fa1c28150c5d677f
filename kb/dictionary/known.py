"""What search makes of the dictionary: a lexicon, heard by each engine of each process before it searches or indexes."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kb.dictionary.models import DictionaryEntry, EntryKind
from kb.search.analysis import Analyzer
from kb.search.engine import SearchEngine
from kb.search.lexicon import Lexicon, shipped

HOLDS = DictionaryEntry.retired_at.is_(None)
PAIR = 2  # characters from which on a word is one
Stamp = tuple[int, int]  # entries, and changes to them: no clock, which may be set back
_stamps: WeakKeyDictionary[Any, Stamp] = WeakKeyDictionary()


def follow(session: Session, engine: SearchEngine) -> None:
    """Let `engine` cut and compare words by the dictionary as it is now; asked before each search and each indexing."""
    count, changes = session.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(DictionaryEntry.version), 0)).select_from(
            DictionaryEntry
        )
    ).one()
    if _stamps.get(engine, (0, 0)) == (count, int(changes)):
        return
    engine.analyzer = Analyzer(lexicon(session))
    _stamps[engine] = (count, int(changes))


def lexicon(session: Session) -> Lexicon:
    """What is shipped and what was added to it."""
    data: dict[str, Any] = {"words": {"added": []}, "synonyms": [], "spellings": {}}
    for kind, words, means in session.execute(
        sa.select(DictionaryEntry.kind, DictionaryEntry.words, DictionaryEntry.means).where(HOLDS)
    ):
        if kind is EntryKind.SYNONYMS:
            data["synonyms"].append({"words": words})
        elif kind is EntryKind.SPELLING:
            data["spellings"] |= dict.fromkeys(words, means)
            data["words"]["added"] += [*words, means]  # what is misspelt has to be cut as one word to be recognised
        if kind is not EntryKind.SPELLING:
            data["words"]["added"] += [word for word in words if len(word) >= PAIR]
    return shipped().extended(data)
