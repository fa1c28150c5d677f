"""/api/v1/search/words: the dictionary that administrators and reviewers extend."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from accounts.current import viewer
from core import clock
from kb.dictionary import service
from kb.dictionary.models import DictionaryEntry, EntryKind
from web.api import Api, ApiModel, Created, ListQuery, etag
from web.api.schemas import Instant
from web.db import db
from web.paging import Page

api = Api("dictionary", __name__)
READ = ("settings.read", "article.publish")
WRITE = ("settings.write", "article.publish")
Word = Annotated[str, pydantic.Field(min_length=1, max_length=200)]


class EntryIn(ApiModel):
    """A new entry: `words` that are one word each, `synonyms` of each other, or a `spelling` that `means` another word."""

    kind: EntryKind
    words: list[Word] = pydantic.Field(min_length=1, max_length=200)
    means: Word | None = None
    note: str = pydantic.Field(default="", max_length=200)


class EntryPatch(ApiModel):
    """What is to change."""

    kind: EntryKind = EntryKind.WORDS
    words: list[Word] = pydantic.Field(default_factory=list, max_length=200)
    means: Word | None = None
    note: str = pydantic.Field(default="", max_length=200)


class EntryOut(ApiModel):
    """An entry; its words are in lower case and simplified, as search compares them. `by`: login of who added it."""

    id: int
    kind: EntryKind
    words: list[str]
    means: str | None
    note: str
    by: str
    created_at: Instant
    updated_at: Instant


class EntryQuery(ListQuery):
    """Which entries."""

    kind: EntryKind | None = None


def out(entry: DictionaryEntry) -> EntryOut:
    """An entry as the API shows it."""
    return EntryOut(
        id=entry.id, kind=entry.kind, words=entry.words, means=entry.means, note=entry.note, by=entry.by.login,
        created_at=entry.created_at, updated_at=entry.updated_at,
    )  # fmt: skip


@api.get("/search/words", needs=READ, query=EntryQuery, answer=EntryOut, listing=True)
def index(query: EntryQuery) -> Page[Any]:
    """What was added to the dictionary of search, the newest first."""
    found = service.listing(db.session(), kind=query.kind, q=query.q, cursor=query.cursor, limit=query.limit)
    return Page([out(entry) for entry in found.items], found.next)


@api.get("/search/words/<int:entry_id>", needs=READ, answer=EntryOut)
def show(entry_id: int) -> EntryOut:
    """One entry, also a retired one."""
    return _one(service.one(db.session(), entry_id))


@api.post("/search/words", needs=WRITE, body=EntryIn, answer=EntryOut, many=True)
def create(body: EntryIn) -> Created:
    """Add to the dictionary; searches know it at once, and the index is built anew beside the old one."""
    wanted = service.Wanted(body.kind, body.words, body.means, body.note)
    made = service.add(db.session(), wanted, by=viewer().person_id, now=clock.now())
    return Created(_one(made), f"/api/v1/search/words/{made.id}")


@api.patch("/search/words/<int:entry_id>", needs=WRITE, body=EntryPatch, answer=EntryOut)
def change(entry_id: int, body: EntryPatch) -> EntryOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    entry = service.one(session, entry_id)
    etag.must_match(entry.version)
    now = {"kind": entry.kind, "words": entry.words, "means": entry.means, "note": entry.note}
    wanted = service.Wanted(**{**now, **body.model_dump(exclude_unset=True)})
    return _one(service.change(session, entry, wanted, now=clock.now()))


@api.delete("/search/words/<int:entry_id>", needs=WRITE, status=204)
def retire(entry_id: int) -> None:
    """Take it out of the dictionary."""
    session = db.session()
    service.retire(session, service.one(session, entry_id), now=clock.now())


def _one(entry: DictionaryEntry) -> EntryOut:
    etag.tagged(entry.version)
    return out(entry)
