"""What an index must do; `embedded` and `elasticsearch` do it, and one suite of tests runs on each."""

from collections.abc import Collection, Iterable
from typing import Protocol

from core.errors import Unavailable
from kb.search.analysis import Analyzer
from kb.search.documents import Document, Hit

CANDIDATES = 40
"""Documents fetched by the engine's own score before they are put in the order a person expects."""


class SearchEngineError(Unavailable):
    """The index cannot be written or read; the message says what to do. HTTP 503."""


class SearchEngine(Protocol):
    """An index of documents. Thread-safe."""

    analyzer: Analyzer
    """How it cuts and compares words; another one may take its place at any time (see kb.dictionary)."""

    @property
    def stale(self) -> bool:
        """The index is new, damaged or from another version: a rebuild is due. Raises SearchEngineError while it is away."""

    def upsert(self, docs: Iterable[Document]) -> int:
        """Add or replace documents; they can be found when it returns. Returns how many."""

    def delete(self, kind: str, keys: Collection[str]) -> None:
        """Take documents out; unknown keys are ignored."""

    def search(
        self,
        query: str,
        *,
        principals: Collection[str],
        kinds: Collection[str] = (),
        limit: int = 20,
        typing: bool = False,
        share: float = 0.6,
    ) -> list[Hit]:
        """The best documents that any of `principals` may read; an empty list when nothing fits.

        First every significant word must be there. If nothing has them all, `share` of them (0–1, of at least three
        words; of two at 0.5 and less) is enough. `kinds` empty means all. `typing` takes the last word for a beginning.
        """

    def places(
        self,
        query: str,
        *,
        principals: Collection[str],
        kind: str,
        limit: int,
        most: int | None = None,
        among: Collection[int] = (),
    ) -> list[int]:
        """`Document.place` of the documents of a kind with every significant word, the greatest first, at most `limit`.

        For lists, which have an order of their own: nothing is scored, and part of the words is never enough. Words
        count as mistyped only where none has them as written. `most`: none greater; `among`: only these. Raises
        SearchEngineError while the index is away.
        """

    def rebuild(self, docs: Iterable[Document]) -> int:
        """Replace the whole index, while the old one goes on answering and taking changes. Returns how many."""

    def count(self, kind: str | None = None) -> int:
        """Documents in the index."""

    def describe(self) -> str:
        """What answers, where, and how many documents it holds, on one line without secrets. Raises SearchEngineError."""

    def close(self) -> None:
        """Release files; the engine is of no use afterwards."""
