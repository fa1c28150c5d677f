"""What no database keeps is refused at the door, with the field's name, and nothing is half stored (R-04)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fixtures.world import World

HUGE = 2**63
NEW = {"name": "新交换机", "type": "switch", "unit": "610122"}
REPORT = {"kind": "incident", "title": "打印机不打印", "category": "desktop"}


@pytest.mark.parametrize(
    "path",
    [
        "/attachments/{}", "/checks/{}", "/heartbeats/{}", "/items/{}", "/items/{}/history", "/relations/{}", "/schedules/{}",
        "/schedules/{}/oncall",
    ],
)  # fmt: skip
def test_number_no_row_can_have_is_not_found(world: World, path: str) -> None:
    assert world.api("integration").get(path.format(HUGE)).status_code == 404


def test_pages_with_a_number_no_row_can_have(world: World) -> None:
    browser = world.client("p-head")
    for path in ("/checks/{}", "/checks/{}/edit", "/checks/{}/chart.json", "/items/{}"):
        assert browser.get(path.format(HUGE)).status_code == 404, path
    for path in ("/alerts?item={}", "/checks?item={}", "/items?service={}"):
        assert browser.get(path.format(HUGE)).status_code < 500, path


@pytest.mark.parametrize(
    ("path", "field"), [("/alerts?check={}", "check"), ("/alerts?service={}", "service"), ("/checks?item={}", "item")]
)
def test_filter_by_a_number_too_big(world: World, path: str, field: str) -> None:
    answer = world.api("integration").get(path.format(HUGE))
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/checks", {"item": HUGE, "type": "tcp"}, "item"),
        ("/items", {**NEW, "attributes": {"note": "\ud800"}}, "attributes.note"),
        ("/items", {**NEW, "attributes": {"note": ["a\x00b"]}}, "attributes.note[0]"),
        ("/items", {**NEW, "attributes": {"\ud800": "x"}}, "attributes"),
        ("/items", {**NEW, "attributes": {"ports": float("nan")}}, "attributes.ports"),
        ("/items", {**NEW, "attributes": {"ports": 10**40}}, "attributes.ports"),
        ("/items", {**NEW, "name": "a\x00b"}, "name"),
        ("/tickets", {**REPORT, "title": "\u200b\u2060 \ufeff"}, "title"),
    ],
)
def test_body_that_no_database_keeps(world: World, path: str, body: dict[str, Any], field: str) -> None:
    api = world.api("integration")
    answer = api.post(path, data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert any(e["field"].startswith(field) for e in answer.json["errors"])
    again = api.post(path, data=json.dumps({"items": [body]}), content_type="application/json")
    assert any(e["field"].startswith(f"items[0].{field}") for e in again.json["errors"])


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00Z",
        "1899-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        1,
        "20261123",
    ],
)
def test_time_out_of_all_calendars(world: World, at: object) -> None:
    api = world.api("integration")
    answer = api.post("/tickets", {**REPORT, "opened_at": at})
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["field"] == "opened_at"


def test_a_notice_beyond_time_does_not_take_the_board_away(world: World) -> None:
    """Once stored, a time that has no wall clock made the list of notices fail for everybody."""
    odd = {"title": "停机通知", "body": "今晚停机。", "units": ["61"], "from": "0001-01-01T00:00:00Z"}
    assert world.api("integration").post("/notices", odd).status_code == 422
    head = world.client("p-head")
    form = {
        "title": "停机通知",
        "body": "今晚停机。",
        "units": ["61"],
        "then": "publish",
        "starts_at": "9999-12-31T23:59",
    }
    assert world.submit(head, "/notices/new", form).status_code == 422
    assert head.get("/notices").status_code == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_pages_asked_for_a_time_out_of_all_calendars(world: World, at: str) -> None:
    item = world.api("integration").post("/items", NEW).json["id"]
    assert world.client("p-head").get(f"/items/{item}/history?at={at}").status_code == 404
    assert world.client("aud-admin").get(f"/admin/audit?day={at[:10]}").status_code == 422
