"""Where documents come from: each room registers a source in the application's wiring, and the index knows no room."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from kb.search.documents import KINDS, Document


class DocumentSource(Protocol):
    """One kind of documents. Principals in the documents are what decides who finds them."""

    @property
    def kind(self) -> str:
        """One of `kb.search.documents.KINDS`."""

    def iterate(self, session: Session) -> Iterator[Document]:
        """All documents, for a rebuild; should read in batches."""

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """The documents that exist for these keys; a missing one is taken out of the index."""


@dataclass
class Registry:
    """The sources of one application."""

    _sources: dict[str, DocumentSource] = field(default_factory=dict)

    def add(self, source: DocumentSource) -> None:
        """Raises ValueError for an unknown kind or a second source of the same kind."""
        if source.kind not in KINDS:
            raise ValueError(f"document kind {source.kind!r} is unknown; known are {', '.join(KINDS)}")
        if source.kind in self._sources:
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

    def everything(self, session: Session) -> Iterator[Document]:
        """Every document of every source."""
        for kind in self.kinds:
            yield from self._sources[kind].iterate(session)
