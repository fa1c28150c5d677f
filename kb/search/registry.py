"""Where documents come from: each room registers a source in its wiring, and the index knows no room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from accounts.scope import Viewer
from kb.search.documents import KINDS, Document


class DocumentSource(Protocol):
    """One kind of documents."""

    @property
    def kind(self) -> str:
        """One of `kb.search.documents.KINDS`."""

    def iterate(self, session: Session) -> Iterator[Document]:
        """All documents, for a rebuild; should read in batches."""

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """The documents that exist for these keys; a missing one is taken out of the index."""

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """Those of the keys that the viewer may read now: the room's own predicate, asked of the database."""

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """Without the index: what the viewer may read with this very key, or among the newest with all words in title
        or codes (`kb.search.fallback`); the newest first."""


@dataclass
class Registry:
    """The sources of the program; filled once by the wiring, repeating it changes nothing."""

    _sources: dict[str, DocumentSource] = field(default_factory=dict)

    def add(self, source: DocumentSource) -> None:
        """Raises ValueError for an unknown kind or a second, different source of the same kind."""
        if source.kind not in KINDS:
            raise ValueError(f"document kind {source.kind!r} is unknown; known are {', '.join(KINDS)}")
        if type(self._sources.get(source.kind, source)) is not type(source):
            raise ValueError(f"a source of {source.kind!r} documents is registered already")
        self._sources[source.kind] = source

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that have a source, in the order of KINDS."""
        return tuple(kind for kind in KINDS if kind in self._sources)

    def fetch(self, session: Session, kind: str, keys: Sequence[str]) -> list[Document]:
        """Documents of one kind by key; nothing for a kind without a source."""
        source = self._sources.get(kind)
        return list(source.fetch(session, keys)) if source else []

    def readable(self, session: Session, viewer: Viewer, kind: str, keys: Collection[str]) -> set[str]:
        """Keys the viewer may read; nothing of a kind without a source."""
        source = self._sources.get(kind)
        return source.readable(session, viewer, keys) if source and keys else set()

    def look_up(
        self,
        session: Session,
        viewer: Viewer,
        key: str,
        words: Sequence[Sequence[str]],
        *,
        kinds: Sequence[str],
        limit: int,
    ) -> Iterator[Document]:
        """What each source of these kinds finds without the index."""
        for kind in kinds:
            yield from self._sources[kind].look_up(session, viewer, key, words, limit)

    def everything(self, session: Session) -> Iterator[Document]:
        """Every document of every source."""
        for kind in self.kinds:
            yield from self._sources[kind].iterate(session)


sources = Registry()
