"""One port: native coroutines for the live feed, Flask behind a2wsgi for everything else."""

from __future__ import annotations

from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask

from web.live import LiveFeed

Scope = dict[str, Any]


class Gateway:
    """The ASGI application that granian serves."""

    def __init__(self, app: Flask, *, threads: int) -> None:
        self._flask = WSGIMiddleware(app, workers=threads)  # type: ignore[arg-type]
        self._live = LiveFeed(app)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/live":
            await self._live(scope, receive, send)
            return

        async def body() -> Any:
            return await receive()  # granian's receive() gives a future; a2wsgi insists on a coroutine

        await self._flask(scope, body, send)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let open live connections end, so that the server can stop."""
        self._live.close()
