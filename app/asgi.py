"""One port: native coroutines for the live feed, alerts and results, Flask behind a2wsgi for everything else."""

from __future__ import annotations

from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask

from app.door import NEEDS, Door
from app.web.patience import Patient
from web.live import LiveFeed

MOST_SENT = 65 * 1024 * 1024  # Flask itself says no above 64 MiB, in words
Scope = dict[str, Any]
LIVE = "/live"
READY = "/readyz"
MAY_RETRY = b"x-taxops-retry"
"""A proxy in front sets it on requests that it will give to another process if this one answers 503."""


class Gateway:
    """The ASGI application that granian serves. `paths`: the beginnings of what this process's role answers."""

    def __init__(self, app: Flask, *, threads: int, paths: tuple[str, ...] = ("/",)) -> None:
        flask: Any = WSGIMiddleware(app, workers=threads)  # type: ignore[arg-type]
        self._flask = Patient(flask, most=MOST_SENT)
        self._live = LiveFeed(app)
        self._paths = paths
        self._is_ready = True
        self._turns_away = False
        self._door = Door(app)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (status := self._refused(scope)):
            await _answer(send, *status)
            return
        if scope["type"] == "http" and scope["path"] == LIVE:
            await self._live(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in NEEDS:
            left = await self._door.take(scope, receive, send)
            if left is None:
                return
            receive = left

        async def body() -> Any:
            return await receive()  # granian's receive() gives a future; a2wsgi insists on a coroutine

        await self._flask(scope, body, send)

    def _refused(self, scope: Scope) -> tuple[int, bytes] | None:
        if not scope["path"].startswith(self._paths):
            return 404, b"not served by this role\n"
        if not self._is_ready and scope["path"] == READY:
            return 503, b"leaving\n"
        if self._turns_away and any(name == MAY_RETRY for name, _value in scope["headers"]):
            return 503, b"leaving\n"
        return None

    def leave(self) -> None:
        """This process is about to end: it is not ready any more, and serves all the same."""
        self._is_ready = False

    def turn_away(self) -> None:
        """Whoever can ask another process is told to; the others are served."""
        self._turns_away = True

    def close(self) -> None:
        """Let open live connections end, so that the server can stop."""
        self._live.close()

    def end(self) -> None:
        """Nothing is served any more: what waits is written."""
        self._door.stop()


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
