"""Paging by key: a list's next page starts after the last row seen, however many rows come before it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.clock import UTC
from core.errors import Invalid
from core.i18n import gettext as _
from web import storable

T = TypeVar("T")
BIGINT = 2**63


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the next page (None at the end)."""

    items: list[T]
    next: str | None


@dataclass(frozen=True)
class Key:
    """One column of the order. The last key of a list must be unique. Nullable columns can't be keys."""

    column: Any
    descending: bool = False


def encode(values: Sequence[Any]) -> str:
    """A cursor that holds the key values of the last row."""
    plain = [{"t": v.isoformat()} if isinstance(v, dt.datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain, ensure_ascii=False).encode()).decode().rstrip("=")


def decode(cursor: str, keys: Sequence[Key]) -> list[Any]:
    """The key values of a cursor; raises Invalid when it is none of ours, or one of another list."""
    try:
        raw = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = [_instant(v["t"]) if isinstance(v, dict) else v for v in raw] if isinstance(raw, list) else []
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid.of("cursor", _("翻页标记无效，请从第一页重新开始。")) from error
    if len(values) != len(keys) or not all(_fits(k, v) for k, v in zip(keys, values, strict=True)):
        raise Invalid.of("cursor", _("翻页标记无效，请从第一页重新开始。"))
    return values


def _fits(key: Key, value: Any) -> bool:
    """Whether a value can be compared with the key's column on every database."""
    kind = key.column.type
    try:
        wanted = (kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind).python_type
    except NotImplementedError:
        wanted = str
    if issubclass(wanted, dt.datetime):
        return isinstance(value, dt.datetime) and value.tzinfo is not None
    if issubclass(wanted, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < BIGINT
    return isinstance(value, str) and not any(storable.faults(value))


def _instant(text: str) -> dt.datetime:
    """An aware time in UTC; OverflowError when it has none there, a naive one stays naive and fits no column."""
    found = dt.datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found


def after(keys: Sequence[Key], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The condition "comes after the row with these key values" in the given order."""
    clauses: list[sa.ColumnElement[bool]] = []
    equal: list[sa.ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        beyond = key.column < value if key.descending else key.column > value
        clauses.append(sa.and_(*equal, beyond))
        equal.append(key.column == value)
    # Said twice, so that the index can begin there however deep the page lies.
    first, value = keys[0], values[0]
    bound = first.column <= value if first.descending else first.column >= value
    return sa.and_(bound, sa.or_(*clauses))


def page(
    session: Session,
    statement: sa.Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    *,
    cursor: str | None,
    limit: int,
    scalars: bool = True,
) -> Page[Any]:
    """Run `statement` in the order of `keys`, at most `limit` rows after `cursor`.

    With `scalars` the items are the first entity of each row, else the rows; the key values ride along unseen.
    Raises Invalid for a cursor that is none of ours.
    """
    if cursor:
        statement = statement.where(after(keys, decode(cursor, keys)))
    order = [k.column.desc() if k.descending else k.column.asc() for k in keys]
    marks = [sa.type_coerce(k.column, k.column.type).label(f"_key{i}") for i, k in enumerate(keys)]
    rows = session.execute(statement.add_columns(*marks).order_by(*order).limit(limit + 1)).all()
    more = len(rows) > limit
    rows = rows[:limit]
    items = [row[0] for row in rows] if scalars else [row[: len(row) - len(keys)] for row in rows]
    return Page(items, encode(rows[-1][-len(keys) :]) if more else None)
