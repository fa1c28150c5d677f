"""Very many rows of one table at once: executemany on SQLite, COPY on PostgreSQL.

Packing (rows into what the driver takes) and writing are apart, so that other processes may pack what one writes. What
is written passes the session and its audit by: for history that is loaded, never for somebody's work.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa

from core.clock import UTC
from core.db.base import EnumText, UtcDateTime

Packed = list[tuple[Any, ...]] | bytes
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Packer:
    """Rows (dicts of column name → Python value) of `table` into what its database takes.

    `columns`: those given in every row, all others take the database's default. `shifted`: integer columns to which
    `write` may add an offset, for ids that were counted before it was known where counting starts.
    """

    def __init__(self, table: sa.Table, columns: Sequence[str], dialect: str, *, shifted: frozenset[str] = frozenset()):
        self.table, self.columns, self.shifted = table.name, tuple(columns), shifted
        self.copies = dialect == "postgresql"
        make = _text_of if self.copies else _value_of
        self._plan = [(name, make(table.columns[name].type)) for name in columns]

    def pack(self, rows: Iterable[Mapping[str, Any]]) -> Packed:
        """The rows, ready to write; may be sent between processes."""
        if not self.copies:
            return [tuple(to(row[name]) for name, to in self._plan) for row in rows]
        plan = self._plan
        return "".join("\t".join([to(row[name]) for name, to in plan]) + "\n" for row in rows).encode()

    def write(self, cursor: Any, packed: Packed, *, offset: int = 0) -> None:
        """Write through a cursor of the driver; the caller owns the transaction. PostgreSQL takes no `offset`."""
        if not packed:
            return
        names = ", ".join(f'"{name}"' for name in self.columns)
        if self.copies:
            if offset:
                raise ValueError("ids are set aside beforehand on PostgreSQL")
            with cursor.copy(f'COPY "{self.table}" ({names}) FROM STDIN') as copy:
                copy.write(packed)
            return
        marks = ", ".join(f"?+{int(offset)}" if offset and name in self.shifted else "?" for name in self.columns)
        cursor.executemany(f'INSERT INTO "{self.table}" ({names}) VALUES ({marks})', packed)  # noqa: S608  own names


def _same(value: Any) -> Any:
    return value


def _value_of(kind: Any) -> Callable[[Any], Any]:
    """What sqlite3 takes, as SQLAlchemy's own types would have made it."""
    if isinstance(kind, UtcDateTime):
        return _sqlite_time
    if isinstance(kind, EnumText):
        return _plain_text
    if isinstance(kind, sa.JSON):
        return _json
    return _same


def _text_of(kind: Any) -> Callable[[Any], str]:
    """A field of COPY's text format."""
    if isinstance(kind, UtcDateTime):
        return lambda value: "\\N" if value is None else str(value.isoformat())
    if isinstance(kind, sa.JSON):
        return lambda value: "\\N" if value is None else _escaped(json.dumps(value))
    if isinstance(kind, sa.String | EnumText):
        return lambda value: "\\N" if value is None else _escaped(str(value))
    return _number_text


def _number_text(value: Any) -> str:
    if value is None:
        return "\\N"
    return ("t" if value else "f") if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if "\\" in text or "\n" in text or "\t" in text or "\r" in text else text


def _sqlite_time(value: dt.datetime | None) -> str | None:
    if value is None:
        return None
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:26]


def _plain_text(value: Any) -> str | None:
    return None if value is None else str(value.value if isinstance(value, Enum) else value)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)
