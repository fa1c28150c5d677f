"""Word between the processes of one installation, over PostgreSQL's LISTEN/NOTIFY.

A word is a hint: whoever hears it looks into the database. None is promised to arrive; whoever lives by them also
looks from time to time, and `on_gap` is called after the line was down. What is said here is not heard here.

Words are sent from a thread of their own, not inside the transaction they tell of: a transaction that notifies takes
a lock of the whole cluster while it commits. Source: PostgreSQL 15, NOTIFY (payload below 8000 bytes).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import queue
import secrets
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core import clock
from core.bus.models import BusLetter
from core.db.engine import transaction

log = structlog.get_logger(__name__)

CHANNEL = "taxops"
LONGEST = 7900
"""Bytes of a payload; PostgreSQL takes less than 8000."""
MOST_WAITING = 10_000
LOOK_S = 1.0
AGAIN_S = 1.0
LETTERS_KEPT = dt.timedelta(minutes=10)

Hears = Callable[[str], None]


class Bus:
    """Use: hear() what is wanted, then start(); say() from any thread; stop()."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._me = secrets.token_hex(6)
        self._ears: dict[str, list[Hears]] = {}
        self._words: queue.Queue[tuple[str, str]] = queue.Queue(MOST_WAITING)
        self._stop = threading.Event()
        self._listening = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, name="bus-listen", daemon=True),
            threading.Thread(target=self._send, name="bus-send", daemon=True),
        ]
        self.on_gap: list[Callable[[], None]] = []
        """Called on the listening thread when words may have been missed."""

    def hear(self, topic: str, callback: Hears) -> None:
        """Call `callback(text)` for what other processes say; on the listening thread, so it must be quick."""
        self._ears.setdefault(topic, []).append(callback)

    def say(self, topic: str, text: str = "") -> None:
        """Tell the other processes. Never waits; what can't be sent any more is left out."""
        with contextlib.suppress(queue.Full):
            self._words.put_nowait((topic, text))

    def start(self, wait_s: float = 5.0) -> None:
        """Begin; returns when it listens, or after `wait_s` where the database is away."""
        for thread in self._threads:
            thread.start()
        self._listening.wait(wait_s)

    def stop(self) -> None:
        """Send what is waiting, and end."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5)

    @property
    def is_listening(self) -> bool:
        """Whether words are heard now."""
        return self._listening.is_set()

    # -- hearing

    def _listen(self) -> None:
        was_down = False
        while not self._stop.is_set():
            try:
                with self._connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._listening.set()
                    if was_down:
                        self._gap()
                    self._follow(connection)
            except psycopg.Error as error:
                log.warning("bus.down", error=str(error).splitlines()[0] if str(error) else type(error).__name__)
                was_down = True
                self._listening.clear()
                self._stop.wait(AGAIN_S)
        self._listening.clear()

    def _connect(self) -> psycopg.Connection[Any]:
        """A connection of its own that notices within half a minute that the other end is gone."""
        args, options = self._engine.dialect.create_connect_args(self._engine.url)
        patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        return psycopg.connect(*args, **{**options, **patience, "autocommit": True})

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stop.is_set():
            for notify in connection.notifies(timeout=LOOK_S):
                self._heard(notify.payload)
                if self._stop.is_set():
                    return

    def _heard(self, payload: str) -> None:
        try:
            origin, topic, text, letter = json.loads(payload)
        except ValueError:
            log.warning("bus.unreadable")
            return
        if origin == self._me:
            return
        if letter is not None:
            text = self._read(int(letter))
        for callback in self._ears.get(topic, ()) if text is not None else ():
            try:
                callback(text)
            except Exception:
                log.exception("bus.callback", topic=topic)

    def _read(self, letter: int) -> str | None:
        with Session(self._engine) as session:
            return session.scalar(sa.select(BusLetter.text).where(BusLetter.id == letter))

    def _gap(self) -> None:
        for callback in self.on_gap:
            try:
                callback()
            except Exception:
                log.exception("bus.gap")

    # -- saying

    def _send(self) -> None:
        while not (self._stop.is_set() and self._words.empty()):
            try:
                first = self._words.get(timeout=LOOK_S / 2)
            except queue.Empty:
                continue
            batch = dict.fromkeys([first, *self._waiting()])  # said twice is heard once
            try:
                self._notify(list(batch))
            except sa.exc.SQLAlchemyError as error:
                log.warning("bus.unsaid", words=len(batch), error=str(error).splitlines()[0])
                self._stop.wait(AGAIN_S)

    def _waiting(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < 500:  # noqa: PLR2004  one statement's worth
                found.append(self._words.get_nowait())
        return found

    def _notify(self, words: list[tuple[str, str]]) -> None:
        with transaction(self._engine) as session:
            payloads = [self._payload(session, topic, text) for topic, text in words]
            each = sa.func.unnest(sa.cast(payloads, ARRAY(sa.Text)), type_=sa.Text)
            session.execute(sa.select(sa.func.pg_notify(CHANNEL, each)))

    def _payload(self, session: Session, topic: str, text: str) -> str:
        payload = json.dumps([self._me, topic, text, None], ensure_ascii=False)
        if len(payload.encode()) <= LONGEST:
            return payload
        letter = BusLetter(text=text, at=clock.now())
        session.add(letter)
        session.flush()
        return json.dumps([self._me, topic, "", letter.id])


def purge(session: Session, *, now: dt.datetime) -> None:
    """Drop letters that everybody has read long ago."""
    session.execute(sa.delete(BusLetter).where(BusLetter.at < now - LETTERS_KEPT))
