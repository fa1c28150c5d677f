"""Adding to the dictionary. What search makes of it: known.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from core.errors import FieldError, Invalid, NotFound
from core.i18n import gettext as _
from kb.dictionary.known import HOLDS, PAIR
from kb.dictionary.models import DictionaryEntry, EntryKind
from kb.search import index
from kb.search.fold import fold
from web.paging import Key, Page, page

LONGEST_WORD = 40
MOST_WORDS = 50
MOST_ENTRIES = 5_000
"""Of the whole dictionary: each process keeps it in memory."""


@dataclass(frozen=True)
class Wanted:
    """An entry as somebody gave it."""

    kind: EntryKind
    words: Sequence[str]
    means: str | None = None
    note: str = ""


def listing(
    session: Session, *, kind: EntryKind | None = None, q: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[DictionaryEntry]:
    """The entries that hold, the newest first."""
    rows = (
        sa.select(DictionaryEntry).options(joinedload(DictionaryEntry.by)).where(DictionaryEntry.retired_at.is_(None))
    )
    if kind is not None:
        rows = rows.where(DictionaryEntry.kind == kind)
    if q and q.strip():
        rows = rows.where(DictionaryEntry.text.contains(fold(q.strip()), autoescape=True))
    return page(session, rows, [Key(DictionaryEntry.id, descending=True)], cursor=cursor, limit=limit)


def one(session: Session, entry_id: int) -> DictionaryEntry:
    """An entry, also a retired one. Raises NotFound."""
    found = session.get(DictionaryEntry, entry_id)
    if found is None:
        raise NotFound(_("词典里没有这一条。"))
    return found


def add(session: Session, wanted: Wanted, *, by: int, now: dt.datetime) -> DictionaryEntry:
    """A new entry; the index is built anew beside the old one. Raises Invalid naming the field."""
    words, means = _checked(session, wanted, but=None)
    count = session.scalar(sa.select(sa.func.count()).select_from(DictionaryEntry).where(HOLDS)) or 0
    if count >= MOST_ENTRIES:
        raise Invalid.of("words", _("词典最多 %(most)d 条，请先移除不再需要的。", most=MOST_ENTRIES))
    entry = DictionaryEntry(
        kind=wanted.kind,
        words=words,
        means=means,
        text=_text(words, means),
        note=wanted.note,
        by_id=by,
        created_at=now,
        updated_at=now,
        version=1,
    )
    session.add(entry)
    session.flush()
    index.request_rebuild(session, now=now)
    return entry


def change(session: Session, entry: DictionaryEntry, wanted: Wanted, *, now: dt.datetime) -> DictionaryEntry:
    """Change it. Raises Invalid naming the field."""
    words, means = _checked(session, wanted, but=entry.id)
    entry.kind, entry.words, entry.means, entry.note = wanted.kind, words, means, wanted.note
    entry.text = _text(words, means)
    _touched(session, entry, now)
    return entry


def _text(words: list[str], means: str | None) -> str:
    return " ".join([*words, means or ""]).strip()


def retire(session: Session, entry: DictionaryEntry, *, now: dt.datetime) -> None:
    """It holds no more; repeating it changes nothing."""
    if entry.retired_at is None:
        entry.retired_at = now
        _touched(session, entry, now)


def restore(session: Session, entry: DictionaryEntry, *, now: dt.datetime) -> None:
    """Take a retirement back. Raises Invalid where another entry has said the same meanwhile."""
    if entry.retired_at is not None:
        _checked(session, Wanted(entry.kind, entry.words, entry.means, entry.note), but=entry.id)
        entry.retired_at = None
        _touched(session, entry, now)


def _touched(session: Session, entry: DictionaryEntry, now: dt.datetime) -> None:
    entry.updated_at, entry.version = now, entry.version + 1
    session.flush()
    index.request_rebuild(session, now=now)


def _checked(session: Session, wanted: Wanted, *, but: int | None) -> tuple[list[str], str | None]:
    words = list(dict.fromkeys(folded for word in wanted.words if (folded := fold(word.strip()))))
    means = fold(wanted.means.strip()) if wanted.means and wanted.means.strip() else None
    errors = [*_wrong_words(wanted.kind, words), *_wrong_meaning(wanted.kind, words, means)]
    if not errors and (taken := _taken(session, wanted.kind, words, but)):
        errors.append(FieldError("words", _("“%(words)s”已经在词典里。", words="、".join(sorted(taken)))))
    if errors:
        raise Invalid(_("这一条不能这样保存。"), errors)
    return words, means


def _wrong_words(kind: EntryKind, words: list[str]) -> list[FieldError]:
    if not words:
        return [FieldError("words", _("至少写一个词。"))]
    if len(words) > MOST_WORDS:
        return [FieldError("words", _("一条最多 %(most)d 个词。", most=MOST_WORDS))]
    if long := next((word for word in words if len(word) > LONGEST_WORD), None):
        return [FieldError("words", _("“%(word)s”太长，一个词最多 %(most)d 个字。", word=long[:20], most=LONGEST_WORD))]
    if kind is EntryKind.SYNONYMS and len(words) < PAIR:
        return [FieldError("words", _("同义词至少写两个。"))]
    if kind is EntryKind.WORDS and (single := next((word for word in words if len(word) < PAIR), None)):
        return [FieldError("words", _("“%(word)s”只有一个字，不用登记为词。", word=single))]
    return []


def _wrong_meaning(kind: EntryKind, words: list[str], means: str | None) -> list[FieldError]:
    if kind is not EntryKind.SPELLING:
        return [FieldError("means", _("只有错写需要填写正确写法。"))] if means else []
    if means is None:
        return [FieldError("means", _("请填写正确的写法。"))]
    if len(means) > LONGEST_WORD:
        return [FieldError("means", _("一个词最多 %(most)d 个字。", most=LONGEST_WORD))]
    return [FieldError("means", _("正确的写法不能又是错写。"))] if means in words else []


def _taken(session: Session, kind: EntryKind, words: list[str], but: int | None) -> set[str]:
    """Of these words those that another entry of the kind has; two groups of synonyms may share one."""
    if kind is EntryKind.SYNONYMS:
        return set()
    others = sa.select(DictionaryEntry.words).where(
        HOLDS, DictionaryEntry.kind == kind, DictionaryEntry.id != (but or 0)
    )
    return set(words) & {word for row in session.scalars(others) for word in row}
