"""A whole installation behind nginx: live pages across processes, rights withdrawn everywhere, restarts nobody notices."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import Grant, Person, SignInSession
from accounts.signin import rules
from accounts.signin import service as signin
from core import clock
from core.db import make_engine, transaction
from tests.fixtures.world import World, as_world
from tests.servers.base import HOST, wait_until
from tests.servers.installation import Installation
from tests.servers.proxy import Proxy
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
TICKET = {"kind": "incident", "category": "desktop"}


@dataclass
class Site:
    """The installation, its proxy, and the small province in its database."""

    installation: Installation
    web: list[TaxopsServer]
    live: list[TaxopsServer]
    proxy: Proxy
    world: World

    def token(self, login: str) -> str:
        with transaction(self.world.engine) as session:
            person = session.get_one(Person, self.world.people[login])
            return signin.create_token(
                session, person=person, name=f"test {time.monotonic()}", scopes=[], expires_at=None, now=clock.now()
            )[1]

    def cookie(self, login: str) -> str:
        token, now = rules.new_token(), clock.now()
        with transaction(self.world.engine) as session:
            session.add(
                SignInSession(
                    token_hash=rules.token_hash(token),
                    person_id=self.world.people[login],
                    created_at=now,
                    last_seen_at=now,
                    address=HOST,
                    user_agent="test",
                    endless=False,
                )
            )
        return f"taxops_session={token}"


@pytest.fixture(scope="module")
def site(make_installation: Callable[..., Installation], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two web, two live and one worker process behind nginx, without a broker."""
    installation = make_installation(TAXOPS_LEAVE_S="6", TAXOPS_TRUSTED_PROXIES=HOST)
    web, live = ([installation.add(role) for _ in range(2)] for role in ("web", "live"))
    installation.add("worker")
    installation.start()
    engine = make_engine(installation.database_url)
    home: Path = tmp_path_factory.mktemp("proxy")
    with Proxy(home, web, live) as proxy:
        yield Site(installation, web, live, proxy, as_world(engine))
    engine.dispose()
    assert installation.stop() == [0] * 5


def ask(port: int, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, str]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        data = None if body is None else json.dumps(body)
        more = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, body=data, headers={**headers, **more})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_role_answers_only_what_is_its_own(site: Site) -> None:
    live, worker = site.live[0], site.installation.processes[-1]
    assert ask(live.port, "GET", "/login", {})[0] == 404
    assert ask(live.port, "GET", "/live", {})[0] == 401
    assert ask(worker.port, "GET", "/live", {})[0] == 404
    for process in (*site.web, live, worker):
        assert ask(process.port, "GET", "/healthz", {})[0] == 200
    assert ask(site.proxy.port, "GET", "/metrics", {})[0] == 404, "each process has its own"


