"""The browser opens pages at both sizes, and a page that complains fails its test."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.servers import chromium
from tests.servers.nginx import Nginx

pytestmark = pytest.mark.browser


def test_a_page_opens_at_its_size(page: Page, nginx: Nginx, request: pytest.FixtureRequest) -> None:
    page.goto(nginx.url + "/")
    assert page.inner_text("p") == "正常"
    assert (page.evaluate("window.innerWidth"), page.evaluate("navigator.language")) == (
        page.viewport_size["width"],
        "zh-CN",
    )


def test_complaints_are_collected(browser: Browser, nginx: Nginx) -> None:
    nginx.page(
        "bad.html",
        "<!doctype html><title>x</title><script>console.error('broken thing'); null.x</script>"
        "<img src='http://cdn.example.org/x.png'>",
    )
    complaints = chromium.Complaints()
    with chromium.open_page(browser, "desktop", complaints) as page:
        page.goto(f"{nginx.url}/bad.html")
        page.wait_for_timeout(300)
    seen = "\n".join(complaints.seen)
    assert "broken thing" in seen
    assert "uncaught" in seen
    assert "left this machine: http://cdn.example.org" in seen
    complaints.allow("broken thing")
    assert not any("broken thing" in line for line in complaints.left())


def test_without_javascript_nothing_runs(plain_page: Page, nginx: Nginx) -> None:
    nginx.page("js.html", "<!doctype html><title>x</title><p>前</p><script>document.body.textContent='后'</script>")
    plain_page.goto(f"{nginx.url}/js.html")
    assert plain_page.inner_text("p") == "前"
