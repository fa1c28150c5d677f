"""Every place in the menu, opened in a real browser on the real program with demo data, at both sizes.

A page fits its window, says what it is in one heading, names each control, and makes the browser complain of nothing.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.servers import chromium
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
#: Roles whose menus together hold every place.
ROLES = (
    "county-clerk",
    "province-engineer",
    "province-head",
    "vendor",
    "leader",
    "system-admin",
    "security-admin",
    "audit-admin",
)
#: Values of the code that a person must never read.
RAW = re.compile(
    r"\b(None|True|False|incident|firing|suppressed|acknowledged|critical|warning|nodata|unknown|province|county|city|vendor|active|suspended|"
    r"resolved|closed|cancelled|approving|running|breached|stopped|planned|retired|declared|discovered|depends-on|runs-on|part-of|"
    r"connected-to|published|draft|desktop|wan|application|hard|soft|utc)\b"
)
NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], summary")]
  .filter((n) => n.checkVisibility() && !n.closest(".ts-wrapper"))
  .filter((n) => !(n.labels?.length || n.getAttribute("aria-label") || n.getAttribute("aria-labelledby") || n.textContent.trim() || n.title))
  .map((n) => n.outerHTML.slice(0, 120))"""

VISIBLE_TEXT = """() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("code, pre, kbd, script, template, option, .output").forEach((node) => node.remove());
  return copy.textContent;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaxopsServer]:
    with TaxopsServer(tmp_path_factory.mktemp("pages") / "taxops", demo="small") as running:
        yield running


def sign_in(page: Page, server: TaxopsServer, role: str) -> list[str]:
    """Signs in and returns the addresses of the menu."""
    person = next(p for p in server.run_json("demo", "people") if p["role"].split(" ")[0] == role)
    page.goto(f"{server.url}/login")
    page.get_by_label("登录名").fill(person["login"])
    page.get_by_label("口令").fill(person["password"])
    page.get_by_role("button", name="登录").click()
    page.wait_for_selector(".tx-nav", state="attached")
    return page.eval_on_selector_all(".tx-nav a, .tx-pop a", "links => links.map(link => link.getAttribute('href'))")


def faults(page: Page, path: str) -> Iterator[str]:
    """What is wrong with the page that is open."""
    content, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if content > window:
        yield f"{path}: {content} px wide in a window of {window}"
    if (headings := page.locator("h1").count()) != 1:
        yield f"{path}: {headings} headings of the first rank"
    yield from (f"{path}: a control without a name: {html}" for html in page.evaluate(NAMELESS))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_place_of_every_role(
    browser: Browser, complaints: chromium.Complaints, server: TaxopsServer, size: str
) -> None:
    seen: set[str] = set()
    found: list[str] = []
    for role in ROLES:
        with chromium.open_page(browser, size, complaints) as page:
            for path in sign_in(page, server, role):
                if (place := path.split("#")[0]) in seen:
                    continue
                seen.add(place)
                answer = page.goto(server.url + place)
                if answer is None or answer.status != 200:
                    found.append(f"{place}: status {answer and answer.status}")
                    continue
                page.wait_for_timeout(250)
                found += faults(page, place)
    assert found == []
    assert len(seen) >= 15


def test_reading_and_reporting_need_no_javascript(
    browser: Browser, complaints: chromium.Complaints, server: TaxopsServer
) -> None:
    with chromium.open_page(browser, "phone", complaints, javascript=False) as page:
        for path in sign_in(page, server, "county-clerk"):
            answer = page.goto(server.url + path)
            assert answer is not None
            assert answer.status == 200
            assert page.locator("h1").count() == 1, path


def test_the_english_pages_are_english(browser: Browser, complaints: chromium.Complaints, server: TaxopsServer) -> None:
    with chromium.open_page(browser, "desktop", complaints) as page:
        places = sign_in(page, server, "system-admin")
        page.locator("details.tx-menu > summary").click()
        page.get_by_role("button", name="English").click()
        page.wait_for_load_state()
        left = [
            place
            for place in places
            if page.goto(server.url + place) and re.search(r"[\u4e00-\u9fff]", page.locator("h1").inner_text())
        ]
        assert left == []


def test_no_raw_value_of_the_code_is_read(
    browser: Browser, complaints: chromium.Complaints, server: TaxopsServer
) -> None:
    left: list[str] = []
    for role in ("province-engineer", "county-clerk"):
        with chromium.open_page(browser, "desktop", complaints) as page:
            for place in sign_in(page, server, role):
                page.goto(server.url + place)
                text = page.evaluate(VISIBLE_TEXT)
                left += [f"{place}: {word}" for word in sorted(set(RAW.findall(text)))]
    assert left == []


def with_tickets(server: TaxopsServer, count: int) -> None:
    """So many incidents at the provincial bureau."""
    token = server.run_json("token", "create", "--person", "integration", "--name", "browser")["token"]
    items = [
        {"kind": "incident", "title": f"打印机脱机 {n}", "category": "desktop", "unit": "61"} for n in range(count)
    ]
    request = urllib.request.Request(
        f"{server.url}/api/v1/tickets",
        json.dumps({"items": items}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


def test_rows_are_chosen_a_name_is_offered_and_what_is_typed_is_kept_and_told(
    browser: Browser, complaints: chromium.Complaints, server: TaxopsServer
) -> None:
    """The scripts of the desk by mouse and keyboard: a shift-click, “@”, a draft after a reload, “is writing” for others."""
    with (
        chromium.open_page(browser, "desktop", complaints) as page,
        chromium.open_page(browser, "phone", complaints) as head,
    ):
        with_tickets(server, 6)
        sign_in(page, server, "province-engineer")
        page.goto(f"{server.url}/desk/tickets?kind=incident")
        boxes, words = page.locator("[data-choose]"), page.locator("[data-bulk-count]")
        many = boxes.count()
        assert many > 4
        assert page.locator("form[data-bulk] button").first.is_disabled(), "nothing is chosen yet"
        boxes.nth(0).click()
        boxes.nth(3).click(modifiers=["Shift"])
        assert "4" in words.inner_text()
        assert page.locator("[data-choose-all]").evaluate("box => box.indeterminate")
        page.locator("[data-choose-all]").click()
        assert str(many) in words.inner_text()
        ticket = next(
            path
            for path in page.eval_on_selector_all("a[href*='/desk/tickets/INC']", "links => links.map(a => a.pathname)")
            if page.goto(server.url + path) and page.locator("[data-mention]").count()
        )
        area = page.locator("[data-mention]")
        area.press_sequentially("请看一下 @")
        page.wait_for_selector(".mention [role=option]")
        first = page.locator(".mention [role=option]").first.inner_text().split()[0]
        with page.expect_response(lambda answer: answer.url.endswith("/draft"), timeout=20_000):
            area.press("Enter")
        assert area.input_value().startswith(f"请看一下 @{first}(")
        page.reload()
        assert page.locator("[data-mention]").input_value().startswith(f"请看一下 @{first}("), (
            "the draft is still there"
        )
        sign_in(head, server, "province-head")
        head.goto(server.url + ticket)
        with page.expect_response(lambda answer: answer.url.endswith("/writing"), timeout=20_000):
            page.locator("[data-mention]").press_sequentially("再补充")
        head.get_by_text("正在输入").wait_for(timeout=20_000)


def test_a_lost_connection_is_said_and_comes_back(
    browser: Browser, complaints: chromium.Complaints, server: TaxopsServer
) -> None:
    """While the program is away the page says so; when it is back, so is the feed."""
    with chromium.open_page(browser, "desktop", complaints) as page:
        complaints.allow(r"ERR_|/live|/inbox/count")
        sign_in(page, server, "province-engineer")
        page.goto(f"{server.url}/")
        server.stop()
        page.wait_for_selector('.tx-live[data-state="lost"]', timeout=30_000)
        server.start()
        page.wait_for_selector('.tx-live[data-state="back"], .tx-live[data-state="ok"]', timeout=90_000)
