"""A crawl through every page a role can reach: valid HTML, labels, no dead link, no raw name of the program's own."""

from __future__ import annotations

import importlib
from collections import deque
from contextlib import closing
from enum import StrEnum
from functools import cache
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests.fixtures.world import World
from tests.guards import pages, source

MOST_PAGES = 150  # of one role; lists repeat after that
MOST_ALIKE = 4  # pages of one endpoint: ticket 1, ticket 2 … look alike


@cache
def raw_names() -> frozenset[str]:
    """Values of the program's enumerations: none may be shown to a person as it is."""
    found = set()
    for path, _ in source.product_modules():
        if path.stem in {"models", "states", "rules", "model", "sheets"}:
            module = importlib.import_module(".".join(path.relative_to(source.ROOT).with_suffix("").parts))
            for each in vars(module).values():
                if isinstance(each, type) and issubclass(each, StrEnum):
                    found |= {str(value) for value in each if len(value) > 3}
    return frozenset(found)


class Crawler:
    """Follows every link of one person's pages."""

    def __init__(self, app: Flask, client: FlaskClient) -> None:
        self._adapter = app.url_map.bind("localhost")
        self._client = client
        self._endpoints: dict[str, int] = {}
        self.problems: list[str] = []
        self.visited: list[str] = []

    def crawl(self, start: str) -> None:
        queue, known = deque([(start, "start", False)]), {start}
        while queue and len(self.visited) < MOST_PAGES:
            url, whence, fragment = queue.popleft()
            for link in self._visit(url, whence, fragment=fragment):
                target = link.url.split("#")[0]
                if not pages.is_here(link.url) or not target:
                    if urlsplit(link.url).scheme not in {"data", "mailto", "tel", "blob"}:
                        self.problems.append(f"{url}: {link.element} leaves this site: {link.url}")
                    continue
                if not self._exists(link, url) or link.method != "GET" or target in known or link.element == "form":
                    continue
                known.add(target)
                queue.append((target, url, link.element == "hx-get"))

    def _exists(self, link: pages.Link, whence: str) -> bool:
        path = urlsplit(link.url).path
        try:
            endpoint, _ = self._adapter.match(path, method=link.method)
        except RequestRedirect:
            return True
        except HTTPException as error:
            if path != "/live":
                self.problems.append(f"{whence}: {link.element} leads to {link.method} {link.url}: {error.code}")
            return False
        self._endpoints[endpoint] = self._endpoints.get(endpoint, 0) + 1
        return self._endpoints[endpoint] <= MOST_ALIKE or endpoint == "static"

    def _visit(self, url: str, whence: str, *, fragment: bool) -> list[pages.Link]:
        headers = {"HX-Request": "true"} if fragment else {}
        with closing(self._client.get(url, headers=headers)) as answer:
            return self._read(answer, url, whence)

    def _read(self, answer: Response, url: str, whence: str) -> list[pages.Link]:
        self.visited.append(url)
        if answer.status_code in {301, 302, 303, 307, 308}:
            return [pages.Link("GET", answer.headers["Location"], "redirect")]
        if answer.status_code not in {200, 204}:
            self.problems.append(f"{url} (from {whence}): {answer.status_code}")
            return []
        if answer.mimetype != "text/html":
            return []
        text = answer.get_data(as_text=True)
        whole = text.lstrip().lower().startswith("<!doctype")
        try:
            self.problems += [f"{url}: {each}" for each in pages.problems(text, fragment=not whole)]
            raw = [each for each in pages.readable(text, fragment=not whole) if each in raw_names()]
            self.problems += [f"{url}: shows a raw name: {each}" for each in raw]
            return pages.links(text, url, fragment=not whole)
        except AssertionError as error:
            self.problems.append(f"{url}: invalid: {error}")
            return []


ROLES = (
    "lt-clerk",
    "lt-engineer",
    "p-head",
    "v1-head",
    "leader",
    "wall",
    "sys-admin",
    "sec-admin",
    "aud-admin",
    "reviewer",
)
#: All roles on one database, those who see the most on the other too.
VISITS = [*(("sqlite", role) for role in ROLES), ("postgresql", "p-head"), ("postgresql", "sys-admin")]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database_url", "login"), VISITS, indirect=["database_url"])
def test_every_page_is_valid_and_leads_somewhere(world: World, login: str) -> None:
    crawler = Crawler(world.app, world.client(login))
    crawler.crawl("/")
    assert not crawler.problems, "\n".join(crawler.problems)
    assert len(crawler.visited) > 3


def test_the_sign_in_page_is_valid(app: Flask) -> None:
    crawler = Crawler(app, app.test_client())
    crawler.crawl("/login")
    assert not crawler.problems, "\n".join(crawler.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p><b>x</p>", "invalid"),
        ('<i id="a"></i><i id="a"></i>', "id 'a' stands 2 times"),
        ('<input name="x">', "<input name='x'> has no label"),
        ('<label>甲<input name="x"></label>', None),
        ('<button><svg aria-hidden="true"></svg></button>', "says nothing"),
        ('<div onclick="x()"></div>', "inline onclick="),
    ],
)
def test_the_guard_itself_sees(text: str, expected: str | None) -> None:
    try:
        found = pages.problems(text, fragment=True)
    except AssertionError:
        found = ["invalid"]
    assert (expected is None and found == []) or any(expected in each for each in found)
