"""Who else has the same thing open, and who writes there just now (T-13).

A page's live connection says what it shows (`/live?at=ticket:INC-…`): the connection is the presence and ends with it.
Each process tells the others of its own pages, and says all of it again from time to time, so that a process that was
killed takes its people with it within FRESH_S. Nothing of this is stored; a page that hears of a change asks for the names
by the ordinary rules.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from web.live import Notice, hub

FRESH_S = 15.0
"""What another process said and did not say again for so long is over."""
REPEAT_S = 5.0
WRITING_S = 8.0
"""Somebody is shown as writing for so long after a key was pressed."""
TOPIC = "presence"

Who = tuple[int, str]
Pages = dict[str, list[Who]]


@dataclass(frozen=True)
class Here:
    """Somebody who has it open."""

    person_id: int
    name: str
    writing: bool


@dataclass
class _Process:
    heard_at: float
    pages: Pages


@dataclass
class Presence:
    """What this process knows; callable from any thread. `carriers` take its words to the other processes."""

    now: Callable[[], float] = time.monotonic
    carriers: list[Callable[[str], None]] = field(default_factory=list)
    _me: str = field(default_factory=lambda: secrets.token_hex(6))
    _mine: dict[str, Counter[Who]] = field(default_factory=dict)
    _others: dict[str, _Process] = field(default_factory=dict)
    _writing: dict[tuple[str, int], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, subject: str, who: Who) -> None:
        """A page of `who` shows `subject` now."""
        with self._lock:
            self._mine.setdefault(subject, Counter())[who] += 1
        self._moved(subject)

    def leave(self, subject: str, who: Who) -> None:
        """That page is gone."""
        with self._lock:
            pages = self._mine.get(subject, Counter())
            pages[who] -= 1
            self._mine[subject] = +pages
            if not self._mine[subject]:
                del self._mine[subject]
            self._writing.pop((subject, who[0]), None)
        self._moved(subject)

    @contextlib.contextmanager
    def stays(self, subject: str, who: Who) -> Iterator[None]:
        """They are there while this lasts."""
        self.enter(subject, who)
        try:
            yield
        finally:
            self.leave(subject, who)

    def writes(self, subject: str, person_id: int) -> None:
        """A key was pressed there."""
        self._carry("writes", {subject: [(person_id, "")]})
        self._note_writing(subject, person_id)

    def here(self, subject: str) -> list[Here]:
        """Everybody who has it open, in whatever process, by name."""
        now = self.now()
        with self._lock:
            found = set(self._mine.get(subject, ()))
            for process in self._others.values():
                if now - process.heard_at < FRESH_S:
                    found.update(process.pages.get(subject, ()))
            writing = {person for (at, person), until in self._writing.items() if at == subject and until > now}
        return [Here(i, name, i in writing) for i, name in sorted(found, key=lambda who: (who[1], who[0]))]

    def repeat(self) -> None:
        """Say all of one's own again, and let go of processes that did not. Every REPEAT_S."""
        now = self.now()
        with self._lock:
            gone = [key for key, process in self._others.items() if now - process.heard_at >= FRESH_S]
            left = [subject for key in gone for subject in self._others.pop(key).pages]
            self._writing = {key: until for key, until in self._writing.items() if until > now}
            mine = {subject: list(pages) for subject, pages in self._mine.items()}
        if mine:
            self._carry("all", mine)
        self._tell(left)

    def heard(self, word: str) -> None:
        """What another process carried here."""
        what, process, pages = msgspec.json.decode(word, type=tuple[str, str, Pages])
        if process == self._me:
            return
        if what == "writes":
            for subject, people in pages.items():
                for person_id, _name in people:
                    self._note_writing(subject, person_id)
            return
        with self._lock:
            known = self._others.setdefault(process, _Process(0.0, {}))
            before = dict(known.pages)
            known.heard_at = self.now()
            known.pages = pages if what == "all" else {**before, **pages}
            known.pages = {subject: people for subject, people in known.pages.items() if people}
            moved = [s for s in {*before, *pages} if before.get(s) != known.pages.get(s)]
        self._tell(moved)

    def _note_writing(self, subject: str, person_id: int) -> None:
        with self._lock:
            now = self.now()
            before = self._writing.get((subject, person_id), 0.0)
            self._writing = {key: until for key, until in self._writing.items() if until > now}  # nobody else may
            self._writing[subject, person_id] = now + WRITING_S
        if before <= now:
            self._tell([subject])

    def _moved(self, subject: str) -> None:
        with self._lock:
            pages = {subject: list(self._mine.get(subject, ()))}
        self._carry("some", pages)
        self._tell([subject])

    def _carry(self, what: str, pages: Pages) -> None:
        word = msgspec.json.encode([what, self._me, pages]).decode()
        for carry in list(self.carriers):
            carry(word)

    def _tell(self, subjects: Iterable[str]) -> None:
        """The pages of this process that show one of them ask anew; other processes tell their own."""
        for subject in subjects:
            audience = frozenset(f"person:{each.person_id}" for each in self.here(subject))
            if audience:
                hub.deliver(Notice(TOPIC, subject, audience))


presence = Presence()
