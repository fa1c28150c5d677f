"""Words in the list of tickets: the index finds them, and order, cursor, filters and scope stay those of the list."""

from __future__ import annotations

import pytest

from accounts.scope import forget_viewers
from kb.search import index
from kb.search.current import engine_of
from kb.search.elasticsearch import ElasticsearchEngine
from kb.search.elasticsearch.cluster import Address
from kb.search.registry import sources
from servicedesk import finding
from servicedesk.tickets import access
from tests.servers.base import free_port

TITLES = ("打印机卡纸不出纸", "网上申报提交失败 ORA-01653", "打印机脱机", "三楼网络中断")
PAST = {"kind": "incident", "category": "desktop", "state": "closed", "urgency": 3, "impact": 3, "description": "窗口"}
COUNT = 28


@pytest.fixture
def told(world):
    """Past incidents of two counties, three of them in each second, in the index: (number, title, unit), newest first."""
    api = world.api("integration", "ticket.import", "ticket.read")
    past = [
        PAST | {"title": TITLES[n % 4], "unit": ("610122", "6103")[n % 7 == 0], "resolved_at": "2026-03-02T03:00:00Z"}
        | {"opened_at": f"2026-03-02T01:{n // 3:02d}:00Z"}
        for n in range(COUNT)
    ]  # fmt: skip
    answer = api.post("/tickets", {"items": past})
    assert answer.status_code == 201, answer.json
    index.rebuild(world.engine, engine_of(world.app), sources)
    return [(made["number"], made["title"], made["unit"]) for made in reversed(answer.json["items"])]


@pytest.fixture(params=["index", "crowded", "few", "away", "away from whoever sees few"])
def way(request, world, monkeypatch, told):
    """Each way words are found by, with pieces so small that every page needs several."""
    monkeypatch.setattr(finding, "FIRST", 2)  # fewer than are opened in one second
    monkeypatch.setattr(finding, "LARGEST", 2 if request.param == "crowded" else 8)
    monkeypatch.setattr(finding, "STEP", 5)
    monkeypatch.setattr(finding, "FEW", 2000 if request.param == "few" else 0)
    if request.param != "away from whoever sees few":
        monkeypatch.setattr(access, "MANY", 1)
    forget_viewers()
    if request.param.startswith("away"):
        engine = ElasticsearchEngine(Address.of(f"https://u:secret@127.0.0.1:{free_port()}"))
        monkeypatch.setitem(world.app.extensions, "taxops.search", engine)
    yield request.param
    forget_viewers()


def walk(api, **query):
    """The numbers of every page, one page after another."""
    found, cursor = [], None
    for _page in range(40):
        answer = api.get("/tickets", query_string=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.json
        assert len(answer.json["items"]) <= query["limit"]
        found += [t["number"] for t in answer.json["items"]]
        if (cursor := answer.json["next"]) is None:
            return found
    raise AssertionError("the pages have no end")


def test_every_way_finds_each_once_and_newest_first_in_lists_runs_and_counts(world, told, way):
    everybody, county = world.api("integration", "ticket.read"), world.api("lt-engineer")
    printers = [number for number, title, _unit in told if "打印机" in title]
    assert walk(everybody, q="打印机", limit=3) == printers
    assert walk(everybody, q="打印机", limit=200) == printers
    assert walk(everybody, q="ORA-01653", limit=2) == [n for n, title, _unit in told if "ORA" in title]
    assert walk(everybody, q="打印机", unit="6103", limit=3) == [
        n for n, title, unit in told if unit == "6103" and "打印机" in title
    ]
    assert walk(everybody, q="打印机", open="true", limit=3) == walk(everybody, q="投影仪", limit=3) == []
    assert walk(county, q="打印机", limit=3) == [n for n, title, unit in told if unit == "610122" and "打印机" in title]
    assert walk(world.api("v1-engineer"), q="打印机", limit=3) == []
    assert everybody.get("/tickets?q=打印机&cursor=none").status_code == 422

    number = told[3][0]
    assert walk(everybody, q=number.lower(), limit=5) == [number]
    assert walk(everybody, q=number.replace("-0000", "-"), limit=5) == [number]
    assert walk(world.api("zz-engineer"), q=number, limit=5) == []
    short = str(int(number[-6:]))
    for typed in (number[4:], f"{number[4:9]}{short}", short):
        assert number in walk(everybody, q=typed, limit=5), typed
    assert walk(everybody, q=number[:8], limit=5) == [n for n, _title, _unit in told if n.startswith(number[:8])]

    api = world.api("p-engineer")
    run = api.post(
        "/bulk-runs", {"action": "comment", "filter": {"q": "打印机"}, "first": 9, "values": {"text": "已查"}}
    )
    assert run.status_code == 201, run.json
    assert run.json["total"] == 9
    kept = api.post("/ticket-filters", {"name": "打印机", "query": {"q": "打印机"}})
    assert kept.status_code == 201, kept.json
    counted = {each["name"]: each["count"] for each in api.get("/ticket-filters?counts=true").json["items"]}
    assert counted["打印机"] in {len(printers), None}
    page = world.client("p-engineer").get("/desk/tickets?q=打印机&view=all").text
    shown = [number for number in printers if number in page]
    assert shown == printers[: len(shown)]
    assert ("搜索索引暂时不可用" in page) is way.startswith("away")
    assert len(shown) == len(printers) or "更早的" in page
