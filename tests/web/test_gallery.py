"""Every macro, at both sizes, in a real browser under the product's content policy: nothing overflows, nothing complains."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.servers import chromium
from tests.web.gallery import app as gallery

pytestmark = pytest.mark.browser
#: The gallery's feed ends at once, as a server that goes away does; browsers write that down.
FEED_ENDED = r"ERR_INCOMPLETE_CHUNKED_ENCODING|/live"


@pytest.fixture(scope="module")
def application() -> Flask:
    return gallery.make()


@pytest.fixture(scope="module")
def address(application: Flask) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(autouse=True)
def _feed(complaints: chromium.Complaints) -> None:
    complaints.allow(FEED_ENDED)
    complaints.allow(r"/favicon.ico")


def widths(page: Page) -> list[int]:
    return page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")


@pytest.mark.parametrize(
    "path", ["/", "/plain", "/wall", "/error/404", "/error/409", "/error/422", "/error/429", "/error/503"]
)
def test_no_page_overflows_sideways_or_complains(page: Page, address: str, path: str) -> None:
    page.goto(address + path)
    page.wait_for_timeout(300)
    content, window = widths(page)
    assert content <= window


def test_pages_stay_whole_at_twice_the_size(desktop: Page, address: str) -> None:
    desktop.set_viewport_size({"width": 720, "height": 450})  # 1440 px wide at 200 % zoom
    desktop.goto(address)
    content, window = widths(desktop)
    assert content <= window


def test_charts_draw_gaps_and_can_be_read_as_a_table(desktop: Page, address: str) -> None:
    desktop.goto(address)
    figure = desktop.locator("figure.chart")
    figure.scroll_into_view_if_needed()
    expect(figure.locator("canvas")).to_be_visible()
    figure.get_by_role("button", name="数据表").click()
    expect(figure.locator("tbody tr")).to_have_count(155)
    expect(figure.locator("tbody tr").first).to_contain_text("2026-11-23 10:58:00")


def test_the_charts_tooltip_obeys_the_content_policy(desktop: Page, address: str) -> None:
    desktop.goto(address)
    plot = desktop.locator(".chart-plot")
    plot.scroll_into_view_if_needed()
    expect(plot.locator("canvas")).to_be_visible()
    plot.hover(position={"x": 600, "y": 100})
    expect(desktop.locator(".chart-tip")).to_contain_text("处理器")


def test_graphs_draw_and_can_be_read_as_words(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".graph canvas").first).to_be_attached()
    expect(page.locator("[data-graph-list] li")).to_have_count(6)


def test_a_live_event_counts_and_refreshes(desktop: Page, address: str) -> None:
    desktop.goto(address)
    expect(desktop.locator("[data-live-count]")).to_have_text("1 条新告警")
    expect(desktop.locator("#fresh")).to_have_text("已刷新")


def test_a_lost_connection_is_said(desktop: Page, address: str) -> None:
    desktop.goto(address)
    expect(desktop.locator(".tx-live")).to_have_text("实时连接已断开，正在重连…")


def test_the_phone_has_a_bottom_bar_and_a_drawer(phone: Page, address: str) -> None:
    phone.goto(address)
    expect(phone.get_by_role("navigation", name="常用").get_by_role("link")).to_have_count(4)
    expect(phone.locator(".tx-actions")).to_be_in_viewport()
    expect(phone.locator("#menu")).not_to_be_visible()
    phone.get_by_role("link", name="打开菜单").click()
    expect(phone.locator("#menu").get_by_role("link", name="知识库")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(phone.locator("#menu")).not_to_be_visible()


def test_the_drawer_opens_without_javascript(
    browser: chromium.Browser, complaints: chromium.Complaints, address: str
) -> None:
    with chromium.open_page(browser, "phone", complaints, javascript=False) as page:
        page.goto(address)
        page.get_by_role("link", name="打开菜单").click()
        expect(page.locator("#menu").get_by_role("link", name="知识库")).to_be_visible()
        expect(page.locator(".tx-aside")).to_contain_text("解决标准")


def test_keyboard(desktop: Page, address: str) -> None:
    desktop.goto(address)
    desktop.keyboard.press("/")
    expect(desktop.locator("[data-search-box]")).to_be_focused()
    desktop.keyboard.press("Escape")
    desktop.keyboard.press("j")
    desktop.keyboard.press("j")
    expect(desktop.locator("tr.cursor")).to_contain_text("连接数")
    desktop.keyboard.press("?")
    expect(desktop.locator("#keys")).to_be_visible()
    desktop.keyboard.press("Escape")
    desktop.keyboard.press("e")
    expect(desktop.locator("[data-act]").first).to_be_focused()
    desktop.keyboard.press("g")
    desktop.keyboard.press("w")
    desktop.wait_for_url("**/page/inbox")


def test_R_02_a_double_click_sends_once(desktop: Page, address: str, application: Flask) -> None:
    before = len(application.config["received"])
    desktop.goto(address)
    desktop.locator("#note textarea").fill("请查看")
    desktop.locator("#note").get_by_role("button", name="发送").dblclick()
    expect(desktop.locator("#sent")).to_be_visible()
    assert len(application.config["received"]) == before + 1


def test_a_draft_survives_leaving_and_goes_once_sent(desktop: Page, address: str) -> None:
    desktop.goto(address)
    desktop.locator("#note textarea").fill("写到一半")
    expect(desktop.locator("[data-draft-note]")).to_have_text("草稿已自动保存在本机")
    desktop.goto(address + "/plain")
    desktop.goto(address)
    expect(desktop.locator("#note textarea")).to_have_value("写到一半")
    expect(desktop.locator("[data-draft-note]")).to_contain_text("已恢复上次未提交的草稿。")
    desktop.locator("#note").get_by_role("button", name="发送").click()
    desktop.goto(address + "/plain")
    desktop.goto(address)
    expect(desktop.locator("#note textarea")).to_have_value("")


def test_a_pasted_screenshot_becomes_an_attachment(desktop: Page, address: str, application: Flask) -> None:
    desktop.goto(address)
    desktop.locator("#note textarea").fill("见截图")
    desktop.evaluate("""() => {
      const bag = new DataTransfer();
      bag.items.add(new File([new Uint8Array([137, 80, 78, 71])], "image.png", { type: "image/png" }));
      document.querySelector("#note").dispatchEvent(new ClipboardEvent("paste", { clipboardData: bag, bubbles: true }));
    }""")
    expect(desktop.locator(".drop-files li")).to_contain_text("截图-")
    desktop.locator("#note").get_by_role("button", name="发送").click()
    expect(desktop.locator("#sent")).to_be_visible()
    assert application.config["received"][-1]["files"].startswith("截图-")


def test_a_step_can_be_taken_back(desktop: Page, address: str, application: Flask) -> None:
    desktop.goto(address)
    desktop.get_by_role("button", name="停用三台").click()
    expect(desktop.locator(".toast-item")).to_contain_text("已停用 3 台设备")
    desktop.get_by_role("button", name="撤销").click()
    expect(desktop.locator(".toast-item")).to_contain_text("已撤销")
    assert application.config["received"][-1] == {"undo": "token-of-the-gallery"}


def test_a_refusal_is_said_in_the_servers_words(desktop: Page, address: str, complaints: chromium.Complaints) -> None:
    complaints.allow("/refused")
    complaints.allow("409")
    desktop.goto(address)
    desktop.get_by_role("button", name="受理别人的").click()
    expect(desktop.locator(".toast-item")).to_contain_text("已由李建国受理。")


def test_state_is_colour_shape_and_word(desktop: Page, address: str) -> None:
    desktop.goto(address)
    for state, word in {
        "ok": "正常",
        "warning": "警告",
        "critical": "严重",
        "unknown": "未知",
        "nodata": "无数据",
    }.items():
        badge = desktop.locator(f".state-{state}").first
        expect(badge).to_have_text(word)
        assert badge.locator("use").get_attribute("href").endswith(f"#state-{state}")


CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 4).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = rgb(getComputedStyle(n).backgroundColor);
      if ((c[3] ?? 1) > 0.5) return c;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest("canvas, option, [aria-hidden=true]")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(`${node.className || node.tagName}: ${node.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
}"""


@pytest.mark.parametrize("path", ["/", "/wall", "/error/404"])
def test_contrast_is_aa(page: Page, address: str, path: str) -> None:
    page.goto(address + path)
    page.wait_for_timeout(200)
    assert page.evaluate(CONTRAST) == []


def test_every_control_has_a_name(page: Page, address: str) -> None:
    page.goto(address)
    nameless = page.evaluate("""() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], summary")]
      .filter((n) => n.checkVisibility() && !n.closest(".ts-wrapper"))
      .filter((n) => !(n.labels?.length || n.getAttribute("aria-label") || n.textContent.trim() || n.title)).map((n) => n.outerHTML.slice(0, 90))""")
    assert nameless == []
