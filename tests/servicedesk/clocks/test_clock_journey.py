"""A ticket climbs through the API of the contract, and its clocks say what T-02 and T-03 promise, hour by hour."""

from __future__ import annotations

import datetime as dt

from core import clock
from core.calendar import DEFAULT_CALENDAR
from core.clock import frozen
from tests.fixtures.world import ApiClient, World

SHEET = {
    "symptom": "打印机脱机，打不出票", "since": "今天早上", "affected": "办税厅三个窗口", "error": "无", "tried": "重启过打印机和电脑",
    "contact": "蓝工 029-1234567", "device": "得力 DL-888", "system_version": "统信 20",
}  # fmt: skip
SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}


def morning() -> dt.datetime:
    """The next working day's opening time whose following day is a full working day too."""
    start = DEFAULT_CALENDAR.next_working(clock.now() + dt.timedelta(hours=16))
    while DEFAULT_CALENDAR.elapsed(start, start + dt.timedelta(hours=8)) != dt.timedelta(hours=7):
        start = DEFAULT_CALENDAR.next_working(start + dt.timedelta(hours=1))
    return start


def clocks(api: ApiClient, number: str) -> dict[str, dict[str, object]]:
    answer = api.get(f"/tickets/{number}")
    assert answer.status_code == 200, answer.json
    return {one["name"]: one for one in answer.json["clocks"]}


def test_T_03_a_ticket_climbs_and_each_line_has_its_clock(world: World) -> None:
    start = morning()
    county, city = "lt-engineer", "xa-engineer"
    with frozen(start):
        body = {"kind": "incident", "title": "打印机脱机", "category": "desktop", "urgency": 3, "impact": 3}
        made = world.api("lt-clerk").post("/tickets", body)
        assert made.status_code == 201, made.json
        number = made.json["number"]
        found = clocks(world.api("lt-clerk"), number)
        assert set(found) == {"respond", "resolve"}
        assert found["respond"]["due_at"] == iso(DEFAULT_CALENDAR.advance(start, 8 * 60))  # priority 5
        assert found["resolve"]["due_at"] == iso(DEFAULT_CALENDAR.advance(start, 40 * 60))
    with frozen(start + dt.timedelta(minutes=20)):
        assert world.api(county).post(f"/tickets/{number}/actions/accept").status_code == 200
    with frozen(start + dt.timedelta(minutes=60)):
        sent = world.api(county).post(
            f"/tickets/{number}/handoffs", {"to": "6101", "reason": "修不了", "sheet": SHEET, "search": SEARCH}
        )
        assert sent.status_code == 201, sent.json
        found = clocks(world.api(county), number)
        assert (found["respond"]["state"], found["respond"]["elapsed_minutes"]) == ("met", 20)
        assert (found["line-county"]["state"], found["line-county"]["elapsed_minutes"]) == ("running", 40)
        assert found["line-city-respond"]["started_at"] == iso(start + dt.timedelta(minutes=60))
    with frozen(start + dt.timedelta(minutes=80)):
        accepted = world.api(city).post(f"/tickets/{number}/handoffs/{sent.json['id']}/accept", {"clarity": 5})
        assert accepted.status_code == 200, accepted.json
        found = clocks(world.api(city), number)
        assert (found["line-county"]["state"], found["line-county"]["elapsed_minutes"]) == ("met", 60)
        assert found["line-city"]["started_at"] == iso(start + dt.timedelta(minutes=80))
        assert found["resolve"]["started_at"] == iso(start)
    with frozen(start + dt.timedelta(minutes=100)):
        assert world.api(city).post(f"/tickets/{number}/actions/suspend", {"reason": "等报障人拍照"}).status_code == 200
    with frozen(start + dt.timedelta(minutes=130)):
        paused = clocks(world.api(city), number)
        assert paused["resolve"]["paused"]
        assert paused["resolve"]["elapsed_minutes"] == 100
        assert world.api(city).post(f"/tickets/{number}/actions/resume").status_code == 200
        found = clocks(world.api(city), number)
        assert found["resolve"]["due_at"] == iso(DEFAULT_CALENDAR.advance(start, 40 * 60 + 30))
        assert not found["resolve"]["paused"]
    with frozen(start + dt.timedelta(minutes=140)):
        solved = world.api(city).post(f"/tickets/{number}/actions/resolve", {"solution": "换了数据线"})
        assert solved.status_code == 200, solved.json
        found = clocks(world.api(city), number)
        assert {name: one["state"] for name, one in found.items()} == dict.fromkeys(found, "met")
        assert found["resolve"]["elapsed_minutes"] == 110


def iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
