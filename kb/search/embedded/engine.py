"""The embedded engine: one writer, any number of readers, also from other processes of the same machine."""

import threading
from collections.abc import Collection, Iterable
from pathlib import Path

import structlog
import tantivy

from core.i18n import gettext as _
from kb.search.analysis import Analyzer
from kb.search.documents import Document, Hit
from kb.search.embedded.generations import Generations
from kb.search.embedded.query import Builder
from kb.search.embedded.schema import decode, encode, open_index, schema
from kb.search.engine import CANDIDATES, SearchEngineError
from kb.search.plan import WHOLE, passes, plan
from kb.search.ranking import order

HEAP = 15_000_000
"""Bytes the writer gathers before it writes a segment: the least tantivy takes."""
BATCH = 2_000
"""Documents a rebuild writes between commits."""

log = structlog.get_logger(__name__)


class EmbeddedEngine:
    """`kb.search.engine.SearchEngine` on tantivy under `home`/search.

    The index can always be rebuilt: a damaged one gives way to an empty one, and `stale` says that a rebuild is due.
    """

    def __init__(self, home: Path, analyzer: Analyzer | None = None) -> None:
        self.analyzer = analyzer or Analyzer()
        self._generations = Generations(home / "search")
        self._schema = schema()
        self._builder = Builder(self._schema)
        self._lock = threading.RLock()
        self._name = ""
        self._seen: object = None
        self._index: tantivy.Index
        self._writer: tantivy.IndexWriter | None = None
        with self._generations.writing():
            self._open()

    @property
    def stale(self) -> bool:
        """See `SearchEngine.stale`."""
        with self._lock:
            self._follow()
            return self._name.endswith("-empty")

    # -- reading

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
        """See `SearchEngine.search`."""
        question = self.analyzer.question(query, typing=typing)
        if not question.concepts or not principals or limit < 1:
            return []
        searcher = self._searcher()
        try:
            for how in passes(question):
                built = self._builder.build(plan(question, how, principals=principals, kinds=kinds, share=share))
                found = searcher.search(built, limit=max(limit, CANDIDATES), count=False).hits
                if found:
                    return order(
                        (decode(searcher.doc(where), score, question) for score, where in found), question, limit
                    )
        except (ValueError, OSError) as damage:
            self._give_up(damage)
        return []

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
        """See `SearchEngine.places`."""
        question = self.analyzer.question(query)
        if not question.concepts or not principals or limit < 1:
            return []
        searcher = self._searcher()
        try:
            for how in WHOLE:
                wanted = plan(question, how, principals=principals, kinds=(kind,), share=1.0)
                built = self._builder.listed(wanted, most=most, among=among)
                if found := searcher.search(built, limit=limit, count=False, order_by_field="place").hits:
                    return [int(place) for place, _where in found]
                everywhere = self._builder.listed(wanted, most=None, among=())
                if (most or among) and searcher.search(everywhere, limit=1, count=False).hits:
                    return []
        except (ValueError, OSError) as damage:
            self._give_up(damage)
        return []

    def count(self, kind: str | None = None) -> int:
        """See `SearchEngine.count`."""
        searcher = self._searcher()
        if kind is None:
            return searcher.num_docs
        of_kind = tantivy.Query.term_query(self._schema, "kind", kind, index_option="basic")
        return int(searcher.aggregate(of_kind, {"n": {"value_count": {"field": "weight"}}})["n"]["value"])

    def describe(self) -> str:
        """See `SearchEngine.describe`."""
        return f"tantivy ({self.count()})"

    def _searcher(self) -> tantivy.Searcher:
        with self._lock:
            self._follow()
            try:
                if (seen := self._generations.state_of(self._name)) != self._seen:
                    self._index.reload()
                    self._seen = seen
            except (ValueError, OSError) as damage:
                self._give_up(damage)
            return self._index.searcher()

    def _give_up(self, damage: Exception) -> None:
        """Puts an empty index in the place of one that cannot be read."""
        log.warning("search_index_damaged", generation=self._name, error=str(damage))
        with self._lock, self._generations.writing():
            self._drop_writer()
            self._begin_empty()

    # -- writing

    def upsert(self, docs: Iterable[Document]) -> int:
        """See `SearchEngine.upsert`."""
        documents = list(docs)
        self._change(documents, [])
        return len(documents)

    def delete(self, kind: str, keys: Collection[str]) -> None:
        """See `SearchEngine.delete`."""
        self._change([], [f"{kind}:{key}" for key in keys])

    def _change(self, docs: list[Document], gone: list[str]) -> None:
        if not docs and not gone:
            return
        with self._lock, self._generations.writing():
            self._follow()
            self._generations.journal(docs, gone)
            try:
                self._apply(self._own_writer(), docs, gone).commit()
            except ValueError as failure:
                self._drop_writer()
                advice = _("索引写入失败（%(why)s）；请检查磁盘空间，再运行 taxops search rebuild。", why=failure)
                raise SearchEngineError(advice) from failure

    def _apply(self, writer: tantivy.IndexWriter, docs: Iterable[Document], gone: Iterable[str]) -> tantivy.IndexWriter:
        for uid in gone:
            writer.delete_documents_by_term("uid", uid)
        for doc in docs:
            writer.delete_documents_by_term("uid", doc.uid)
            writer.add_document(encode(doc, self.analyzer))
        return writer

    def rebuild(self, docs: Iterable[Document]) -> int:
        """See `SearchEngine.rebuild`. Raises SearchEngineError while another rebuild runs."""
        with self._generations.rebuilding() as name:
            index = open_index(self._generations.path(name))
            writer = index.writer(HEAP, 1)
            written = 0
            for written, doc in enumerate(docs, start=1):
                self._apply(writer, (doc,), ())
                if written % BATCH == 0:
                    writer.commit()
            with self._lock, self._generations.writing():
                for changed, gone in self._generations.journalled():
                    self._apply(writer, changed, gone)
                writer.commit()
                writer.wait_merging_threads()
                del writer
                self._drop_writer()
                self._generations.point_to(name)
                self._open()
        return written

    def close(self) -> None:
        """See `SearchEngine.close`."""
        with self._lock:
            self._drop_writer()

    # -- the generation in use

    def _follow(self) -> None:
        """Another process may have swapped the index."""
        if self._generations.current() != self._name:
            self._drop_writer()
            self._open()

    def _open(self) -> None:
        name = self._generations.current()
        if name is None:
            self._begin_empty()
            return
        try:
            self._generations.state_of(name)
            self._index = open_index(self._generations.path(name))
        except (ValueError, OSError) as damage:
            self._give_up(damage)
            return
        self._name, self._seen = name, None

    def _begin_empty(self) -> None:
        name = self._generations.new(empty=True)
        self._index = open_index(self._generations.path(name))
        self._generations.point_to(name)
        self._name, self._seen = name, None

    def _own_writer(self) -> tantivy.IndexWriter:
        # Kept open: each opening costs 13 ms, and memory that the allocator does not give back.
        if self._writer is None:
            self._writer = self._index.writer(HEAP, 1)
        return self._writer

    def _drop_writer(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.wait_merging_threads()
