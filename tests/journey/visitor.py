"""A person with a browser that knows no JavaScript: signs in, opens pages, sends forms. HTTP only."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A page as it came; `url` is where redirects ended."""

    status: int
    url: str
    text: str

    def field(self, name: str) -> str:
        """The value of the page's first hidden field of that name. Raises LookupError."""
        found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', self.text)
        if found is None:
            raise LookupError(f"no field {name} on {self.url}")
        return found[1]


class Visitor:
    """One signed-in person."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self._url = url
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        form = self.get("/login")
        seen = self.post("/login", form, login=login, password=password, next="/")
        assert seen.status == 200, f"{login} can't sign in: {seen.status}"
        assert not seen.url.endswith("/login"), f"{login} can't sign in"

    def get(self, path: str) -> Seen:
        """Open a page, whatever it answers."""
        return self._ask(urllib.request.Request(self._url + path))

    def post(self, path: str, page: Seen, **fields: str) -> Seen:
        """Send a form of `page`, with its token against forgery, and follow where it leads."""
        sent = urllib.parse.urlencode({"csrf_token": page.field("csrf_token"), **fields}).encode()
        return self._ask(urllib.request.Request(self._url + path, sent))

    def _ask(self, request: urllib.request.Request) -> Seen:
        try:
            with self._open(request, timeout=20) as answer:
                return Seen(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Seen(error.code, request.full_url, error.read().decode())
