"""The databases a benchmark runs on: the embedded one, and a PostgreSQL of its own that flushes as in production."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.servers.base import owned_directory
from tests.servers.postgresql import PostgreSQL, ordinary_account

WANTED = os.environ.get("BENCH_DATABASES", "sqlite,postgresql").split(",")


@contextlib.contextmanager
def url(name: str, home: Path) -> Iterator[str]:
    """The URL of an empty database of this kind, gone afterwards."""
    if name == "sqlite":
        yield f"sqlite:///{home / 'taxops.db'}"
        return
    with owned_directory(ordinary_account()) as folder, PostgreSQL(folder, durable=True) as server:
        yield server.create_database()
