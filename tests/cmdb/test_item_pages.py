"""The pages: registering, relating, marking, retiring, restoring; with what was typed kept when something is wrong."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from accounts.models import Unit
from cmdb import service
from cmdb.models import Health
from core import clock
from tests.cmdb.conftest import Estate
from tests.guards.pages import problems, readable
from tests.guards.test_pages import raw_names


def page(estate: Estate, login: str, path: str) -> str:
    answer = estate.world.client(login).get(path)
    assert answer.status_code == 200, path
    return str(answer.get_data(as_text=True))


def test_an_item_is_registered_changed_related_retired_and_restored(estate: Estate) -> None:
    world = estate.world
    client = world.client("lt-engineer")
    form = {
        "type": "switch", "name": "三楼交换机", "unit": "610122", "lifecycle": "live", "attributes.ports": "24",
        "extra": "机柜=A01", "key": "k" * 20,
    }  # fmt: skip
    made = world.submit(client, "/items/new", form)
    assert made.status_code == 303
    assert world.submit(client, "/items/new", form).headers["Location"] == made.headers["Location"]  # a double click
    url = made.headers["Location"]
    text = client.get(url).get_data(as_text=True)
    assert "三楼交换机" in text
    assert "A01" in text
    edit = client.get(f"{url}/edit").get_data(as_text=True)
    revision = re.search(r'name="revision" value="(\d+)"', edit)
    assert revision
    changed = {**form, "name": "三楼接入交换机", "attributes.ports": "48", "extra": "", "revision": revision[1]}
    assert world.submit(client, f"{url}/edit", changed).status_code == 303
    stale = world.submit(client, f"{url}/edit", {**changed, "name": "别的名字"})
    assert stale.status_code == 422
    assert "别的名字" in stale.get_data(as_text=True)
    history = client.get(f"{url}/history").get_data(as_text=True)
    assert "三楼接入交换机" in history
    assert "端口数" in history

    assert world.submit(client, f"{url}/relations", {"kind": "connected-to", "target": "路由器"}).status_code == 303
    assert "解除" in client.get(url).get_data(as_text=True)
    assert (
        world.submit(client, f"{url}/marks", {"affected": "机关", "mark": "declared", "reason": "同一机柜"}).status_code
        == 303
    )
    assert "同一机柜" in client.get(url).get_data(as_text=True)
    assert world.submit(client, f"{url}/retire").status_code == 303
    assert "已停用" in client.get(url).get_data(as_text=True)
    before = (clock.now()).isoformat()
    assert world.submit(client, f"{url}/restore", {"at": before}).status_code == 303


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(estate: Estate) -> None:
    world = estate.world
    client = world.client("lt-engineer")
    wrong = {
        "type": "switch",
        "name": "路由器",
        "unit": "610122",
        "attributes.ports": "三个",
        "address": "10.9.9.9",
        "extra": "没有等号",
    }
    cases = (
        ({}, "名称=值"), ({"extra": ""}, "已有名为"), ({"extra": "", "name": "新"}, "须为整数"),
        ({"unit": "610124", "extra": ""}, "不能在那里"),
    )  # fmt: skip
    for change, says in cases:
        answer = world.submit(client, "/items/new", {**wrong, **change})
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert says in text
        assert "10.9.9.9" in text
        assert "三个" in text


def test_relations_typed_by_hand_say_what_is_wrong(estate: Estate) -> None:
    world = estate.world
    client = world.client("lt-engineer")
    url = f"/items/{estate.ids['机关']}"
    for target, says in (
        ("没有这个", "没有名为"),
        ("机关", "不能依赖自己"),
        ("路由器", "已经存在"),
        ("周至路由器", "没有名为"),
    ):
        world.submit(client, f"{url}/relations", {"kind": "depends-on", "target": target})
        assert says in client.get(url).get_data(as_text=True)


def test_the_page_says_in_words_whom_it_hits(estate: Estate) -> None:
    text = page(estate, "lt-engineer", f"/items/{estate.ids['路由器']}")
    assert "影响 1 个系统、5 人" in text
    assert "没有监控项在看它" in text or "hx-get" in text
    alone = page(estate, "lt-engineer", f"/items/{estate.ids['主线']}")
    assert "有备用顶替，单独停了不影响系统和人员" in alone
    assert "没有登记受它影响的系统和人员" in page(estate, "p-head", f"/items/{estate.ids['周至路由器']}")


def test_the_list_is_narrowed_by_what_stands_in_the_address(estate: Estate) -> None:
    assert "周至路由器" in page(estate, "p-head", "/items?type=router&under=6101")
    assert "周至路由器" not in page(estate, "p-head", "/items?type=router&under=610122")
    assert "没有符合条件的配置项" in page(estate, "p-head", "/items?q=zzz")
    assert "主机" in page(estate, "p-head", "/items?health=nodata&lifecycle=bogus")


def test_lists_ask_the_database_the_same_number_of_times_however_long_they_are(estate: Estate) -> None:
    client = estate.world.client("p-head")
    client.get("/items")
    seen: list[str] = []
    sa.event.listen(
        estate.world.engine, "before_cursor_execute", lambda _c, _cur, statement, *_rest: seen.append(statement)
    )
    counts = []
    for more in (0, 40):
        with estate.world.write() as session:
            unit = session.get_one(Unit, estate.world.units["6103"])
            for n in range(more):
                service.create_item(session, name=f"终端 {n}", type_code="terminal", unit=unit, now=clock.now())
        seen.clear()
        client.get("/items")
        counts.append(len(seen))
    assert counts[0] == counts[1] < 20  # sign-in and menu included


@pytest.mark.parametrize("login", ["p-head", "lt-engineer", "leader", "lt-clerk"])
def test_every_page_is_valid_html_with_labels_and_without_raw_names(estate: Estate, login: str) -> None:
    client = estate.world.client(login)
    estate.health("应用一", Health.CRITICAL)
    estate.health("应用二", Health.OK)
    estate.health("路由器", Health.WARNING)
    world = estate.world
    world.submit(
        world.client("p-head"),
        f"/items/{estate.ids['应用一']}/marks",
        {"affected": "机关", "mark": "declared", "reason": "缓存"},
    )
    service_id, router, application = (estate.ids[name] for name in ("核心征管", "路由器", "应用一"))
    paths = [
        "/items", "/items?q=zzz", "/items?health=critical", f"/items?service={service_id}", "/services", "/services?q=zzz",
        f"/services/{service_id}", f"/items/{service_id}/edit", f"/items/{router}", f"/items/{router}/edit",
        f"/items/{router}/history", f"/items/{application}", "/items/new", "/items/new?type=router", "/items/new?type=service",
    ]  # fmt: skip
    opened = 0
    for path in paths:
        answer = client.get(path)
        assert answer.status_code in {200, 403, 404}, path
        if answer.status_code != 200:
            continue
        opened += 1
        text = answer.get_data(as_text=True)
        assert problems(text) == [], path
        assert [word for word in readable(text) if word in raw_names()] == [], path
    assert opened >= 3
