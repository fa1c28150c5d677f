"""A modest load that writes without pause through a fault, and a ledger of everything that was answered with success.

Each kind of request (a ticket, a comment on it, an alert) has a thread of its own that repeats a request with its key
until it is done, as a careful client does. What was refused meanwhile is kept with its words.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import sqlalchemy as sa

from core.db import make_engine
from tests.chaos.load import Answer, Client, Request
from tests.servers.base import wait_until

PAUSE_S = 0.4
KINDS = ("ticket", "comment", "alert")


@dataclass(frozen=True)
class Done:
    """A request that was answered with success. `asked`: when its last try began (monotonic seconds)."""

    kind: str
    mark: str
    asked: float
    tries: int
    number: str = ""


@dataclass
class Load:
    """Ports may be several: a broken connection goes on with the next one."""

    ports: list[int]
    token: str
    name: str = "load"
    done: list[Done] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    broken: int = 0

    def __post_init__(self) -> None:
        self._over, self._lock = threading.Event(), threading.Lock()
        self._number = ""
        self._threads = [threading.Thread(target=self._work, args=(kind,), daemon=True) for kind in KINDS]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_well("the first answers")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(40)

    # --- what tests ask
    def wait_well(self, what: str = "all to be well", *, since: float | None = None, seconds: float = 90) -> float:
        """Seconds from `since` (now) until a request of each kind, begun after it, was answered with success."""
        since = time.monotonic() if since is None else since

        def well() -> bool:
            with self._lock:
                return {each.kind for each in self.done if each.asked >= since} == set(KINDS)

        wait_until(well, what, seconds=seconds)
        return time.monotonic() - since

    def refusals(self, status: int | None = None) -> list[Answer]:
        """What was not taken, of this status or any."""
        with self._lock:
            return [each for each in self.refused if status in {None, each.status}]

    def check(self, database_url: str) -> int:
        """Everything answered is there, and exactly once; returns how much that is. Call it when the load is over."""
        engine = make_engine(database_url)
        with engine.connect() as connection:
            kept = {
                "ticket": self._marks(connection, "SELECT title FROM ticket WHERE title LIKE '%' || :name || '%'"),
                "comment": self._marks(connection, "SELECT text FROM ticket_fact WHERE text LIKE '%' || :name || '%'"),
                "alert": self._marks(connection, "SELECT summary FROM alert WHERE summary LIKE '%' || :name || '%'"),
            }
            whole = engine.dialect.name != "sqlite" or connection.scalar(sa.text("PRAGMA integrity_check")) == "ok"
        engine.dispose()
        assert whole
        assert [each for each in self.done if kept[each.kind][each.mark] == 0] == [], "answered, and lost"
        twice = {kind: {mark for mark, count in found.items() if count > 1} for kind, found in kept.items()}
        assert twice == {kind: set() for kind in KINDS}, "done more than once"
        return len(self.done)

    def _marks(self, connection: sa.Connection, question: str) -> Counter[str]:
        return Counter(str(text).split()[-1] for (text,) in connection.execute(sa.text(question), {"name": self.name}))

    # --- the threads
    def _work(self, kind: str) -> None:
        count, turn = 0, 0
        while not self._over.is_set():
            if kind == "comment" and not self._number:
                self._over.wait(0.05)
                continue
            count += 1
            mark = f"{self.name}-{kind}-{count}"
            request = self._request(kind, mark)
            while not self._over.is_set():
                asked = time.monotonic()
                answer = self._ask(self.ports[turn % len(self.ports)], request)
                if answer is not None and answer.status in {200, 201}:
                    self._note(kind, mark, asked, request, answer)
                    break
                turn += answer is None
                self._over.wait(PAUSE_S)
            self._over.wait(PAUSE_S)

    def _ask(self, port: int, request: Request) -> Answer | None:
        request.tries += 1
        try:
            with Client(port, self.token) as client:
                answer = client.call("POST", request.path, request.body, request.key)
        except (OSError, http.client.HTTPException):
            self.broken += 1
            return None
        if answer.status not in {200, 201}:
            with self._lock:
                self.refused.append(answer)
        return answer

    def _note(self, kind: str, mark: str, asked: float, request: Request, answer: Answer) -> None:
        number = str(answer.body["number"]) if kind == "ticket" else ""
        with self._lock:
            self.done.append(Done(kind, mark, asked, request.tries, number))
            self._number = number or self._number

    def _request(self, kind: str, mark: str) -> Request:
        if kind == "ticket":
            body: Any = {"kind": "incident", "title": f"打印机脱机 {mark}", "category": "desktop", "unit": "610122",
                         "reporter": "lt-clerk"}  # fmt: skip
            return Request("/tickets", body, mark)
        if kind == "comment":
            return Request(f"/tickets/{self._number}/timeline", {"text": f"留言 {mark}"}, mark)
        labels = {"alertname": "打印队列堵塞", "severity": "info", "instance": mark}
        return Request("/api/v2/alerts", [{"labels": labels, "annotations": {"summary": f"队列 {mark}"}}], mark)