class Page(threading.Thread):
    """One browser's /live connection through the proxy or to a process."""

    def __init__(self, port: int, cookie: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)
        self._connection.request("GET", "/live", headers={"Cookie": cookie})
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self.lines: list[str] = []

    def leave(self) -> None:
        """Close the page."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self._answer.close()
        self._connection.close()
        self._socket.close()

    def run(self) -> None:
        while line := self._answer.readline():
            self.lines.append(line.decode())

    def heard(self, key: str) -> bool:
        return any(f'"key": "{key}"' in line for line in self.lines)


def test_what_one_process_records_reaches_the_pages_connected_to_all_others(site: Site) -> None:
    cookie, token = site.cookie("lt-engineer"), site.token("lt-engineer")
    pages = [Page(process.port, cookie) for process in (*site.live, *site.web, site.proxy)]
    for page in pages:
        page.start()
    body = {**TICKET, "title": "打印机脱机", "unit": "610122"}
    status, answer = ask(site.proxy.port, "POST", "/api/v1/tickets", {"Authorization": f"Bearer {token}"}, body)
    assert status == 201, answer
    number = json.loads(answer)["number"]
    wait_until(lambda: all(page.heard(number) for page in pages), f"{number} to be heard everywhere", seconds=30)
    for page in pages:
        page.leave()


def test_what_is_withdrawn_is_refused_by_every_process_at_once(site: Site) -> None:
    session_cookie, token = site.cookie("lt-head"), site.token("lt-head")
    by_token, by_cookie = {"Authorization": f"Bearer {token}"}, {"Cookie": session_cookie}

    def answers(path: str, headers: dict[str, str]) -> set[int]:
        return {ask(process.port, "GET", path, headers)[0] for process in site.web for _ in range(2)}

    assert answers("/api/v1/tickets", by_token) == {200}
    assert answers("/desk/mine", by_cookie) == {200}
    with transaction(site.world.engine) as session:
        mine = sa.select(Grant).where(Grant.person_id == site.world.people["lt-head"])
        for grant in session.scalars(mine).all():
            service.revoke(session, grant.id, now=clock.now())
    wait_until(lambda: answers("/api/v1/checks", by_token) <= {403, 404}, "the right to be gone", seconds=2)
    with transaction(site.world.engine) as session:
        person = session.get_one(Person, site.world.people["lt-head"])
        session.execute(sa.delete(SignInSession).where(SignInSession.person_id == person.id))
    wait_until(lambda: answers("/desk/mine", by_cookie) <= {302, 303, 401}, "the session to be gone", seconds=2)
    with transaction(site.world.engine) as session:
        service.set_active(
            session, session.get_one(Person, site.world.people["lt-head"]), active=False, now=clock.now()
        )
    wait_until(lambda: answers("/api/v1/tickets", by_token) == {401}, "the token to be gone", seconds=2)


@dataclass
class Load:
    """People at work, bounded: each asks again and again, on new connections, until told to stop."""

    port: int
    headers: dict[str, str]
    over: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def run(self, who: int) -> None:
        for n in range(2000):
            if self.over.wait(0.05):
                return
            kind = ("read", "page", "write", "keyed")[n % 4]
            title = f"{kind} {who}-{n}"
            try:
                status, answer = self.one(kind, title)
            except OSError as error:
                self.failed.append(f"{title}: {error!r}")
                continue
            self.statuses[f"{kind} {status}"] += 1
            if status not in {200, 201}:
                self.failed.append(f"{title}: {status} {answer[:200]}")
            elif status == 201:
                self.titles.append(title)

    def one(self, kind: str, title: str) -> tuple[int, str]:
        if kind == "page":
            return ask(self.port, "GET", "/login", {})
        if kind == "read":
            return ask(self.port, "GET", "/api/v1/tickets?limit=5", self.headers)
        keyed = {"Idempotency-Key": f"rolling-{title}"} if kind == "keyed" else {}
        body = {**TICKET, "title": title, "unit": "610122"}
        return ask(self.port, "POST", "/api/v1/tickets", {**self.headers, **keyed}, body)


def test_a_rolling_restart_under_load_fails_no_request(site: Site) -> None:
    load = Load(site.proxy.port, {"Authorization": f"Bearer {site.token('lt-engineer')}"})
    people = [threading.Thread(target=load.run, args=(who,), daemon=True) for who in range(3)]
    for person in people:
        person.start()
    time.sleep(1.5)
    codes = []
    for process in site.web:
        codes.append(process.stop(60))
        process.start()  # returns when it is ready; the next one goes at once
    time.sleep(1.5)
    load.over.set()
    for person in people:
        person.join(70)
    assert load.failed == []
    assert codes == [0, 0], "what was in hand was finished"
    assert {key.split()[0] for key in load.statuses} == {"read", "page", "write", "keyed"}
    with transaction(site.world.engine) as session:
        kept = Counter(session.scalars(sa.text("SELECT title FROM ticket WHERE title ~ '^(write|keyed) '")).all())
    assert kept == Counter(load.titles), "each once"
