"""The live feed: GET /live sends server-sent events of what the viewer may see.

A page holds one connection. Publishers (outbox handlers, after the commit) call `hub.publish(Notice)`; a notice names
its audience by principals (`person:7`, `team:3`, `unit:12`: unit principals are the record's unit and all above it), and
a connection gets it when its viewer holds one of them *for that topic*. The feed carries hints ("ticket INC-… changed"),
no contents: the page then asks for what it shows, through the ordinary access rules. Who the viewer is, is asked again at
every keep-alive, so a stream outlives neither its session nor a right by more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from flask import Flask

KEEP_ALIVE_S = 15.0
QUEUE = 256
MOST_CONNECTIONS_A_PERSON = 12


@dataclass(frozen=True)
class Notice:
    """Something changed. `topic`: ticket | alert | notice | item | delivery …; `key`: which one; `text`: for a toast."""

    topic: str
    key: str
    audience: frozenset[str]
    text: str = ""
    url: str = ""


NOBODY: frozenset[str] = frozenset()
RESYNC = Notice("resync", "", NOBODY)


@dataclass(frozen=True)
class Ears:
    """What a viewer hears. Deny by default: a topic nobody named is heard by name of the person only.

    `own`: principals heard whatever the topic. `topics`: topic → principals whose changes the viewer may read.
    `glimpses`: topic → principals of which the page learns no more than that it should look again (the wall's).
    """

    own: frozenset[str] = NOBODY
    topics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    glimpses: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def hear(self, notice: Notice) -> Notice | None:
        """The notice as this viewer may know it, or None."""
        if not notice.audience.isdisjoint(self.own | self.topics.get(notice.topic, NOBODY)):
            return notice
        if not notice.audience.isdisjoint(self.glimpses.get(notice.topic, NOBODY)):
            return Notice(notice.topic, "", NOBODY)
        return None


@dataclass(eq=False)
class Connection:
    """One open page."""

    person_id: int
    ears: Ears
    queue: asyncio.Queue[Notice | None]
    loop: asyncio.AbstractEventLoop


@dataclass
class Hub:
    """All open pages of this process. `carriers` take what is published here to the hubs of other processes."""

    connections: set[Connection] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    carriers: list[Callable[[Notice], None]] = field(default_factory=list)

    def publish(self, notice: Notice) -> int:
        """Send to everybody concerned, in whatever process; callable from any thread. Returns to how many here."""
        for carry in list(self.carriers):
            carry(notice)
        return self.deliver(notice)

    def deliver(self, notice: Notice) -> int:
        """Send to everybody concerned in this process; callable from any thread. Returns to how many."""
        with self.lock:
            concerned = [(c, heard) for c in self.connections if (heard := c.ears.hear(notice)) is not None]
        for connection, heard in concerned:
            connection.loop.call_soon_threadsafe(_offer, connection, heard)
        return len(concerned)

    def resync(self) -> None:
        """Something may have been missed: every open page asks anew."""
        self._offer_all(RESYNC)

    def close(self) -> None:
        """End every connection."""
        self._offer_all(None)

    def _offer_all(self, notice: Notice | None) -> None:
        with self.lock:
            open_now = list(self.connections)
        for connection in open_now:
            with contextlib.suppress(RuntimeError):
                connection.loop.call_soon_threadsafe(_offer, connection, notice)


def _offer(connection: Connection, notice: Notice | None) -> None:
    if connection.queue.full():  # a page that does not read is told to ask anew
        while not connection.queue.empty():
            connection.queue.get_nowait()
        connection.queue.put_nowait(RESYNC)
    connection.queue.put_nowait(notice)


hub = Hub()
# app's wiring sets this: (app, cookie value) -> (person id, ears), or None for a stranger
Authenticate = Callable[[Flask, str], tuple[int, Ears] | None]
AUTHENTICATOR = "taxops.live.authenticate"
COOKIE = "taxops_session"


class LiveFeed:
    """The ASGI endpoint. `check_s`: seconds between two keep-alives, each of which asks who is listening."""

    def __init__(self, app: Flask, *, check_s: float = KEEP_ALIVE_S) -> None:
        self._app, self._check_s = app, check_s
        self._closing = False

    def close(self) -> None:
        """No new connections; open ones end."""
        self._closing = True
        hub.close()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] != "GET" or self._closing:
            await _refuse(send, 405 if not self._closing else 503)
            return
        found = await asyncio.to_thread(self._who, scope)
        if found is None:
            await _refuse(send, 401)
            return
        person_id, ears = found
        loop = asyncio.get_running_loop()
        connection = Connection(person_id, ears, asyncio.Queue(QUEUE + 2), loop)
        with hub.lock:
            if sum(c.person_id == person_id for c in hub.connections) >= MOST_CONNECTIONS_A_PERSON:
                refused = True
            else:
                refused = False
                hub.connections.add(connection)
        if refused:
            await _refuse(send, 429)
            return
        try:
            await self._stream(connection, scope, receive, send)
        finally:
            with hub.lock:
                hub.connections.discard(connection)

    def _who(self, scope: dict[str, Any]) -> tuple[int, Ears] | None:
        cookie: SimpleCookie = SimpleCookie()
        for name, value in scope["headers"]:
            if name == b"cookie":
                with contextlib.suppress(Exception):
                    cookie.load(value.decode("latin1"))
        morsel = cookie.get(COOKIE)
        authenticate: Authenticate | None = self._app.extensions.get(AUTHENTICATOR)
        return authenticate(self._app, morsel.value) if morsel and authenticate else None

    async def _still_in(self, connection: Connection, scope: dict[str, Any]) -> bool:
        """Whether the session still lives; what it may hear is renewed with it."""
        found = await asyncio.to_thread(self._who, scope)
        if found is None or found[0] != connection.person_id:
            return False
        connection.ears = found[1]
        return True

    async def _stream(self, connection: Connection, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-store"),
                    (b"x-accel-buffering", b"no"),
                ],
            }
        )
        await _send(send, b"retry: 3000\nevent: hello\ndata: {}\n\n")
        gone = asyncio.ensure_future(_until_gone(receive))
        look_at = connection.loop.time() + self._check_s
        try:
            while not gone.done():
                notice = await _next(connection.queue, gone, look_at - connection.loop.time())
                if connection.loop.time() >= look_at:  # by the clock: a busy feed is looked at just as often
                    if not await self._still_in(connection, scope):
                        break
                    look_at = connection.loop.time() + self._check_s
                    await _send(send, b": \n\n")
                if notice is CLOSED:
                    break
                if isinstance(notice, Notice):
                    await _send(send, _event(notice))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (RuntimeError, OSError):
            return  # the page went away while we wrote
        finally:
            gone.cancel()


CLOSED = object()


async def _next(queue: asyncio.Queue[Notice | None], gone: asyncio.Future[Any], seconds: float) -> object:
    """The next notice; CLOSED where the feed ends; None where the page went or the time passed."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(queue.get())
    done, _pending = await asyncio.wait({waiting, gone}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    if waiting not in done:
        waiting.cancel()  # before anything else is awaited, so that no notice is taken and lost
        return None
    return waiting.result() or CLOSED


def _event(notice: Notice) -> bytes:
    data = {"topic": notice.topic, "key": notice.key, "text": notice.text, "url": notice.url}
    return f"event: change\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Any, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(send: Any, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
