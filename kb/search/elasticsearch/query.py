"""A plan → the cluster's query."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kb.search import plan
from kb.search.plan import TIE, All, Beginning, Best, Every, Mistyped, Plan, Term


def query(wanted: Plan) -> dict[str, Any]:
    """The whole query; what only chooses stands among the filters, which the cluster keeps."""
    filters: list[dict[str, Any]] = [{"terms": {"acl": list(wanted.principals)}}]
    if wanted.kinds:
        filters.append({"terms": {"kind": list(wanted.kinds)}})
    needed = {"should": [_way(q) for q in wanted.needed], "minimum_should_match": wanted.enough}
    return {"bool": {"must": [{"bool": needed}], "filter": filters, "should": [_way(q) for q in wanted.helping]}}


def listed(wanted: Plan, *, most: int | None, among: Collection[int]) -> dict[str, Any]:
    """The same, of those that have a place no greater than `most`, or one of `among`; nothing is scored."""
    span = {"gte": 1} if most is None else {"gte": 1, "lte": most}
    where = {"terms": {"place": list(among)}} if among else {"range": {"place": span}}
    return {"bool": {"filter": [query(wanted), where]}}


def _way(way: plan.Way) -> dict[str, Any]:
    match way:
        case Best(ways):
            return {"dis_max": {"queries": [_way(w) for w in ways], "tie_breaker": TIE}}
        case Term(field, word, boost):
            return _term(field, word, boost)
        case Every(field, words, boost):
            every = {"bool": {"filter": [_term(field, word) for word in words]}}
            return {"constant_score": {"filter": every, "boost": boost}}
        case All(ways, boost):
            return {"bool": {"must": [_way(w) for w in ways], "boost": boost}}
        case Beginning(field, text, boost):
            return {"constant_score": {"filter": {"prefix": {field: {"value": text}}}, "boost": boost}}
        case Mistyped(field, word, boost):
            fuzzy = {"value": word, "fuzziness": 1, "boost": boost}
            return {"fuzzy": {field: fuzzy}}


def _term(field: str, word: str, boost: float = 1.0) -> dict[str, Any]:
    return {"term": {field: {"value": word, "boost": boost}}}
