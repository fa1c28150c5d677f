"""An installation of several processes, as its administrator starts it: roles on one PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from tests.servers.base import free_port, wait_until
from tests.servers.nursery import Nursery
from tests.servers.taxops import TaxopsServer


class Installation:
    """Processes of one installation. Each has a home of its own (as on machines of their own), one secret, one database."""

    def __init__(
        self, home: Path, database_url: str, settings: Mapping[str, str] | None = None, nursery: Nursery | None = None
    ) -> None:
        self.home, self.database_url = home, database_url
        self.settings = {"TAXOPS_SECRET_KEY": "installation-of-several-processes", **(settings or {})}
        self.processes: list[TaxopsServer] = []
        self._nursery = nursery

    def add(self, role: str, name: str = "", **settings: str) -> TaxopsServer:
        """One more process of a role, not started."""
        number = sum(role in p.home.name for p in self.processes) + 1
        server = TaxopsServer(
            self.home / (name or f"{role}-{number}"), port=free_port(), database_url=self.database_url,
            settings={**self.settings, **settings}, arguments=("--role", role), nursery=self._nursery,
        )  # fmt: skip
        server.name = f"taxops-{role}-{number}"
        self.processes.append(server)
        return server

    def start(self) -> None:
        """Start what does not run, all at once."""
        new = [process for process in self.processes if not process.alive()]
        for process in new:
            process.launch()
        for process in new:
            wait_until(process._ready_or_dead, f"{process.name} to start", seconds=process.start_seconds)

    def stop(self) -> list[int | None]:
        """Stop all at once; exit codes in the order they were added."""
        with ThreadPoolExecutor(max(1, len(self.processes))) as pool:
            return list(pool.map(lambda process: process.stop(40), self.processes))

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Rows from the database."""
        with contextlib.closing(self._connect()) as connection:
            return connection.execute(sql, values).fetchall()  # type: ignore[arg-type]

    def tell(self, sql: str, *values: object) -> None:
        """Change something in the database."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute(sql, values)  # type: ignore[arg-type]

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.database_url.replace("postgresql+psycopg", "postgresql"), autocommit=True)

    def holder(self, lease: str) -> str | None:
        """Who holds a lease now."""
        rows = self.ask("SELECT holder FROM lease WHERE name = %s AND until > clock_timestamp()", lease)
        return str(rows[0][0]) if rows else None

    def leader(self) -> TaxopsServer:
        """The process that has the schedule."""
        wait_until(lambda: self.holder("schedule"), "somebody to have the schedule", seconds=40)
        holder = self.holder("schedule")
        return next(p for p in self.processes if p.alive() and self.name_of(p) == holder)

    def name_of(self, process: TaxopsServer) -> str:
        """The name a process takes in leases; its home makes it its own."""
        import socket
        import zlib

        home = zlib.crc32(str(process.state.resolve()).encode()) & 0xFFFF
        return f"{socket.gethostname()[:60]}:{home:04x}:{process._arguments[1]}-1"
