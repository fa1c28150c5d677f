"""How a document lies in the cluster. Words are cut on our side; the cluster only splits at blanks."""

from __future__ import annotations

import datetime as dt
from typing import Any

from kb.search.analysis import Analyzer, Question
from kb.search.documents import Document, Hit
from kb.search.forms import forms
from kb.search.ranking import Candidate

GONE = "gone"
"""Kind of a document that was deleted while an index is being built: nobody may find it, and a rebuild does not bring it back."""
KEPT = ("kind", "key", "shown_title", "shown_body", "url", "state", "weight", "updated")
LONGEST_TERM = 1000
SEARCHED = ("title", "tags", "body", "files", "grams", "codes", "sounds")

_TERM = {"type": "keyword", "ignore_above": LONGEST_TERM}
_WORDS = {"type": "text", "analyzer": "whitespace", "index_options": "freqs"}
_SHOWN = {"type": "keyword", "index": False, "doc_values": False}


def template(pattern: str) -> dict[str, Any]:
    """The index template of every generation; replicas follow the number of nodes."""
    properties = {
        **dict.fromkeys(("uid", "kind", "acl", "codes", "sounds"), _TERM),
        **dict.fromkeys(("title", "tags", "body", "files"), _WORDS),
        "grams": {"type": "text", "analyzer": "whitespace", "index_options": "docs", "norms": False},
        **dict.fromkeys(("key", "shown_title", "shown_body", "url", "state"), _SHOWN),
        "weight": {"type": "float"},
        "updated": {"type": "double"},
        "place": {"type": "long"},
    }
    return {
        "index_patterns": [pattern],
        "priority": 200,
        "allow_auto_create": False,  # a late write to a generation that was thrown away must not bring it back
        "template": {
            "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1"},
            "mappings": {
                "dynamic": "strict",
                "_source": {"excludes": [*SEARCHED, "acl"]},  # never shown, and no update reads them
                "properties": properties,
            },
        },
    }


def encode(doc: Document, analyzer: Analyzer) -> dict[str, Any]:
    """A document with all its forms."""
    found = forms(doc, analyzer)
    return {
        "uid": doc.uid, "kind": doc.kind, "key": doc.key, "url": doc.url, "state": doc.state, "acl": sorted(doc.principals),
        "shown_title": doc.title, "shown_body": found.shown_body, "weight": doc.weight, "updated": doc.updated_at.timestamp(),
        "place": doc.place,
        **{name: getattr(found, name) for name in SEARCHED},
    }  # fmt: skip


def gone(uid: str) -> dict[str, Any]:
    """Holds the place of a deleted document."""
    return {"uid": uid, "kind": GONE, "acl": []}


def decode(found: dict[str, Any], question: Question) -> Candidate:
    """The kept fields of a found document."""
    kept = found["_source"]
    hit = Hit(
        kind=kept["kind"], key=kept["key"], title=kept["shown_title"], body=kept["shown_body"], question=question,
        score=float(found["_score"]), url=kept["url"], state=kept["state"],
        updated_at=dt.datetime.fromtimestamp(float(kept["updated"]), tz=dt.UTC),
    )  # fmt: skip
    return Candidate(hit, float(kept["weight"]))
