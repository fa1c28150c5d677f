"""A person at a browser of one size: signs in, opens pages, presses what can be seen, and looks at what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Locator, Page, expect

from tests.journey.province import Province
from tests.servers import chromium

#: Values of the code that a person must never read.
RAW = re.compile(
    r"\b(None|True|False|incident|firing|acknowledged|critical|warning|nodata|unknown|province|county|city|vendor|active|suspended"
    r"|resolved|closed|cancelled|running|breached|stopped|published|draft|desktop|wan|application|server|hard|soft|handoff|sent|accepted)\b"
)
SHOWN_TEXT = """() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("code, pre, kbd, script, template, option, .output, input, textarea").forEach((node) => node.remove());
  return copy.textContent;
}"""
CUT = """() => [...document.querySelectorAll("h1, .btn, .chip, .badge, th, .stepper *")]
  .filter((n) => n.checkVisibility() && n.scrollWidth > n.clientWidth + 2 && getComputedStyle(n).overflowX === "hidden"
     && getComputedStyle(n).textOverflow !== "ellipsis")
  .map((n) => n.className + ": " + n.textContent.trim().slice(0, 60))"""


class Somebody:
    """A demo person with a window open."""

    def __init__(self, page: Page, province: Province, role: str) -> None:
        self.page, self.province, self.role = page, province, role
        page.goto(f"{province.url}/login")
        page.get_by_label("登录名").fill(province.login(role))
        page.get_by_label("口令").fill(province.password(role))
        page.get_by_role("button", name="登录", exact=True).click()
        page.wait_for_selector(".tx-nav", state="attached")

    def open(self, path: str) -> None:
        """Go to an address of the program, which must answer 200."""
        answer = self.page.goto(self.province.url + path)
        assert answer is not None
        assert answer.status == 200, f"{self.role} at {path}: {answer.status}"
        self.look()

    def press(self, words: str, *, role: str = "button") -> None:
        """Press the first button (or link) of these words that can be seen, and wait for what follows."""
        self.shown(role, words).click()
        self.page.wait_for_load_state()
        self.look()

    def shown(self, role: str, words: str) -> Locator:
        """The first control of these words that can be seen."""
        found = self.page.get_by_role(role, name=words, exact=True)  # type: ignore[arg-type]  # the roles are literals
        return found.locator("visible=true").first

    def reads(self, words: str) -> None:
        """The words stand on the page."""
        expect(self.page.locator("body")).to_contain_text(words)

    def look(self) -> None:
        """What no page may have: a window too narrow, a word of the code, a line cut off."""
        page = self.page
        width, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width <= window, f"{page.url} is {width} px wide in a window of {window}"
        shown = RAW.findall(page.evaluate(SHOWN_TEXT))
        assert shown == [], f"{page.url} shows words of the code: {sorted(set(shown))}"
        assert (cut := page.evaluate(CUT)) == [], f"{page.url} cuts off: {cut}"


class Crowd:
    """Everybody of a story, each with a window of their own, all of one size."""

    def __init__(self, browser: Browser, province: Province, size: str, complaints: chromium.Complaints) -> None:
        self._browser, self._province, self._size, self._complaints = browser, province, size, complaints

    @contextmanager
    def somebody(self, role: str) -> Iterator[Somebody]:
        """A person who signs in, does something and leaves."""
        with chromium.open_page(self._browser, self._size, self._complaints) as page:
            yield Somebody(page, self._province, role)
