"""How long a slow client is waited for: not in one of the few threads that make pages.

A request's body is gathered on the event loop before a thread is asked, and an answer that nobody reads is given up; so
a handful of connections that send or read a byte a minute can't stop everybody else (slow-loris, R.U.D.Y., slow read).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import IO, Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class TooSlowError(Exception):
    """The body did not come in time."""


class TooLargeError(Exception):
    """The body is more than is taken from anybody."""


class Patient:
    """ASGI middleware. `grace_s`: seconds every body may take, and an answer may stand still; beyond that a body must
    come at `least_rate` bytes a second; `most` bytes is the largest."""

    def __init__(
        self, application: Application, *, most: int, grace_s: float = 20.0, least_rate: float = 4000.0
    ) -> None:
        self._application, self._most = application, most
        self._grace_s, self._least_rate = grace_s, least_rate

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer, or say 408 or 413 in the application's place."""
        sending = _Giving(send, self._grace_s)
        if scope["type"] != "http" or (scope["method"] in WITHOUT_BODY and not _announces_body(scope)):
            await self._application(scope, receive, sending)
            return
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as kept:
            try:
                await self._gather(receive, kept)
            except TooSlowError:
                await _refuse(sending, 408, b"Request Timeout\n")
                return
            except TooLargeError:
                await _refuse(sending, 413, b"Content Too Large\n")
                return
            kept.seek(0)
            await self._application(scope, _replayed(kept, receive), sending)

    async def _gather(self, receive: Receive, kept: IO[bytes]) -> None:
        began, size = time.monotonic(), 0
        while True:
            left = began + self._grace_s + size / self._least_rate - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError from None
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > self._most:
                raise TooLargeError
            kept.write(piece)
            if not message.get("more_body", False):  # also when the client has gone
                return


class _Giving:
    """Sends; what stands still for too long is given up, and what follows is thrown away."""

    def __init__(self, send: Send, patience_s: float) -> None:
        self._send, self._patience_s = send, patience_s
        self._given_up = False

    async def __call__(self, message: Message) -> None:
        if self._given_up:
            return
        try:
            async with asyncio.timeout(self._patience_s):
                await self._send(message)
        except TimeoutError:
            self._given_up = True


def _announces_body(scope: dict[str, Any]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )


def _replayed(kept: IO[bytes], receive: Receive) -> Receive:
    done = False

    async def again() -> Message:
        nonlocal done
        if done:
            return await receive()
        piece = kept.read(PIECE)
        done = len(piece) < PIECE
        return {"type": "http.request", "body": piece, "more_body": not done}

    return again


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"connection", b"close"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})
