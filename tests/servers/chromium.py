"""Debian's Chromium driven by Playwright, at the two sizes every page must work in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.servers.base import require_program

DESKTOP, PHONE = (1440, 900), (390, 844)
SIZES = {"desktop": DESKTOP, "phone": PHONE}

_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-default-browser-check",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
    # Nothing but this machine exists for the browser, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]  # fmt: skip


@dataclass
class Complaints:
    """What the browser complained about: console errors, uncaught exceptions, requests that left this machine."""

    seen: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Complaints matching this regular expression are part of what the test is about."""
        self.allowed.append(pattern)

    def left(self) -> list[str]:
        """Complaints no pattern allows."""
        return [line for line in self.seen if not any(re.search(pattern, line) for pattern in self.allowed)]

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"uncaught: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location
            self.seen.append(f"console: {message.text} ({where.get('url')}:{where.get('lineNumber')})")

    def _request(self, request: Request) -> None:
        if not re.match(r"(http://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:|chrome)", request.url):
            self.seen.append(f"request left this machine: {request.url}")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium. Playwright keeps an event loop in this thread until it is closed."""
    program = require_program("chromium", "chromium-browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, headless=True, args=_ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()


@contextlib.contextmanager
def open_page(chromium: Browser, size: str, complaints: Complaints, *, javascript: bool = True) -> Iterator[Page]:
    """A page in a fresh profile: Chinese, Shanghai time, one of SIZES. Phones have a touch screen."""
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", timezone_id="Asia/Shanghai",
        has_touch=size == "phone", is_mobile=size == "phone", java_script_enabled=javascript, reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(10_000)
    complaints.watch(context)
    try:
        yield context.new_page()
    finally:
        context.close()
