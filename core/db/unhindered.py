"""Filling tables of PostgreSQL by the million: indexes and foreign keys are put aside, and built when all rows are there.

Keeping thirty indexes and asking fifty foreign keys row by row takes several times as long as building each once; partial
indexes stay, since they take few rows. It is one transaction, so whatever goes wrong leaves everything as it was; meanwhile
nobody else reads or writes these tables.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

MEMORY = "256MB"  # to sort an index in, of this transaction only
_INDEXES = """
    SELECT format('%%I.%%I', n.nspname, i.relname), pg_get_indexdef(x.indexrelid)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
    WHERE x.indrelid = %s::regclass AND x.indpred IS NULL
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x'))
"""
_KEYS = """
    SELECT format('%%I', conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY conname
"""
_UNIQUE = """
    SELECT format('%%I', c.conname), pg_get_constraintdef(c.oid) FROM pg_constraint c
    WHERE c.conrelid = %s::regclass AND c.contype = 'u'
    AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = c.conindid) ORDER BY c.conname
"""


@contextlib.contextmanager
def unhindered(cursor: Any, tables: Sequence[str]) -> Iterator[None]:
    """Inside it rows are written without indexes and foreign keys, but for primary keys; at its end everything is back.

    `cursor`: of psycopg, in a transaction that the caller commits afterwards. Raises its errors where rows that were
    written fit no key: then nothing of them is kept.
    """
    cursor.execute(f"SET LOCAL maintenance_work_mem = '{MEMORY}'")
    again: list[str] = []
    for table in tables:
        for query in (_KEYS, _UNIQUE):
            for name, definition in cursor.execute(query, [table]).fetchall():
                cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT {name}')
                add = f'ALTER TABLE "{table}" ADD CONSTRAINT {name} {definition}'
                again.append(add)
        for name, definition in cursor.execute(_INDEXES, [table]).fetchall():
            cursor.execute(f"DROP INDEX {name}")
            again.append(definition)
    yield
    for statement in sorted(again, key=lambda text: "FOREIGN KEY" in text):  # keys are checked by the indexes
        cursor.execute(statement)
