"""Quality of the search: nDCG@10 by kind of wording on 100 articles and 200 queries, for both engines.

The articles and queries (bench/data) were written before any engine answered them, and graded 3 (the answer), 2 (also
helps), 1 (related). Every second query of a kind is held out: words and synonyms may be added after looking at the
first half, never at the second. `none` fits nothing: there the figure is the share of empty answers.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kb.search.documents import Document
from kb.search.elasticsearch import ElasticsearchEngine
from kb.search.elasticsearch import cluster as cluster_module
from kb.search.elasticsearch.cluster import Address
from kb.search.embedded import EmbeddedEngine
from kb.search.engine import SearchEngine
from tests.servers.base import owned_directory
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.postgresql import ordinary_account
from tests.servers.tls import Authority

DATA = Path(__file__).with_name("data")
AT = 10
EVERYBODY = ("everybody",)


@dataclass(frozen=True, eq=False)
class Query:
    """One query with what it should find: article → grade."""

    kind: str
    text: str
    wanted: dict[str, int]
    held_out: bool


def articles() -> list[Document]:
    found = []
    for line in (DATA / "search_articles.tsv").read_text("utf-8").splitlines():
        key, title, tags, codes, body = line.split("\t")
        found.append(
            Document(
                kind="article", key=key, title=title, body=body, url=f"/kb/{key}", principals=frozenset(EVERYBODY),
                updated_at=dt.datetime(2026, 11, 1, tzinfo=dt.UTC), tags=tuple(tags.split()),
                error_codes=tuple(filter(None, [codes])),
            )
        )  # fmt: skip
    return found


def queries() -> list[Query]:
    found: list[Query] = []
    for line in (DATA / "search_queries.tsv").read_text("utf-8").splitlines():
        kind, text, graded = line.split("\t")
        wanted = {key: int(grade) for key, _colon, grade in (pair.partition(":") for pair in graded.split())}
        found.append(Query(kind, text, wanted, held_out=sum(q.kind == kind for q in found) % 2 == 1))
    return found


def ndcg(found: list[str], wanted: dict[str, int]) -> float:
    """Gain of 2^grade − 1, discounted by log2(rank + 1), against the best order there is.

    Source: Järvelin and Kekäläinen 2002, in the form of Burges 2005.
    """
    if not any(wanted.values()):
        return float(not found)

    def gain(grades: list[int]) -> float:
        return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades[:AT], start=1))

    return gain([wanted.get(key, 0) for key in found]) / gain(sorted(wanted.values(), reverse=True))


@contextlib.contextmanager
def engines() -> Iterator[dict[str, SearchEngine]]:
    """Both, with the articles in them."""
    account = ordinary_account()
    with tempfile.TemporaryDirectory() as folder, owned_directory(account) as home:
        authority = Authority(Path(folder) / "authority")
        node = Elasticsearch(home, authority, quick=False)
        node.start_seconds, cluster_module.READ_S = 400.0, 30.0  # a busy machine is no reason not to measure quality
        with node as server:
            cluster = ElasticsearchEngine(Address.of(server.url, ca_file=str(authority.ca_file)), prefix="bench")
            both: dict[str, SearchEngine] = {"embedded": EmbeddedEngine(Path(folder)), "elasticsearch": cluster}
            for engine in both.values():
                engine.rebuild(iter(articles()))
            yield both
            for engine in both.values():
                engine.close()


def main() -> None:
    asked = queries()
    with engines() as both:
        scores = {
            name: {
                q: ndcg([h.key for h in engine.search(q.text, principals=EVERYBODY, limit=AT)], q.wanted) for q in asked
            }
            for name, engine in both.items()
        }
    print(f"{'kind':<12}" + "".join(f"{name + ' seen':>20}{name + ' held out':>24}" for name in both))
    for kind in [*dict.fromkeys(q.kind for q in asked), "all but none"]:
        row = f"{kind:<12}"
        for name in both:
            for held, width in ((False, 20), (True, 24)):
                some = [
                    s for q, s in scores[name].items()
                    if q.held_out is held and (q.kind == kind or (kind == "all but none" and q.kind != "none"))
                ]  # fmt: skip
                row += f"{sum(some) / len(some):>{width}.3f}"
        print(row)
    for name in both:
        poor = [q for q, s in scores[name].items() if s < 0.5 and not q.held_out]
        print(
            f"{name}, poorly answered of the half that may be looked at: "
            + "; ".join(f"{q.kind} “{q.text}”" for q in poor)
        )
