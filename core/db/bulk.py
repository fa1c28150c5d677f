"""Very many rows of one table at once: executemany on SQLite, COPY on PostgreSQL.

Packing (rows into what the driver takes) and writing are apart, so that other processes may pack what one writes. What
is written passes the session and its audit by: for history that is loaded, never for somebody's work.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
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

    def __init__(
        self, table: sa.Table, columns: Sequence[str], dialect: str, *, shifted: frozenset[str] = frozenset()
    ) -> None:
        self.table, self.columns, self.shifted = table.name, tuple(columns), shifted
        self.copies = dialect == "postgresql"
        self._get = operator.itemgetter(*columns)
        kinds = [table.columns[name].type for name in columns]
        self._times = [i for i, kind in enumerate(kinds) if isinstance(kind, UtcDateTime)]
        self._json = [i for i, kind in enumerate(kinds) if isinstance(kind, sa.JSON)]
        self._enums = [i for i, kind in enumerate(kinds) if isinstance(kind, EnumText)]

    def pack(self, rows: Sequence[Mapping[str, Any]], *, written: dict[int, str] | None = None) -> Packed:
        """The rows, ready to write; may be sent between processes.

        `written`: instants written out already, by identity, for tables that share them; whoever hands it over keeps
        all their rows meanwhile.
        """
        values = self._values(rows, {} if written is None else written)
        return "".join(map(_line, values)).encode() if self.copies else list(values)

    def _values(self, rows: Sequence[Mapping[str, Any]], written: dict[int, str]) -> Iterator[tuple[Any, ...]]:
        """As SQLAlchemy's own types would have handed them to the driver; column by column, which is twice as fast."""
        columns: list[Any] = list(zip(*map(self._get, rows), strict=True))
        if not columns:
            return iter(())
        write_time = _iso if self.copies else _sqlite_time
        for i in self._times:
            for at in columns[i]:
                if at is not None and id(at) not in written:
                    written[id(at)] = write_time(at)
            columns[i] = [None if at is None else written[id(at)] for at in columns[i]]
        for i in self._json:
            columns[i] = [None if one is None else msgspec.json.encode(one).decode() for one in columns[i]]
        for i in self._enums:
            columns[i] = [None if one is None else str(one) for one in columns[i]]
        return zip(*columns, strict=True)

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


def _line(values: tuple[Any, ...]) -> str:
    """A row of COPY's text format."""
    return "\t".join([_field(value) for value in values]) + "\n"


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if type(value) is str:
        if "\\" in value or "\n" in value or "\t" in value or "\r" in value:
            value = str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        return str(value)
    return ("t" if value else "f") if type(value) is bool else str(value)


def _iso(value: dt.datetime) -> str:
    return value.isoformat()


def _sqlite_time(value: dt.datetime) -> str:
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:26]
