"""The live feed: GET /live sends server-sent events of what the viewer may see.

A page holds one connection. Publishers (outbox handlers, after the commit) call `hub.publish(Notice)`; a notice names
its audience by principals (`person:7`, `team:3`, `unit:12`: unit principals are the record's unit and all above it), and
a connection gets it when its viewer holds one of them *for that topic*. The feed carries hints ("ticket INC-… changed"),
no contents: the page then asks for what it shows, through the ordinary access rules. Who the viewers are is asked again
at every keep-alive, of all of them in one go, so a stream outlives neither its session nor a right by more than that.

An open page costs its task, one that waits for it to go, a queue that is empty most of the time, and one future; no timer
and no thread of its own, and no task for each notice. A page that does not read is told to ask anew once its queue is
full, and then waits for the network alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

import structlog
from flask import Flask

log = structlog.get_logger(__name__)
KEEP_ALIVE_S = 15.0
QUEUE = 64
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


@dataclass(eq=False, slots=True)
class Connection:
    """One open page. `waiting` is what its task sleeps on; `open` goes when the session ends."""

    person_id: int
    ears: Ears
    queue: asyncio.Queue[Notice | None]
    loop: asyncio.AbstractEventLoop
    cookie: str = ""
    open: bool = True
    waiting: asyncio.Future[None] | None = None

    def wake(self, _done: object = None) -> None:
        """Let its task go on. In the loop's thread only."""
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)


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
        self._hand_out(concerned)
        return len(concerned)

    def resync(self) -> None:
        """Something may have been missed: every open page asks anew."""
        self._offer_all(RESYNC)

    def close(self) -> None:
        """End every connection."""
        self._offer_all(None)

    def _offer_all(self, notice: Notice | None) -> None:
        with self.lock:
            everybody = [(connection, notice) for connection in self.connections]
        self._hand_out(everybody)

    def _hand_out(self, offers: Sequence[tuple[Connection, Notice | None]]) -> None:
        """One wake-up of each loop, however many of its pages are concerned."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Connection, Notice | None]]] = {}
        for offer in offers:
            by_loop.setdefault(offer[0].loop, []).append(offer)
        for loop, mine in by_loop.items():
            with contextlib.suppress(RuntimeError):  # its server has ended
                loop.call_soon_threadsafe(_offer_each, mine)


def _offer_each(offers: Sequence[tuple[Connection, Notice | None]]) -> None:
    for connection, notice in offers:
        _offer(connection, notice)


def _offer(connection: Connection, notice: Notice | None) -> None:
    if connection.queue.full():  # a page that does not read is told to ask anew
        while not connection.queue.empty():
            connection.queue.get_nowait()
        connection.queue.put_nowait(RESYNC)
    connection.queue.put_nowait(notice)
    connection.wake()


hub = Hub()
# app's wiring sets this: (app, cookie values) -> cookie value -> (person id, ears); a stranger's is left out
Authenticate = Callable[[Flask, Sequence[str]], Mapping[str, tuple[int, Ears]]]
AUTHENTICATOR = "taxops.live.authenticate"
# app's wiring sets this too: (app, person id, what their page shows) -> what lasts while it is open: they are there
Attend = Callable[[Flask, int, str], contextlib.AbstractContextManager[object]]
ATTENDER = "taxops.live.attend"
COOKIE = "taxops_session"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
HELLO = b"retry: 3000\nevent: hello\ndata: {}\n\n"
ALIVE = b": \n\n"


class LiveFeed:
    """The ASGI endpoint. `check_s`: seconds between two keep-alives, each of which asks who is listening."""

    def __init__(self, app: Flask, *, check_s: float = KEEP_ALIVE_S) -> None:
        self._app, self._check_s = app, check_s
        self._closing = False
        self._mine: set[Connection] = set()
        self._of_person: Counter[int] = Counter()
        self._rounds: asyncio.Task[None] | None = None

    def close(self) -> None:
        """No new connections; open ones end."""
        self._closing = True
        hub.close()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] != "GET" or self._closing:
            await _refuse(send, 405 if not self._closing else 503)
            return
        cookie = _cookie(scope)
        found = (await asyncio.to_thread(self._who, [cookie])).get(cookie)
        if found is None:
            await _refuse(send, 401)
            return
        person_id, ears = found
        if self._of_person[person_id] >= MOST_CONNECTIONS_A_PERSON:
            await _refuse(send, 429)
            return
        connection = Connection(person_id, ears, asyncio.Queue(QUEUE + 2), asyncio.get_running_loop(), cookie)
        self._enter(connection)
        with contextlib.ExitStack() as stack:
            stack.callback(self._leave, connection)
            attend: Attend | None = self._app.extensions.get(ATTENDER)
            if attend is not None and (subject := _subject(scope)):
                stack.enter_context(await asyncio.to_thread(attend, self._app, person_id, subject))
            await _stream(connection, receive, send)

    def _enter(self, connection: Connection) -> None:
        self._of_person[connection.person_id] += 1
        self._mine.add(connection)
        with hub.lock:
            hub.connections.add(connection)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.ensure_future(self._look_round())

    def _leave(self, connection: Connection) -> None:
        with hub.lock:
            hub.connections.discard(connection)
        self._mine.discard(connection)
        self._of_person[connection.person_id] -= 1
        if not self._of_person[connection.person_id]:
            del self._of_person[connection.person_id]
        if not self._mine and self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None  # it ends later: a page that comes before that needs a round of its own

    def _who(self, cookies: Sequence[str]) -> Mapping[str, tuple[int, Ears]]:
        authenticate: Authenticate | None = self._app.extensions.get(AUTHENTICATOR)
        return authenticate(self._app, cookies) if authenticate and any(cookies) else {}

    async def _look_round(self) -> None:
        """Every `check_s`: whose session still lives, what they may hear now, and a sign of life to each."""
        while True:
            await asyncio.sleep(self._check_s)
            looked_at = list(self._mine)
            try:
                found = await asyncio.to_thread(self._who, list({connection.cookie for connection in looked_at}))
            except Exception:  # who can't be asked about does not stay
                log.exception("live.who")
                found = {}
            for connection in looked_at:
                still = found.get(connection.cookie)
                if still is None or still[0] != connection.person_id:
                    connection.open = False
                else:
                    connection.ears = still[1]
                    if connection.queue.empty():
                        connection.queue.put_nowait(STILL_HERE)
                connection.wake()


def _cookie(scope: dict[str, Any]) -> str:
    cookie: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            with contextlib.suppress(Exception):
                cookie.load(value.decode("latin1"))
    morsel = cookie.get(COOKIE)
    return morsel.value if morsel else ""


def _subject(scope: dict[str, Any]) -> str:
    """What the page says it shows: `?at=ticket:INC-…`."""
    text: str = scope.get("query_string", b"").decode("latin1")
    return next((value[:80] for name, value in parse_qsl(text[:400]) if name == "at"), "")


async def _stream(connection: Connection, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    gone = asyncio.ensure_future(_until_gone(receive))
    gone.add_done_callback(connection.wake)
    try:
        await _send(send, HELLO)
        while connection.open and not gone.done():
            if connection.queue.empty():
                connection.waiting = connection.loop.create_future()
                await connection.waiting
                continue
            body, last = _taken(connection.queue)
            if body:
                await _send(send, body)
            if last:
                break
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (RuntimeError, OSError):
        return  # the page went away while we wrote
    finally:
        gone.cancel()


STILL_HERE = Notice("", "", NOBODY)


def _taken(queue: asyncio.Queue[Notice | None]) -> tuple[bytes, bool]:
    """All that waits, as one piece of the stream, and whether the feed ends after it."""
    parts: list[bytes] = []
    while not queue.empty():
        notice = queue.get_nowait()
        if notice is None:
            return b"".join(parts), True
        parts.append(ALIVE if notice is STILL_HERE else _event(notice))
    return b"".join(parts), False


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
