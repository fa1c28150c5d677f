"""The door of a storm: alerts and results of checks are taken by native coroutines, beside Flask, with the same rules behind.

Only what is clean comes through here: a known token, whole JSON that can be taken as it is. Everything else (a refusal, an
unknown sender, a fault) is handed to Flask with its body, which says what is wrong in the same words as ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.orm import Session

from accounts.signin.known import Known, KnownTokens
from app.web.authentication import token_of
from app.web.headers import ALWAYS
from core import clock
from core.db import transaction
from core.errors import TaxopsError
from monitor.alerts import jobs
from monitor.alerts.book import book_of
from monitor.am import again, intake, wire
from monitor.am.writer import Writer
from monitor.results import book as stands
from monitor.results import wire as wire_of_results
from monitor.samples.access import store_of
from web.db import engine_of

log = structlog.get_logger(__name__)
Receive = Callable[[], Awaitable[Any]]
ALERTS = "/api/v2/alerts"
RESULTS = "/api/v1/results"
NEEDS = {ALERTS: "alert.write", RESULTS: "result.write"}
MOST_ALERTS = 4000
MOST_RESULT_BYTES = 4 * 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024
_HEADERS = [
    *((name.lower().encode(), value.encode()) for name, value in ALWAYS.items()),
    (b"cache-control", b"no-store"),
]
_HTML, _JSON = (b"content-type", b"text/html; charset=utf-8"), (b"content-type", b"application/json")


class Door:
    """Native intake for one application. `take` answers, or says with what the request has to be given to Flask."""

    def __init__(self, app: Flask) -> None:
        self._engine: sa.Engine = engine_of(app)
        self._tokens = KnownTokens(self._engine)
        self._book = book_of(self._engine)
        self._app = app
        locale = app.config["TAXOPS"].locale
        self._alerts = Writer(self._engine, "alerts", _write_alerts, most=MOST_ALERTS, locale=locale)
        self._results = Writer(self._engine, "results", self._write_results, most=MOST_RESULT_BYTES, locale=locale)

    def stop(self) -> None:
        """Write what waits, and what the memory knows better than the disk."""
        self._alerts.stop()
        self._results.stop()
        try:
            with transaction(self._engine) as session:
                stands.write(session)
                while jobs.write_seen(session, clock.now()):
                    pass
        except sa.exc.SQLAlchemyError as error:  # only numbers of repeats are lost
            log.warning("door.stop", error=str(error).splitlines()[0])

    async def take(self, scope: dict[str, Any], receive: Receive, send: Any) -> Receive | None:
        """None where it was answered; otherwise what Flask is to receive from."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if b"transfer-encoding" in headers or not length.isdigit() or int(length) > MOST_BYTES:
            return receive
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
            return receive
        path = scope["path"]
        if path == RESULTS and (b"idempotency-key" in headers or scope["query_string"]):
            return receive
        known = await self._who(headers.get(b"authorization", b""))
        if known is None or not known.viewer.can(NEEDS[path]):
            return receive
        body = await _whole(receive)
        if body is None:
            return None  # whoever asked has gone
        answer = await (self._results_taken(known, body) if path == RESULTS else self._taken(known, body))
        if answer is None:
            return _once_more(body, receive)
        sent = [*_HEADERS, (b"content-length", str(len(answer)).encode()), _JSON if answer else _HTML]
        await send({"type": "http.response.start", "status": 200, "headers": sent})
        await send({"type": "http.response.body", "body": answer, "more_body": False})
        return None

    async def _who(self, header: bytes) -> Known | None:
        try:
            token = token_of(header.decode("latin-1")).encode("latin-1") if header else b""
        except (TaxopsError, UnicodeEncodeError):
            return None
        if not token:
            return None
        try:
            return self._tokens.get(token) or await self._tokens.ask(token)
        except sa.exc.SQLAlchemyError:  # the database is away: Flask says so in words
            return None

    async def _results_taken(self, known: Known, body: bytes) -> bytes | None:
        """The answer, once all of it is stored (or moved in the book); None where nothing of it was taken."""
        part = wire_of_results.Part(body, known.viewer, known.memory)
        failed = await self._results.write(part, size=len(body))
        return part.answer if failed is None else None

    def _write_results(self, session: Session, parts: Sequence[Any]) -> None:
        wire_of_results.write(session, parts, store=store_of(self._app), now=clock.now())

    async def _taken(self, known: Known, body: bytes) -> bytes | None:
        """Nothing to say, once all of it is stored (or moved in the book); None where nothing of it was taken."""
        now = clock.now()
        seen: again.Seen | None = known.memory.get(again.MEMORY)
        if seen is None:
            seen = known.memory[again.MEMORY] = again.Seen()
        if self._book is not None and again.all_again(self._book, seen, body, now=now):
            return b""
        try:
            incoming = wire.read(body, now=now)
        except TaxopsError:
            return None
        part = intake.Part(incoming, known.viewer)
        failed = await self._alerts.write(part, size=len(incoming))
        if failed is not None or part.refused is not None:
            return None
        if self._book is not None:
            seen.remember(body, part.entries)
        return b""


def _write_alerts(session: Session, parts: Sequence[Any]) -> None:
    intake.take_all(session, parts, now=clock.now())


async def _whole(receive: Receive) -> bytes | None:
    found: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        found.append(message.get("body", b""))
        if not message.get("more_body"):
            return found[0] if len(found) == 1 else b"".join(found)


def _once_more(body: bytes, receive: Receive) -> Receive:
    """The body that was read, for whoever reads it next."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Any:
        return waiting.pop() if waiting else await receive()

    return read
