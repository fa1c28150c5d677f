"""PostgreSQL: one cluster a test session, a database for each test, copied from a template."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.base import HOST, SERVER_PATH, Daemon, require_program, wait_until

SUPERUSER = "taxops"
_BINARIES = "/usr/lib/postgresql/*/bin/"


def _program(name: str) -> str:
    return require_program(name, globs=(_BINARIES + name,))


def ordinary_account() -> str | None:
    """The account PostgreSQL runs as where this process is root, which it refuses; None is this process's own."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


class PostgreSQL(Daemon):
    """A private cluster. `home` must be reachable by ordinary_account(): see base.owned_directory."""

    name = "postgresql"
    start_seconds = 40.0

    def __init__(self, home: Path, *, port: int | None = None, durable: bool = False) -> None:
        """Without `durable` nothing is flushed to disk: fast, and nobody pulls the plug on a test."""
        super().__init__(home, port=port)
        self.durable = durable
        self._numbers = itertools.count(1)
        self._account = ordinary_account()
        self.data = home / "data"
        if not (self.data / "PG_VERSION").exists():
            self._init()

    def user(self) -> str | None:
        return self._account

    def _init(self) -> None:
        command = [_program("initdb"), "-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                   "--locale=C.UTF-8", "--no-sync"]  # fmt: skip
        done = subprocess.run(
            command, user=self._account, group=self._account, extra_groups=[] if self._account else None, cwd=self.home,
            env={"PATH": SERVER_PATH, "LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": str(self.home),
            "max_connections": "80", "shared_buffers": "64MB", "logging_collector": "off", "timezone": "UTC",
        }  # fmt: skip
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
        options = itertools.chain.from_iterable(("-c", f"{name}={value}") for name, value in settings.items())
        return [_program("postgres"), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        try:
            with self.connect():
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, seconds: float = 15.0) -> int | None:
        """Fast shutdown: sessions are ended, nothing is awaited."""
        return self._end(signal.SIGINT, seconds)

    def kill9(self) -> None:
        """SIGKILL the postmaster and wait until its children have noticed, so that the data can be opened again."""
        super().kill9()
        pid_file = self.data / "postmaster.pid"
        wait_until(lambda: not _has_processes(self.data), "postgresql's children to end")
        pid_file.unlink(missing_ok=True)

    # --- databases
    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection in autocommit mode as superuser."""
        return psycopg.connect(
            host=HOST, port=self.port, user=SUPERUSER, dbname=database, autocommit=True, connect_timeout=3
        )

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database (driver psycopg 3)."""
        return f"postgresql+psycopg://{SUPERUSER}@{HOST}:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """Make a new database, copied from the template (which nobody may be connected to); returns its URL."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return self.url(name)

    def ensure_template(self, name: str, fill: Callable[[str], None]) -> str:
        """Make the template database `name` once, filled by `fill(url)`; returns the name for create_database()."""
        with self.connect() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return name
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            fill(self.url(name))
        except BaseException:
            self.drop_database(self.url(name))
            raise
        return name

    def drop_database(self, url: str) -> None:
        """Drop a database made by create_database(), ending its sessions."""
        name = url.rsplit("/", 1)[-1]
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _has_processes(data: Path) -> bool:
    """Whether a server process still works in the data directory (they all have it as working directory)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == data:
                    return True
            except OSError:
                continue
    return False


def remove(home: Path) -> None:
    """Remove a stopped cluster's files."""
    shutil.rmtree(home, ignore_errors=True)
