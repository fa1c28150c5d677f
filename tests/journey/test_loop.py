"""The main job, once around: a web server dies, and the next county finds how it was mended (issue: slice 1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.journey.province import Pace, Province
from tests.servers.base import wait_until
from tests.servers.nginx import Nginx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

COUNTY = "610122"
PACE = Pace(interval_s=2, retry_s=1, max_attempts=2, timeout_s=1)
SOLUTION = "发现叫号屏网页服务进程被误杀。登录服务器执行 systemctl restart，再打开取号页面，能出号即恢复。"
CAUSE = "清理进程的脚本误伤。"
INDEX_WITHIN_S = 2.0


def test_a_dead_web_server_is_noticed_mended_and_found_by_the_next_county(
    province: Province, nginx: Nginx, record_property: Callable[[str, object], None]
) -> None:
    item = province.item("蓝田办税厅叫号网页", COUNTY)
    check = province.check(PACE, item=item, type="http", target=nginx.url, params={"contains": "正常"})
    province.wait_for_state(check, "ok")
    assert province.incidents(item) == []

    nginx.kill9()
    ticket, latency = province.wait_for_incident(item, since=time.monotonic(), within=PACE.bound)
    record_property("alert_latency_s", round(latency, 2))
    print(f"incident after {latency:.2f} s, promised {PACE.bound:.1f} s")
    number = ticket["number"]
    assert (ticket["kind"], ticket["state"], ticket["source"]) == ("incident", "new", "alert")
    assert (ticket["team"], ticket["line"], ticket["holder"]) == (f"{COUNTY}-ops", "county", None)
    assert the_alert(province, item)["ticket"] == number

    engineer = province.api("county-engineer")
    accepted = engineer.act(number, "accept")
    assert (accepted["state"], accepted["holder"]) == ("active", province.login("county-engineer"))
    refused = engineer.ask("POST", f"/tickets/{number}/actions/resolve", {"solution": SOLUTION})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "reason"), (
        "it still fails, and nobody said why"
    )

    nginx.restart()
    province.wait_for_state(check, "ok")
    wait_until(lambda: recovery_noted(engineer, number), "the recovery in the timeline")
    assert engineer.get(f"/tickets/{number}")["state"] == "active", "recovery proposes, people resolve"
    resolved = engineer.act(number, "resolve", solution=SOLUTION, cause=CAUSE)
    assert (resolved["state"], resolved["solution"]) == ("resolved", SOLUTION)

    article = draft_of(province, number)
    assert article["state"] == "draft"
    assert SOLUTION in article["sections"]["solution"]
    assert CAUSE in article["sections"]["cause"]
    stranger = province.api("county-clerk-2")
    assert stranger.ask("GET", f"/articles/{article['number']}").status == 404, "a draft is nobody else's"

    engineer.post(f"/articles/{article['number']}/actions/submit")
    published = province.api("province-head").post(f"/articles/{article['number']}/actions/publish")
    committed = time.monotonic()
    assert published["state"] == "published"
    wait_until(lambda: finds(stranger, "叫号屏 网页 进程", article["number"]), "the index", seconds=INDEX_WITHIN_S)
    print(f"found {time.monotonic() - committed:.2f} s after it was published")
    assert finds(stranger, "取号页面叫号屏", article["number"])
    assert stranger.ask("GET", f"/articles/{article['number']}").status == 200
    assert stranger.ask("GET", f"/tickets/{number}").status == 404, "the knowledge is everybody's, the matter is not"

    assert len(province.incidents(item)) == 1, "one breach is one incident"
    assert the_alert(province, item)["state"] == "resolved"


def the_alert(province: Province, item: int) -> Any:
    """The item's only alert."""
    [alert] = province.api("integration").items("/alerts", item=item)
    return alert


def recovery_noted(api: Any, number: str) -> bool:
    return any(fact["what"] == "alert-resolved" for fact in api.items(f"/tickets/{number}/timeline"))


def draft_of(province: Province, number: str) -> Any:
    """The article a resolved ticket became, as its author sees it."""
    found: list[Any] = []

    def there() -> bool:
        drafts = province.api("county-engineer").items("/articles", state="draft")
        found[:] = [article for article in drafts if article["ticket"] == number]
        return bool(found)

    wait_until(there, f"a draft from {number}")
    [article] = found
    return article


def finds(api: Any, words: str, number: str) -> bool:
    """Whether a search of these words has the article among its first three."""
    found = [hit["key"] for hit in api.items("/search", q=words, kind="article")[:3]]
    assert number in found, f"{words}: found {found}"
    return True
