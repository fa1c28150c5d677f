"""Entries of the dictionary."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accounts.models import Person
from core.db import Base, enum_column, pk
from core.db.base import Id, Json


class EntryKind(StrEnum):
    """What an entry teaches: words that are one word, words that mean the same, ways to misspell a word."""

    WORDS = "words"
    SYNONYMS = "synonyms"
    SPELLING = "spelling"


class DictionaryEntry(Base):
    """`words` are folded. `means`: the right spelling, of a spelling alone. `version` grows with every change."""

    __tablename__ = "dictionary_entry"

    id: Mapped[int] = pk()
    kind: Mapped[EntryKind] = enum_column(EntryKind)
    words: Mapped[list[str]] = mapped_column(type_=Json)
    means: Mapped[str | None] = mapped_column(sa.String(40))
    text: Mapped[str] = mapped_column(sa.Text, info={"silent": True})  # all of them, to look for a word by
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    by_id: Mapped[int] = mapped_column(Id, sa.ForeignKey("person.id"), index=True)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime] = mapped_column(info={"silent": True})
    retired_at: Mapped[dt.datetime | None]
    version: Mapped[int] = mapped_column(default=1, info={"silent": True})

    by: Mapped[Person] = relationship()
