"""The same story with the mouse and the thumb: every step is clicked in Chromium, at both sizes.

Pictures for the README: `pytest tests/journey/test_browser.py --keep-screenshots`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.screenshots import Keep
from tests.journey.clicks import Crowd, Somebody
from tests.journey.province import Pace, Province, Template, running
from tests.servers import chromium
from tests.servers.base import wait_until
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300)]

WORDS = {
    "desktop": ("针式打印机打印发票错位，提示 FPLY-7731", "FPLY-7731"),
    "phone": ("代开窗口打印预览空白，提示 DKCK-4409", "DKCK-4409"),
}
PAST = 60  # matters of the last half year, so that lists look as they do in an office
SEEN_WELL_S = 8  # of a curve before the fall
SOLUTION = "把打印组件升级到 3.2 并清除浏览器缓存，重新打开后预览正常即恢复。"


@pytest.fixture(scope="module")
def embedded(
    templates: Callable[[str], tuple[Template, PostgreSQL | None]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Province]:
    """One program on the embedded database; the pages are the same on both."""
    template, _cluster = templates("sqlite")
    with running(template, tmp_path_factory.mktemp("browser"), None, tickets=PAST) as started:
        yield started


@pytest.fixture(scope="module")
def failing(embedded: Province, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A service of two counties' web servers, one of them dead: the dead one's item."""
    integration = embedded.api("integration")
    with (
        Nginx(tmp_path_factory.mktemp("well") / "nginx") as well,
        Nginx(tmp_path_factory.mktemp("dead") / "nginx") as dead,
    ):
        items = [embedded.item("蓝田县局叫号网页", "610122"), embedded.item("周至县局叫号网页", "610124")]
        checks = [
            embedded.check(Pace(), item=item, name="叫号页面", type="http", target=server.url)
            for item, server in zip(items, (well, dead), strict=True)
        ]
        made = {"name": "办税厅叫号", "unit": "6101", "team": "p-taxservice", "vendor": "v-changfeng", "items": items}
        integration.post("/services", made)
        for check in checks:
            embedded.wait_for_state(check, "ok")
        time.sleep(SEEN_WELL_S)
        dead.kill9()
        embedded.wait_for_incident(items[1], since=time.monotonic(), within=Pace().bound)
        yield items[1]


def hide_this_machine(province: Province) -> None:
    """Retire the checks of ports found on this machine, so that the pictures show a province and no workshop."""
    integration = province.api("integration")
    for check in integration.items("/checks", type="tcp", limit=200):
        integration.ask("DELETE", f"/checks/{check['id']}")


def test_the_story_is_clicked_from_the_report_to_the_article(
    size: str, embedded: Province, browser: Browser, complaints: chromium.Complaints, keep: Keep
) -> None:
    crowd = Crowd(browser, embedded, size, complaints)
    words, code = WORDS[size]
    with crowd.somebody("county-clerk") as clerk:
        number = reports(clerk, words, keep)
    with crowd.somebody("county-clerk-2") as other:
        child = is_hit_too(other, words)
    with crowd.somebody("county-engineer") as engineer:
        accepts(engineer, number, keep)
        hands_up(engineer, number, words)
    with crowd.somebody("city-engineer") as engineer:
        takes_over(engineer, number, "/desk/triage")
        hands_up(engineer, number, words)
    with crowd.somebody("province-engineer") as engineer:
        takes_over(engineer, number, "/desk/triage")
        hands_up(engineer, number, words)
    with crowd.somebody("vendor") as vendor:
        takes_over(vendor, number, "/vendor")
    with crowd.somebody("province-engineer") as engineer:
        sees_the_line_of_custody(engineer, number, keep)
    with crowd.somebody("vendor") as vendor:
        solves(vendor, number)
    with crowd.somebody("county-clerk") as clerk:
        confirms(clerk, number, keep)
    with crowd.somebody("province-head") as head:
        article = publishes(head, embedded, number)
    with crowd.somebody("county-clerk-2") as other:
        finds(other, code, article, keep)
        other.open(f"/desk/tickets/{child}")
        other.reads("已解决")


def test_the_pages_of_the_tour(
    embedded: Province, failing: int, browser: Browser, complaints: chromium.Complaints, keep: Keep, size: str
) -> None:
    """The places a picture of which stands in the README."""
    hide_this_machine(embedded)
    crowd = Crowd(browser, embedded, size, complaints)
    with crowd.somebody("province-engineer") as engineer:
        for name, path in {"alerts": "/alerts", "wall": "/wall", "on-call": "/oncall"}.items():
            engineer.open(path)
            keep(engineer.page, name)
        engineer.open(f"/items/{failing}")
        engineer.reads("严重")
        keep(engineer.page, "item")


