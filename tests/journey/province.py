"""A small demo province on the real program, reached by HTTP only: its people with their tokens, its mails."""

from __future__ import annotations

import json
import shutil
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers.base import wait_until
from tests.servers.postgresql import PostgreSQL
from tests.servers.smtp import SmtpServer
from tests.servers.taxops import TaxopsServer

ROLES = (
    "county-clerk", "county-clerk-2", "county-engineer", "city-engineer", "province-engineer", "province-head",
    "vendor", "audit-admin", "integration",
)  # fmt: skip
MAIL_DOMAIN = "demo.example"


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in small letters) and decoded JSON (None where there is none)."""

    status: int
    headers: Mapping[str, str]
    json: Any


class Api:
    """The JSON API as one person."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request below /api/v1, whatever it answers."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with httpx.Client(
            trust_env=False, verify=False, timeout=20
        ) as client:  # loopback only, no certificates to read
            answer = client.request(method, f"{self._url}/api/v1{path}", content=data, headers=headers)
        return Answer(answer.status_code, _lower(answer.headers), _decoded(answer.content))

    def get(self, path: str, **query: Any) -> Any:
        """GET that must answer 200; its JSON."""
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        answer = self.ask("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.json}"
        return answer.json

    def items(self, path: str, **query: Any) -> list[Any]:
        """The items of a listing (its first page)."""
        return list(self.get(path, **query)["items"])

    def post(self, path: str, body: Any = None) -> Any:
        """POST that must succeed; its JSON."""
        answer = self.ask("POST", path, {} if body is None else body)
        assert 200 <= answer.status < 300, f"POST {path}: {answer.status} {answer.json}"
        return answer.json

    def act(self, number: str, action: str, **body: Any) -> Any:
        """An action of the state table."""
        return self.post(f"/tickets/{number}/actions/{action}", body)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode("utf-8", "replace")


@dataclass(frozen=True)
class Template:
    """A loaded demo that provinces are copied from: state folder, PostgreSQL template's name, tokens by role."""

    state: Path
    database: str | None
    people: Mapping[str, Mapping[str, str]]
    tokens: Mapping[str, str]


def make_template(home: Path, cluster: PostgreSQL | None) -> Template:
    """Load the demo at scale small and make a token for each role of ROLES."""
    made: dict[str, Any] = {}

    def fill(url: str | None) -> None:
        server = TaxopsServer(home, database_url=url)
        server.run("demo", "load", "--scale", "small")
        made["people"] = {row["role"]: row for row in server.run_json("demo", "people")}

        def token(role: str) -> str:
            login = made["people"][role]["login"]
            return str(server.run_json("token", "create", "--person", login, "--name", "journey")["token"])

        with ThreadPoolExecutor(2) as pool:
            made["tokens"] = dict(zip(ROLES, pool.map(token, ROLES), strict=True))

    name = None
    if cluster is None:
        fill(None)
    else:
        name = cluster.ensure_template("journey", fill)
    return Template(home / "state", name, made["people"], made["tokens"])


@dataclass
class Province:
    """The running program with its demo province."""

    server: TaxopsServer
    mails: SmtpServer
    people: Mapping[str, Mapping[str, str]]
    tokens: Mapping[str, str]
    _clients: dict[str, Api] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    def api(self, role: str) -> Api:
        """The API as the demo person of this role."""
        if role not in self._clients:
            self._clients[role] = Api(self.url, self.tokens[role])
        return self._clients[role]

    def login(self, role: str) -> str:
        return self.people[role]["login"]

    def password(self, role: str) -> str:
        return self.people[role]["password"]

    def mail(self, role: str) -> str:
        """The person's address."""
        return f"{self.login(role)}@{MAIL_DOMAIN}"

    def item(self, name: str, unit: str, kind: str = "server", **fields: Any) -> int:
        """A new item; its id."""
        body = {"name": name, "type": kind, "unit": unit, **fields}
        return int(self.api("integration").post("/items", body)["id"])

    def check(self, pace: Pace, **fields: Any) -> int:
        """A new check at this pace; its id."""
        return int(self.api("integration").post("/checks", {**pace.fields(), **fields})["id"])

    def state_of(self, check: int) -> str:
        return str(self.api("integration").get(f"/checks/{check}")["state"])

    def wait_for_state(self, check: int, state: str, *, seconds: float = 20.0) -> None:
        wait_until(lambda: self.state_of(check) == state, f"check {check} to be {state}", seconds=seconds, every=0.1)

    def incidents(self, item: int) -> list[Any]:
        """All tickets of an item, newest first."""
        return self.api("integration").items("/tickets", item=item)

    def wait_for_incident(self, item: int, *, since: float, within: float) -> tuple[Any, float]:
        """The item's incident and how many seconds after `since` (monotonic) it could be read."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = self.incidents(item)
            return bool(found)

        wait_until(
            there, f"an incident of item {item}", seconds=max(0.1, since + within - time.monotonic()), every=0.05
        )
        return found[0], time.monotonic() - since


@dataclass(frozen=True)
class Pace:
    """How fast a check is run, in seconds. A test states the promise of M-01 by it: see `bound`."""

    interval_s: int = 2
    retry_s: int = 1
    max_attempts: int = 2
    timeout_s: int = 1

    #: Beside the promise: the poller gathers results for 0.25 s before each delivery, two of them lie on the way to a
    #: HARD state; then intake, relay and the asking itself. Measured idle: 0.4–0.7 s; the rest is for a loaded machine.
    ALLOWANCE_S = 2.5

    def fields(self) -> dict[str, int]:
        """As the API takes it."""
        return {"interval_s": self.interval_s, "retry_s": self.retry_s, "max_attempts": self.max_attempts,
                "timeout_s": self.timeout_s}  # fmt: skip

    @property
    def bound(self) -> float:
        """Seconds from a failure to its incident: interval + (attempts − 1) × retry + each attempt's time limit."""
        promise = self.interval_s + (self.max_attempts - 1) * self.retry_s + self.max_attempts * self.timeout_s
        return promise + self.ALLOWANCE_S


@contextmanager
def running(template: Template, home: Path, cluster: PostgreSQL | None, *, tickets: int = 0) -> Iterator[Province]:
    """A province of one's own: a copy of the template, its program started, its mail server beside it.

    `tickets`: how many matters of the last half year it begins with.
    """
    shutil.copytree(template.state, home / "state", ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    url = cluster.create_database(template.database or "template0") if cluster is not None else None
    with SmtpServer() as mails:
        settings = {"TAXOPS_SMTP_URL": f"smtp://{mails.host}:{mails.port}", "TAXOPS_MAIL_FROM": f"taxops@{MAIL_DOMAIN}"}
        server = TaxopsServer(home, database_url=url, settings=settings)
        if tickets:
            server.run("demo", "load", "--scale", "small", "--tickets", str(tickets))
        try:
            server.start()
            yield Province(server, mails, template.people, template.tokens)
        finally:
            server.stop()
            if cluster is not None and url is not None:
                cluster.drop_database(url)
