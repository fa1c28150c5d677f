"""The database's part of a backup: SQLite by its own online copy, PostgreSQL by pg_dump in one snapshot.

Both copies are of one instant, while the program goes on writing.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from app.backup.archive import BackupError
from core.db.base import Base
from core.db.engine import READ_ONLY, SQLITE_BUSY_SECONDS

_STEP_PAGES = 4096
Told = Callable[[int, int], None]  # done, of how many


@dataclass(frozen=True)
class Copied:
    """What was copied: the schema's revision, rows by table, and the hashes of the attachments it knows."""

    revision: str
    tables: dict[str, int]
    attachments: list[str]


class DatabaseCopy(Protocol):
    """The same for both kinds of database."""

    kind: str

    def size(self) -> int:
        """Bytes a copy may take."""

    def save(self, target: Path, told: Told) -> Copied:
        """Write a copy of one instant to `target`. Raises BackupError with what to mend."""

    def is_empty(self) -> bool:
        """Whether nothing would be overwritten."""

    def load(self, source: Path) -> None:
        """Put a copy in place, whole or not at all. Raises BackupError."""


def of(engine: sa.Engine) -> DatabaseCopy:
    """How this database is copied."""
    return SqliteCopy(engine) if engine.dialect.name == "sqlite" else PostgresqlCopy(engine)


def _facts(connection: sa.Connection) -> Copied:
    there = set(sa.inspect(connection).get_table_names())
    revision = (
        connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if "alembic_version" in there else None
    )
    if revision is None:
        raise BackupError("the database is empty: there is nothing to back up (taxops init makes one)")
    tables = {
        table.name: int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
        for table in Base.metadata.sorted_tables
        if table.name in there
    }
    hashes = connection.scalars(sa.text("SELECT DISTINCT sha256 FROM ticket_attachment ORDER BY sha256"))
    return Copied(str(revision), tables, list(hashes))


class SqliteCopy:
    """A file; copied page by page out of one read transaction, so that writers neither wait nor get in."""

    kind = "sqlite"

    def __init__(self, engine: sa.Engine) -> None:
        self._path = Path(engine.url.database or "")

    def size(self) -> int:
        """Bytes of the file and its log."""
        parts = (self._path, Path(f"{self._path}-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def save(self, target: Path, told: Told) -> Copied:
        """See DatabaseCopy."""
        if not self._path.exists():
            raise BackupError(f"{self._path} does not exist: is TAXOPS_HOME the one of the running program?")
        with (
            contextlib.closing(
                sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=SQLITE_BUSY_SECONDS)
            ) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.isolation_level = None
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on the snapshot is held
            source.backup(copy, pages=_STEP_PAGES, progress=lambda _s, left, total: told(total - left, total), sleep=0)
            copy.execute("PRAGMA journal_mode=DELETE")
        engine = sa.create_engine(f"sqlite:///{target}")
        try:
            with engine.connect() as connection:
                return _facts(connection)
        finally:
            engine.dispose()

    def is_empty(self) -> bool:
        """No file, or one without a table."""
        if not self._path.exists():
            return True
        with contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as found:
            return not found.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]

    def load(self, source: Path) -> None:
        """See DatabaseCopy: judged first, then moved to its place."""
        with contextlib.closing(sqlite3.connect(source)) as copy:
            (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
            broken = copy.execute("PRAGMA foreign_key_check").fetchone()
        if verdict != "ok" or broken:
            raise BackupError(f"the database in the backup is damaged ({verdict}, {broken}): use another copy")
        for leftover in ("-wal", "-shm"):
            Path(f"{self._path}{leftover}").unlink(missing_ok=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, self._path)


class PostgresqlCopy:
    """A server; pg_dump reads the snapshot in which the rows are counted."""

    kind = "postgresql"

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def size(self) -> int:
        """Bytes of the database on its server; the archive is smaller."""
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)

    def save(self, target: Path, told: Told) -> Copied:
        """See DatabaseCopy."""
        reader = self._engine.execution_options(**{READ_ONLY: True}, isolation_level="REPEATABLE READ")
        with reader.connect() as connection:
            snapshot = connection.scalar(sa.text("SELECT pg_export_snapshot()"))
            found = _facts(connection)
            self._run("pg_dump", target.parent, "--format=custom", "--compress=0", "--no-owner", "--no-privileges",
                      f"--snapshot={snapshot}", f"--file={target}")  # fmt: skip
        told(1, 1)
        return found

    def is_empty(self) -> bool:
        """No table at all."""
        with self._engine.connect() as connection:
            return not sa.inspect(connection).get_table_names()

    def load(self, source: Path) -> None:
        """See DatabaseCopy: one transaction."""
        self._run("pg_restore", source.parent, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
                  str(source))  # fmt: skip

    def _run(self, program: str, folder: Path, *arguments: str) -> None:
        if shutil.which(program) is None:
            raise BackupError(
                f"{program} is missing: install PostgreSQL's client programs (Debian: apt install postgresql-client)"
            )
        with self._address(folder) as address:
            done = subprocess.run(  # noqa: S603  the program's name is ours, its arguments are no shell's
                [program, f"--dbname={address}", *arguments],
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        if done.returncode:
            raise BackupError(f"{program}: " + " ".join(done.stderr.split())[:1500])

    @contextlib.contextmanager
    def _address(self, folder: Path) -> Iterator[str]:
        """The address for PostgreSQL's programs: the password in a file, never on a command line that everybody can list."""
        url = self._engine.url.set(drivername="postgresql")
        secret = folder / "pgpass"
        secret.touch(mode=0o600)
        password = (str(url.password) if url.password else "").replace("\\", "\\\\").replace(":", "\\:")
        secret.write_text(f"*:*:*:*:{password}\n", encoding="utf-8")
        try:
            yield (
                url.set(password=None)
                .update_query_dict({"passfile": str(secret)})
                .render_as_string(hide_password=False)
            )
        finally:
            secret.unlink()
