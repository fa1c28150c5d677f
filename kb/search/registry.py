"""Where documents come from: each room registers a source in its wiring, and the index knows no room."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from accounts.scope import Viewer
from kb.search.documents import KINDS, Document, FileText


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


FilesOf = Callable[[Session, Sequence[str], int], Mapping[str, Sequence[FileText]]]
"""Keys that the viewer may read, and how many characters may be fetched for all of them together → the beginnings of the
attachments that whoever may read the thing may read too."""


@dataclass
class Registry:
    """The sources of the program; filled once by the wiring, repeating it changes nothing."""

    _sources: dict[str, DocumentSource] = field(default_factory=dict)
    _files: dict[str, FilesOf] = field(default_factory=dict)

    def add(self, source: DocumentSource, *, files: FilesOf | None = None) -> None:
        """`files` tells what attachments say, for kinds that have any.

        Raises ValueError for an unknown kind or a second, different source of the same kind.
        """
        if source.kind not in KINDS:
            raise ValueError(f"document kind {source.kind!r} is unknown; known are {', '.join(KINDS)}")
        if type(self._sources.get(source.kind, source)) is not type(source):
            raise ValueError(f"a source of {source.kind!r} documents is registered already")
        self._sources[source.kind] = source
        if files is not None:
            self._files[source.kind] = files

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

    def has_files(self, kind: str) -> bool:
        """Whether things of this kind have attachments."""
        return kind in self._files

    def files(self, session: Session, kind: str, keys: Sequence[str], most: int) -> Mapping[str, Sequence[FileText]]:
        """What the attachments of these things say, `most` characters of all of them."""
        return self._files[kind](session, keys, most) if kind in self._files and keys else {}

    def everything(self, session: Session) -> Iterator[Document]:
        """Every document of every source."""
        for kind in self.kinds:
            yield from self._sources[kind].iterate(session)


sources = Registry()