@pytest.fixture(params=["desktop", "phone"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reports(clerk: Somebody, words: str, keep: Keep) -> str:
    """Types, is offered what is known, answers two questions, sends; the new number."""
    page = clerk.page
    clerk.open("/desk/report")
    page.get_by_label(re.compile("出了什么问题")).fill(words)
    page.locator(".choice-cards label", has_text="应用系统").click()
    page.locator("#guide").get_by_label(re.compile("您正在办什么业务")).fill("发票业务")
    page.locator("#guide").get_by_text("刚刚", exact=True).click()
    page.wait_for_function("document.querySelector('#suggest .card') !== null")
    choose(clerk, "f-service", "货运发票与发票管理")
    page.evaluate("window.scrollTo(0, 0)")
    clerk.look()
    keep(page, "report")
    clerk.press("提交")
    page.wait_for_url("**/desk/tickets/INC-*")
    clerk.reads("已提交")
    return page.url.rsplit("/", 1)[-1]


def choose(who: Somebody, field: str, option: str) -> None:
    """Choose in a list with search, as typing does."""
    box = who.page.locator(f"#{field} + .ts-wrapper .ts-control")
    if box.count():
        box.click()
        who.page.keyboard.type(option)
        found = who.page.locator(f"#{field} + .ts-wrapper .ts-dropdown .option")
        expect(found).to_have_count(1)  # what was typed has been looked for
        found.click()
    else:
        who.page.locator(f"#{field}").select_option(label=option)


def is_hit_too(other: Somebody, words: str) -> str:
    """Somebody of another city types the same and is shown that it is known; the number of the child."""
    page = other.page
    other.open("/desk/report")
    page.get_by_label(re.compile("出了什么问题")).press_sequentially(words, delay=5)
    page.locator("#suggest").get_by_role("link", name="我也遇到").first.click()
    page.wait_for_url("**/me-too")
    other.look()
    other.press("我也遇到")
    page.wait_for_url("**/desk/tickets/INC-*")
    assert not page.url.endswith("me-too")
    other.reads("已记录您也遇到")
    return page.url.rsplit("/", 1)[-1]


def accepts(engineer: Somebody, number: str, keep: Keep) -> None:
    """Finds it in the list of work and takes it."""
    engineer.open("/desk/work")
    keep(engineer.page, "my-work")
    engineer.page.locator(f'a[href="/desk/tickets/{number}"]').first.click()
    engineer.page.wait_for_url(f"**/{number}")
    engineer.press("受理")
    engineer.reads("处理中")


def hands_up(engineer: Somebody, number: str, words: str) -> None:
    """Fills what the platform could not, and sends it one line up."""
    page = engineer.page
    engineer.open(f"/desk/tickets/{number}/hand-up")
    page.locator("#q").fill(words[:8])
    page.locator("#none").fill("库里没有这个报错代码")
    for field in page.locator("#hand-up [name^='sheet-']").all():
        if not field.input_value().strip():
            field.fill("已核对，见截图")
    page.locator("#reason").fill("本级没有权限，请上级处理")
    engineer.press("发送")
    page.wait_for_url(f"**/{number}")
    engineer.reads("等待对方受理")


def takes_over(receiver: Somebody, number: str, place: str) -> None:
    """Finds what was handed over at the place for it, reads the sheet, takes it."""
    receiver.open(place)
    receiver.page.locator(f'a[href="/desk/tickets/{number}"]').first.click()
    receiver.page.wait_for_url(f"**/{number}")
    receiver.page.locator("#handoffs").get_by_text("5 非常清楚").click()
    receiver.press("接收，由我负责")
    receiver.reads("处理中")


def sees_the_line_of_custody(engineer: Somebody, number: str, keep: Keep) -> None:
    """The ticket while the vendor has it, as the province that gave it away sees it."""
    engineer.open(f"/desk/tickets/{number}")
    stepper = engineer.page.locator("#stepper").inner_text()
    assert [line for line in ("县", "市", "省", "厂商") if line not in stepper] == []
    keep(engineer.page, "ticket")


def solves(vendor: Somebody, number: str) -> None:
    vendor.open(f"/desk/tickets/{number}")
    vendor.press("解决", role="link")
    vendor.page.get_by_label(re.compile("怎么解决的")).fill(SOLUTION)
    vendor.page.get_by_label(re.compile("^原因")).fill("浏览器升级后打印组件过旧")
    vendor.press("解决")
    vendor.reads("已解决")


def confirms(clerk: Somebody, number: str, keep: Keep) -> None:
    """Opens her matters, says that it works again, with five stars."""
    clerk.open("/desk/mine")
    keep(clerk.page, "my-matters")
    clerk.page.locator(f'a[href="/desk/tickets/{number}"]').first.click()
    clerk.page.wait_for_url(f"**/{number}")
    clerk.press("确认解决", role="link")
    clerk.page.locator("#act label", has_text="5").last.click()
    clerk.press("确认解决")
    clerk.reads("已关闭")


def publishes(head: Somebody, province: Province, number: str) -> str:
    """The reviewer opens the draft and publishes it; its number."""
    found: list[str] = []

    def drafted() -> bool:
        drafts = province.api("province-head").items("/articles", state="draft", limit=200)
        found[:] = [str(article["number"]) for article in drafts if article["ticket"] == number]
        return bool(found)

    wait_until(drafted, f"the draft of {number}")
    head.open(f"/kb/{found[0]}")
    head.press("发布")
    head.reads("已发布")
    return found[0]


def finds(other: Somebody, words: str, article: str, keep: Keep) -> None:
    """A clerk of another county searches from the page's own search, and reads."""
    page = other.page

    def indexed() -> bool:
        hits = other.province.api("county-clerk-2").items("/search", q=words, kind="article")
        return article in [hit["key"] for hit in hits]

    wait_until(indexed, "the index")
    other.open("/search")
    page.locator("#main [name=q], main [name=q]").first.fill(words)
    page.keyboard.press("Enter")
    page.locator(f'a[href="/kb/{article}"]').first.click()
    page.wait_for_url(f"**/kb/{article}")
    other.reads(SOLUTION)
    other.look()
    keep(page, "article")
