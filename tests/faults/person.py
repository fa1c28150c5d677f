"""Somebody at a browser while something is broken: what the pages say."""

from __future__ import annotations

import http.client
import re
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from accounts.models import Person, SignInSession
from accounts.signin import rules, service
from core import clock
from core.db import make_engine, transaction
from tests.servers.base import HOST

WAIT_S = 60
#: What no page may show, whatever has happened.
SECRETS = re.compile(
    r"Traceback|sqlalchemy|psycopg|sqlite3|OperationalError|File \"|SELECT |INSERT |/state/|postgresql\+"
)


@dataclass(frozen=True)
class Page:
    """What came back. `status` 0: nothing did."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def words(self) -> str:
        """The page without its markup, in one line."""
        body = re.sub(r"(?s)<(script|style|svg|head).*?</\1>", " ", self.text)
        return " ".join(re.sub(r"<[^>]+>", " ", body).split())

    def is_told(self, *words: str) -> bool:
        """A 503 in Chinese words, with a time to come back, that shows nothing of the inside."""
        assert not SECRETS.search(self.text), self.text
        assert self.status == 503, (self.status, self.words)
        assert self.headers.get("retry-after", "").isdigit(), self.headers
        for each in words:
            assert each in self.words, self.words
        return True


class Visitor:
    """A signed-in browser: its cookie, and the form token of a page it opened while all was well."""

    def __init__(self, port: int, database_url: str, login: str = "lt-clerk") -> None:
        self.port = port
        self.cookie = f"taxops_session={_sign_in(database_url, login)}"
        self._token = ""

    def opens(self, path: str, **headers: str) -> Page:
        """GET."""
        return self._ask("GET", path, None, headers)

    def prepares(self) -> None:
        """Open the form, as somebody who is about to report."""
        page = self.opens("/desk/report")
        assert page.status == 200, (page.status, page.words)
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
        assert found
        self._token = found[1]
        form, _rest = page.headers["set-cookie"].split(";", 1)  # what the form's token is checked against
        self.cookie = f"{self.cookie}; {form}"

    def reports(self, text: str, key: str) -> Page:
        """Send the form that was opened before."""
        data = {"text": text, "category": "desktop", "key": key, "csrf_token": self._token}
        return self._ask("POST", "/desk/report", data, {})

    def _ask(self, method: str, path: str, data: dict[str, str] | None, headers: Mapping[str, str]) -> Page:
        began = time.monotonic()
        connection = http.client.HTTPConnection(HOST, self.port, timeout=WAIT_S)
        sent = {"Cookie": self.cookie, "Host": f"{HOST}:{self.port}", "Accept": "text/html", **headers}
        if data is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, None if data is None else urllib.parse.urlencode(data), sent)
            with connection.getresponse() as answer:
                text = answer.read().decode("utf-8", "replace")
                said = {name.lower(): value for name, value in answer.headers.items()}
                return Page(answer.status, text, said, time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            return Page(0, "", {}, time.monotonic() - began)
        finally:
            connection.close()


def token_of(database_url: str, login: str = "integration") -> str:
    """An API token that speaks for somebody."""
    engine = make_engine(database_url)
    with transaction(engine) as session:
        person = session.scalars(sa.select(Person).where(Person.login == login)).one()
        made = service.create_token(session, person=person, name="load", scopes=[], expires_at=None, now=clock.now())
    engine.dispose()
    return made[1]


def _sign_in(database_url: str, login: str) -> str:
    token, now = rules.new_token(), clock.now()
    engine = make_engine(database_url)
    with transaction(engine) as session:
        person = session.scalars(sa.select(Person.id).where(Person.login == login)).one()
        session.add(
            SignInSession(
                token_hash=rules.token_hash(token),
                person_id=person,
                created_at=now,
                last_seen_at=now,
                address=HOST,
                user_agent="test",
                endless=False,
            )
        )
    engine.dispose()
    return token
