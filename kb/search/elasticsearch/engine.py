"""The engine on a cluster. Any number of processes read and write; one of them rebuilds at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import elasticsearch
from elasticsearch import Elasticsearch

from kb.search.analysis import Analyzer, Question
from kb.search.documents import Document, Hit
from kb.search.elasticsearch.bulk import Action, Bulk
from kb.search.elasticsearch.cluster import Address, Cluster
from kb.search.elasticsearch.generations import Generations
from kb.search.elasticsearch.mapping import GONE, KEPT, decode, encode, gone
from kb.search.elasticsearch.query import listed
from kb.search.elasticsearch.query import query as to_query
from kb.search.engine import CANDIDATES
from kb.search.plan import WHOLE, passes, plan
from kb.search.ranking import Candidate, order

WINDOW = 10_000
"""Hits that the cluster gives out at once (index.max_result_window)."""
TRIES = 3
"""A generation may be thrown away between the look at the aliases and the write; then we look again."""


class ElasticsearchEngine:
    """`kb.search.engine.SearchEngine` on Elasticsearch 8. Making it connects to nothing."""

    def __init__(self, address: Address, *, prefix: str = "taxops", analyzer: Analyzer | None = None) -> None:
        self.analyzer = analyzer or Analyzer()
        self.cluster = Cluster(address)
        self.generations = Generations(prefix)

    @property
    def stale(self) -> bool:
        """See `SearchEngine.stale`. Raises SearchEngineError while the cluster is away."""
        with self.cluster.writing() as client:
            return self.generations.is_empty(self.generations.current(client))

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
        """See `SearchEngine.search`. Raises SearchEngineError while the cluster is away."""
        question = self.analyzer.question(query, typing=typing)
        if not question.concepts or not principals or limit < 1:
            return []
        with self.cluster.reading() as client:
            for how in passes(question):
                asked = to_query(plan(question, how, principals=principals, kinds=kinds, share=share))
                if found := self._ask(client, asked, max(limit, CANDIDATES), question):
                    return order(found, question, limit)
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
        with self.cluster.reading() as client:
            for how in WHOLE:
                wanted = plan(question, how, principals=principals, kinds=(kind,), share=1.0)
                if found := self._places(client, listed(wanted, most=most, among=among), limit):
                    return found
                if (most or among) and self._places(client, listed(wanted, most=None, among=()), 1):
                    return []
        return []

    def _places(self, client: Elasticsearch, asked: dict[str, Any], size: int) -> list[int]:
        """In pieces of as many hits as the cluster gives out at once."""
        found: list[int] = []
        after: list[int] | None = None
        while len(found) < size:
            answer = client.search(
                index=self.generations.alias, query=asked, size=min(WINDOW, size - len(found)), sort=[{"place": "desc"}],
                search_after=after, source=False, track_total_hits=False, allow_no_indices=True, ignore_unavailable=True,
                filter_path="hits.hits.sort",
            )  # fmt: skip
            hits = answer.body.get("hits", {}).get("hits", ())
            found += [int(hit["sort"][0]) for hit in hits]
            if len(hits) < WINDOW:
                break
            after = [found[-1]]
        return found

    def _ask(self, client: Elasticsearch, asked: dict[str, Any], size: int, question: Question) -> list[Candidate]:
        answer = client.search(
            index=self.generations.alias, query=asked, size=size, source_includes=list(KEPT), track_total_hits=False,
            allow_no_indices=True, ignore_unavailable=True, filter_path="hits.hits._source,hits.hits._score",
        )  # fmt: skip
        return [decode(hit, question) for hit in answer.body.get("hits", {}).get("hits", ())]

    def count(self, kind: str | None = None) -> int:
        """See `SearchEngine.count`."""
        condition = {"term": {"kind": kind}} if kind else {"bool": {"must_not": [{"term": {"kind": GONE}}]}}
        with self.cluster.reading() as client:
            return int(client.count(index=self.generations.alias, query=condition, ignore_unavailable=True)["count"])

    def describe(self) -> str:
        """See `SearchEngine.describe`."""
        count = self.count()
        return f"Elasticsearch {self.cluster.address.shown} ({self.generations.alias}: {count})"

    # -- writing

    def upsert(self, docs: Iterable[Document]) -> int:
        """See `SearchEngine.upsert`. Raises SearchEngineError while the cluster is away; nothing is lost by trying again."""
        documents = list(docs)
        self._change(documents, [])
        return len(documents)

    def delete(self, kind: str, keys: Collection[str]) -> None:
        """See `SearchEngine.delete`."""
        self._change([], [f"{kind}:{key}" for key in keys])

    def _change(self, docs: list[Document], uids: list[str]) -> None:
        if not docs and not uids:
            return
        encoded = [(doc.uid, encode(doc, self.analyzer)) for doc in docs]
        with self.cluster.writing() as client:
            for left in reversed(range(TRIES)):
                try:
                    current, *building = self.generations.targets(client)
                    Bulk(client).run(_changes(encoded, uids, current, building), refresh=True)
                except elasticsearch.NotFoundError:
                    if not left:
                        raise
                else:
                    return

    def rebuild(self, docs: Iterable[Document]) -> int:
        """See `SearchEngine.rebuild`. Raises SearchEngineError while another rebuild runs, in any process."""
        with self.cluster.writing() as client, self.generations.rebuilding(client) as (name, beat):
            counted = _Counted(docs)
            actions = (({"create": {"_index": name, "_id": d.uid}}, encode(d, self.analyzer)) for d in counted)
            Bulk(client).run(actions, beat=beat)
            self.generations.put_into_use(client, name)
            self._clear_gone(client, name)
        return counted.number

    def _clear_gone(self, client: Elasticsearch, name: str) -> None:
        """Removes what holds the places of documents deleted meanwhile; nobody could find them."""
        while True:
            found = client.search(index=name, query={"term": {"kind": GONE}}, size=1000, source=False)["hits"]["hits"]
            if not found:
                return
            Bulk(client).run((({"delete": {"_index": name, "_id": hit["_id"]}}, None) for hit in found), refresh=True)

    def close(self) -> None:
        """See `SearchEngine.close`."""
        self.cluster.close()


class _Counted:
    """Counts what is taken from an iterable."""

    def __init__(self, docs: Iterable[Document]) -> None:
        self._docs, self.number = docs, 0

    def __iter__(self) -> Iterator[Document]:
        for self.number, doc in enumerate(self._docs, start=1):  # noqa: B020  the count is the point
            yield doc


def _changes(
    docs: list[tuple[str, dict[str, Any]]], uids: list[str], current: str, building: list[str]
) -> Iterator[Action]:
    for uid, source in docs:
        for index in (current, *building):
            yield {"index": {"_index": index, "_id": uid}}, source
    for uid in uids:
        yield {"delete": {"_index": current, "_id": uid}}, None
        for index in building:
            yield {"index": {"_index": index, "_id": uid}}, gone(uid)
