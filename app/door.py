"""The door of a storm: POST /api/v2/alerts answered by native coroutines, beside Flask and with the same rules behind.

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
from web.db import engine_of

log = structlog.get_logger(__name__)
Receive = Callable[[], Awaitable[Any]]
ALERTS = "/api/v2/alerts"
MOST_ALERTS = 4000
MOST_BYTES = 16 * 1024 * 1024
_HEADERS = [
    *((name.lower().encode(), value.encode()) for name, value in ALWAYS.items()),
    (b"cache-control", b"no-store"),
    (b"content-length", b"0"),
    (b"content-type", b"text/html; charset=utf-8"),
]


class Door:
    """Native intake for one application. `take` answers, or says with what the request has to be given to Flask."""

    def __init__(self, app: Flask) -> None:
        self._engine: sa.Engine = engine_of(app)
        self._tokens = KnownTokens(self._engine)
        self._book = book_of(self._engine)
        self._alerts = Writer(
            self._engine, "alerts", _write_alerts, most=MOST_ALERTS, locale=app.config["TAXOPS"].locale
        )

    def stop(self) -> None:
        """Write what waits, and what the memory knows better than the disk."""
        self._alerts.stop()
        try:
            with transaction(self._engine) as session:
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
        known = await self._who(headers.get(b"authorization", b""))
        if known is None or not known.viewer.can("alert.write"):
            return receive
        body = await _whole(receive)
        if body is None:
            return None  # whoever asked has gone
        if not await self._taken(known, body):
            return _once_more(body, receive)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
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

    async def _taken(self, known: Known, body: bytes) -> bool:
        """Whether all of it is stored (or moved in the book); nothing of it otherwise."""
        now = clock.now()
        seen: again.Seen | None = known.memory.get(again.MEMORY)
        if seen is None:
            seen = known.memory[again.MEMORY] = again.Seen()
        if self._book is not None and again.all_again(self._book, seen, body, now=now):
            return True
        try:
            incoming = wire.read(body, now=now)
        except TaxopsError:
            return False
        part = intake.Part(incoming, known.viewer)
        failed = await self._alerts.write(part, size=len(incoming))
        if failed is not None or part.refused is not None:
            return False
        if self._book is not None:
            seen.remember(body, part.entries)
        return True


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
