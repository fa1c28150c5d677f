"""Somebody who reports without pause, remembers every answer, and repeats what got none with the same key."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

from tests.servers.base import HOST

WAIT_S = 20
ALERTS = "/api/v2/alerts"


@dataclass(frozen=True)
class Answer:
    """What a request was answered with, and when (monotonic seconds)."""

    status: int
    body: Any
    at: float
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Request:
    """One writing request; `answer` stays None until some try of it was answered."""

    path: str
    body: dict[str, Any] | list[Any] | bytes  # bytes: a file to attach
    key: str
    answer: Answer | None = None
    tries: int = 0


class Client:
    """A keep-alive connection with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Raises OSError or HTTPException where no whole answer came."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if isinstance(body, bytes):
            headers["Content-Type"] = "multipart/form-data; boundary=limit"
        if key:
            headers["Idempotency-Key"] = key
        connection = self._connection or http.client.HTTPConnection(HOST, self._port, timeout=WAIT_S)
        self._connection = None
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, path if path.startswith("/api/") else f"/api/v1{path}", data, headers)
            with connection.getresponse() as response:  # closed also where the program dies in the middle of it
                text, said = response.read(), dict(response.headers)
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self._connection = connection
        return Answer(response.status, _read(text, said), time.monotonic(), said)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def try_once(self, request: Request) -> bool:
        """Send the request; False where the connection broke before its answer."""
        request.tries += 1
        try:
            request.answer = self.call("POST", request.path, request.body, request.key)
        except (OSError, http.client.HTTPException):
            return False
        return True


@dataclass
class Reporter(threading.Thread):
    """Opens tickets and comments on them until told to stop; what got no answer waits in `open`."""

    port: int
    token: str
    name_: str
    seed: int
    pause_s: float = 0.0
    files: bool = False
    alerts: bool = False
    unit: str = "610122"
    reporter: str = "lt-clerk"
    done: list[Request] = field(default_factory=list)
    open: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name=self.name_, daemon=True)
        self._end = threading.Event()
        self._chance = random.Random(f"{self.seed}-{self.name_}")
        self._count = 0

    def __hash__(self) -> int:
        return id(self)

    def stop(self) -> None:
        self._end.set()
        self.join(WAIT_S + 5)

    def run(self) -> None:
        with Client(self.port, self.token) as client:
            self._report(client)

    def _report(self, client: Client) -> None:
        repeats, self.open = self.open, []
        for request in repeats:
            if not self._send(client, request):
                return
        while not self._end.is_set():
            ticket = self._ticket()
            if not self._send(client, ticket):
                return
            if ticket.answer and ticket.answer.status == 201 and self._chance.random() < 0.5:
                number = ticket.answer.body["number"]
                extra = self._file if self.files and self._chance.random() < 0.4 else self._comment
                if not self._send(client, extra(number)):
                    return
            if self.alerts and self._chance.random() < 0.3 and not self._send(client, self._alert()):
                return
            self._end.wait(self.pause_s)

    def _send(self, client: Client, request: Request) -> bool:
        """One request to its answer; False when the program is gone (the request is kept to be repeated)."""
        if not client.try_once(request):
            self.open.append(request)
            return False
        assert request.answer is not None
        if request.answer.status not in {200, 201}:
            self.faults.append(f"{request.path}: {request.answer.status} {request.answer.body}")
        self.done.append(request)
        return True

    def _ticket(self) -> Request:
        self._count += 1
        mark = f"{self.seed}-{self.name_}-{self._count}"
        body = {
            "kind": "incident", "title": f"打印机脱机 {mark}", "category": "desktop", "description": f"第 {mark} 次",
            "urgency": self._chance.randint(1, 3), "unit": self.unit, "reporter": self.reporter,
        }  # fmt: skip
        return Request("/tickets", body, f"ticket-{mark}")

    def _comment(self, number: str) -> Request:
        mark = f"{self.seed}-{self.name_}-{self._count}"
        return Request(f"/tickets/{number}/timeline", {"text": f"留言 {mark}"}, f"comment-{mark}")

    def _file(self, number: str) -> Request:
        mark = f"{self.seed}-{self.name_}-{self._count}"
        head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\nContent-Type: text/plain\r\n\r\n'
        body = head + f"附件 {mark}\n".encode() * 300 + b"\r\n--limit--\r\n"
        return Request(f"/tickets/{number}/attachments", body, f"file-{mark}")

    def _alert(self) -> Request:
        mark = f"{self.seed}-{self.name_}-{self._count}"
        labels = {"alertname": "打印队列堵塞", "severity": "info", "instance": mark}
        return Request(ALERTS, [{"labels": labels, "annotations": {"summary": f"队列 {mark}"}}], f"alert-{mark}")

    def again(self) -> Reporter:
        """The same person after the program came back: first what got no answer, then on."""
        other = Reporter(
            self.port,
            self.token,
            self.name_,
            self.seed,
            self.pause_s,
            self.files,
            self.alerts,
            self.unit,
            self.reporter,
            self.done,
            self.open,
            self.faults,
        )
        other._chance, other._count = self._chance, self._count
        return other


def _read(text: bytes, headers: dict[str, str]) -> Any:
    """JSON where it says so; the words otherwise."""
    if "json" in headers.get("content-type", headers.get("Content-Type", "")):
        return json.loads(text or b"null")
    return text.decode("utf-8", "replace")


def tickets(requests: list[Request]) -> dict[str, Request]:
    """Answered tickets by number."""
    return {
        each.answer.body["number"]: each
        for each in requests
        if each.path == "/tickets" and each.answer and each.answer.status == 201
    }


def alert_of(request: Request) -> str:
    """What an alert says."""
    assert isinstance(request.body, list)
    return str(request.body[0]["annotations"]["summary"])


def comments(requests: list[Request]) -> list[Request]:
    """Answered comments."""
    return [each for each in requests if each.path.endswith("/timeline") and each.answer and each.answer.status == 201]
