"""A taxops server with the tests' small province in its database, and what its database holds afterwards."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from core import clock
from core.db import make_engine
from tests.fixtures.world import populate
from tests.servers.taxops import TaxopsServer


def settle(server: TaxopsServer, database_url: str | None = None) -> str:
    """Make the database and its people before the first start; returns a token that may report for others."""
    server.run("init")
    engine = make_engine(database_url or f"sqlite:///{server.state / 'taxops.db'}")
    populate(engine, clock.now())
    engine.dispose()
    token = server.run_json("token", "create", "--person", "integration", "--name", "chaos")["token"]
    return str(token)


@dataclass(frozen=True)
class Kept:
    """What a database holds of what was reported."""

    tickets: dict[str, str]  # number -> title
    titles: Counter[str]
    comments: Counter[str]
    alerts: Counter[str]
    files: set[str]  # SHA-256 of attachments
    whole: bool


_TICKETS = "SELECT number, title FROM ticket"
_FILES = "SELECT sha256 FROM ticket_attachment"
_ALERTS = "SELECT summary FROM alert WHERE summary LIKE '队列 %'"
_COMMENTS = "SELECT text FROM ticket_fact WHERE text LIKE '留言 %'"


def kept(database_url: str) -> Kept:
    """Read a live database (SQLite or PostgreSQL)."""
    engine = make_engine(database_url)
    with engine.connect() as connection:
        rows = [(str(number), str(title)) for number, title in connection.execute(sa.text(_TICKETS))]
        texts = [str(text) for (text,) in connection.execute(sa.text(_COMMENTS))]
        alerts = Counter(str(text) for (text,) in connection.execute(sa.text(_ALERTS)))
        files = {str(digest) for (digest,) in connection.execute(sa.text(_FILES))}
        whole = (
            engine.dialect.name != "sqlite" or connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
        )
    engine.dispose()
    return Kept(dict(rows), Counter(title for _, title in rows), Counter(texts), alerts, files, whole)


def kept_after_cut(path: Path) -> Kept | None:
    """Read SQLite files a power cut left; None where they can't be opened or are broken."""
    try:
        with sqlite3.connect(path) as database:
            if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return None
            if database.execute("PRAGMA foreign_key_check").fetchall():
                return None
            rows = database.execute(_TICKETS).fetchall()
            texts = [text for (text,) in database.execute(_COMMENTS)]
            alerts = Counter(text for (text,) in database.execute(_ALERTS))
            files = {digest for (digest,) in database.execute(_FILES)}
    except sqlite3.DatabaseError as error:
        if "no such" in str(error):  # the question is wrong, not the database
            raise
        return None
    return Kept(dict(rows), Counter(title for _, title in rows), Counter(texts), alerts, files, whole=True)
