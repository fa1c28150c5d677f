"""Lists as the contract has them: filters by each field, and limit and cursor everywhere, on both databases."""

from __future__ import annotations

import io

import pytest

PAST = {
    "kind": "incident", "title": "开票报错", "category": "application", "unit": "610122", "description": "点保存就报错",
    "opened_at": "2026-03-02T01:00:00Z", "resolved_at": "2026-03-02T03:00:00Z", "state": "closed",
    "reporter": "lt-clerk", "urgency": 2, "impact": 2,
}  # fmt: skip
CHANGE = {
    "kind": "change", "title": "升级门户", "category": "server", "unit": "61", "state": "closed",
    "planned_start": "2026-03-07T12:00:00Z", "planned_end": "2026-03-07T14:00:00Z", "opened_at": "2026-03-01T01:00:00Z",
    "actual_start": "2026-03-07T12:10:00Z", "actual_end": "2026-03-07T13:30:00Z",
}  # fmt: skip
LISTED = (
    "number", "kind", "state", "title", "description", "category", "service", "item", "urgency", "impact", "priority",
    "reporter", "unit", "holder", "team", "line", "major", "parent", "opened_at", "resolved_at", "closed_at", "source",
)  # fmt: skip
OF_A_CHANGE = ("planned_start", "planned_end", "actual_start", "actual_end")


@pytest.fixture
def integration(world):
    return world.api("integration", "ticket.import", "ticket.read", "item.write", "item.read")


@pytest.fixture
def made(world, integration):
    """A past incident with everything in it, another of the same hour elsewhere, and a change."""
    item = {"name": "门户服务器", "type": "server", "unit": "61"}
    items = [integration.post("/items", item | {"name": f"{item['name']}{n}"}).json["id"] for n in range(2)]
    one = integration.post("/tickets", PAST | {"item": items[0]})
    other = {"title": "别的", "unit": "6103", "description": "", "category": "wan", "reporter": None, "urgency": 3}
    other |= {"opened_at": "2026-04-01T01:00:00Z", "resolved_at": "2026-04-01T09:00:00Z", "state": "resolved"}
    two = integration.post("/tickets", PAST | other)
    three = integration.post("/tickets", CHANGE | {"items": items})
    assert [a.status_code for a in (one, two, three)] == [201, 201, 201], (one.json, two.json, three.json)
    return [a.json for a in (one, two, three)]


def numbers(api, **query):
    answer = api.get("/tickets", query_string=query)
    assert answer.status_code == 200, (query, answer.json)
    return [t["number"] for t in answer.json["items"]]


def test_filters_by_each_field_of_the_contract(integration, made):
    one, two, three = made
    every = {t["number"] for t in made}
    for ticket, fields in ((one, LISTED), (two, LISTED), (three, LISTED + OF_A_CHANGE)):
        for name in fields:
            value = ticket[name]
            if value is None:
                continue
            found = set(numbers(integration, **{name: str(value).lower() if isinstance(value, bool) else value}))
            alike = {t["number"] for t in made if t[name] == value}
            if name == "unit":
                alike |= {t["number"] for t in made if t["unit"].startswith(value)}
            assert found == alike, name
            assert found <= every
    assert numbers(integration, items=three["items"][1]) == [three["number"]]
    assert numbers(integration, items=three["items"][1] + 100) == []
    assert numbers(integration, clocks="met") == [two["number"], one["number"]]
    assert numbers(integration, clocks="running") == []
    assert numbers(integration, title="开票") == [], "whole words; q looks inside"
    assert numbers(integration, q="开票") == [one["number"]]


@pytest.mark.parametrize("name", ["opened_at", "resolved_at", "closed_at"])
def test_times_are_taken_exactly_and_as_a_range(integration, made, name):
    one, two, _change = made
    short = name.removesuffix("_at")
    if two[name] is None:  # only solved
        two = one
    at = one[name]
    span = {f"{short}_from": at, f"{short}_until": "2026-03-03T00:00:00Z"}
    assert numbers(integration, **{name: at}) == [one["number"]]
    assert numbers(integration, **span) == [one["number"]]
    assert one["number"] not in numbers(integration, **{f"{short}_until": at}), "the end is not included"
    wrong = integration.get("/tickets", query_string={name: "gestern"})
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, name)


def test_running_clocks_are_found_by_how_they_stand(world):
    number = (
        world.api("lt-clerk")
        .post("/tickets", {"kind": "incident", "title": "慢", "category": "desktop"})
        .json["number"]
    )
    engineer = world.api("lt-engineer")
    assert numbers(engineer, clocks="running") == [number]
    assert numbers(engineer, clocks="breached") == []
    engineer.post(f"/tickets/{number}/actions/accept")
    assert numbers(engineer, clocks="met") == [number], "it was answered in time"


def walk(api, path, limit=2):
    """All pages, and how many there were."""
    found, cursor, pages = [], None, 0
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = api.get(path, query_string=query)
        assert answer.status_code == 200, (path, answer.json)
        assert len(answer.json["items"]) <= limit
        found += answer.json["items"]
        pages += 1
        if (cursor := answer.json["next"]) is None:
            return found, pages


SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}
SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}


@pytest.fixture
def busy(world):
    """A matter with five of everything."""
    clerk, county = world.api("lt-clerk"), world.api("lt-engineer")
    number = clerk.post("/tickets", {"kind": "incident", "title": "打印机脱机", "category": "desktop"}).json["number"]
    path = f"/tickets/{number}"
    county.post(f"{path}/actions/accept")
    for n in range(5):
        body = {"to": "6101", "reason": f"修不了 {n}", "sheet": SHEET, "search": SEARCH}
        sent = county.post(f"{path}/handoffs", body).json["id"]
        county.post(f"{path}/handoffs/{sent}/withdraw")
        county.post(f"{path}/timeline", {"text": f"第 {n} 句", "internal": bool(n % 2)})
        clerk.client.post(
            f"/api/v1{path}/attachments",
            headers={"Authorization": f"Bearer {clerk.token}"},
            data={"file": (io.BytesIO(b"log"), f"{n}.txt")},
        )
    return path


@pytest.mark.parametrize(("side", "least"), [("timeline", 20), ("custody", 12), ("handoffs", 5), ("attachments", 5)])
def test_the_lists_of_one_ticket_take_limit_and_cursor(world, busy, side, least):
    county = world.api("lt-engineer")
    whole = county.get(f"{busy}/{side}?limit=200").json
    found, pages = walk(county, f"{busy}/{side}")
    assert (found, whole["next"]) == (whole["items"], None)
    assert len(found) >= least
    assert pages == -(-len(found) // 2)
    for wrong in ("limit=0", "limit=201", "cursor=x", "colour=red"):
        assert county.get(f"{busy}/{side}?{wrong}").status_code == 422, wrong


def test_T_05_pages_of_a_timeline_hold_back_internal_lines(world, busy):
    found, _pages = walk(world.api("lt-clerk"), f"{busy}/timeline")
    said = [line["text"] for line in found if line["what"] == "commented"]
    assert said == ["第 0 句", "第 2 句", "第 4 句"]
