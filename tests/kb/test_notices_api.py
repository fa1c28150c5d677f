"""K-04: notices to a subtree, for a time, with receipts, ending with their matter."""

from __future__ import annotations

import datetime as dt

import pytest

from core import clock, outbox
from core.events.servicedesk import IncidentReopened, IncidentResolved
from kb.notices import service

DOWN = {"title": "省局专线割接通知", "body": "今晚 22:00 割接，**网上办税厅**暂停。", "units": ["6101"]}


@pytest.fixture
def reviewer(world):
    return world.api("reviewer")


def made(api, **more):
    answer = api.post("/notices", json={**DOWN, **more})
    assert answer.status_code == 201, answer.json
    return answer.json


def test_K_04_a_notice_reaches_its_subtree_and_nobody_else(world, reviewer):
    notice = made(reviewer)
    assert notice["number"].startswith(f"N-{clock.now().year}-")
    assert (notice["state"], notice["active"]) == ("published", True)
    for login, status in {
        "lt-clerk": 200,
        "ty-clerk": 200,
        "xa-engineer": 200,
        "mx-clerk": 404,
        "bj-head": 404,
        "v1-head": 404,
    }.items():
        assert world.api(login).get(f"/notices/{notice['number']}").status_code == status, login
    assert [n["number"] for n in world.api("lt-clerk").get("/notices").json["items"]] == [notice["number"]]
    assert world.api("mx-clerk").get("/notices").json["items"] == []


def test_K_04_numbers_follow_each_other(reviewer):
    first, second = made(reviewer)["number"], made(reviewer)["number"]
    assert int(second[-4:]) == int(first[-4:]) + 1


def test_K_04_it_is_seen_for_its_time_only(world, reviewer):
    now = clock.now()
    ahead = made(
        reviewer,
        **{"from": (now + dt.timedelta(hours=1)).isoformat(), "until": (now + dt.timedelta(hours=2)).isoformat()},
    )
    clerk = world.api("lt-clerk")
    assert clerk.get(f"/notices/{ahead['number']}").status_code == 404, "not before it begins"
    assert ahead["active"] is False
    with clock.frozen(now + dt.timedelta(minutes=90)):
        assert world.api("lt-clerk").get("/notices?active=true").json["items"][0]["number"] == ahead["number"]
    with clock.frozen(now + dt.timedelta(hours=3)):
        assert world.api("lt-clerk").get("/notices?active=true").json["items"] == []
        with world.write() as session:
            assert service.end_overdue(session, clock.now()) == 1
        assert world.api("lt-clerk").get(f"/notices/{ahead['number']}").json["state"] == "ended"


def test_K_04_who_has_read_and_who_has_not(world, reviewer):
    number = made(reviewer, units=["610122"], must_read=True)["number"]
    assert world.api("lt-clerk").post(f"/notices/{number}/receipts").status_code == 200
    rows = reviewer.get(f"/notices/{number}/receipts").json["items"]
    assert {r["person"] for r in rows} == {"lt-clerk", "lt-clerk-2", "lt-head", "lt-engineer", "ty-clerk"}
    assert [r["person"] for r in reviewer.get(f"/notices/{number}/receipts?read=true").json["items"]] == ["lt-clerk"]
    unread = reviewer.get(f"/notices/{number}/receipts?read=false&unit=610122-01").json["items"]
    assert [(r["person"], r["read_at"]) for r in unread] == [("ty-clerk", None)]
    first = reviewer.get(f"/notices/{number}/receipts?limit=2").json
    assert len(first["items"]) == 2
    assert first["next"]
    assert world.api("lt-clerk").get(f"/notices/{number}/receipts").status_code == 403


def test_K_04_after_a_change_it_can_be_asked_again(world, reviewer):
    number = made(reviewer, must_read=True)["number"]
    world.api("lt-clerk").post(f"/notices/{number}/receipts")
    reviewer.patch(f"/notices/{number}", json={"title": "割接改期"})
    assert len(reviewer.get(f"/notices/{number}/receipts?read=true").json["items"]) == 1
    reviewer.patch(f"/notices/{number}", json={"body": "改到明晚", "confirm_again": True})
    assert reviewer.get(f"/notices/{number}/receipts?read=true").json["items"] == []
    world.api("lt-clerk").post(f"/notices/{number}/receipts")
    assert len(reviewer.get(f"/notices/{number}/receipts?read=true").json["items"]) == 1


def tell(world, event) -> None:
    with world.write() as session:
        outbox.record(session, event, now=clock.now())
    world.relay()


def test_K_04_a_notice_ends_with_its_matter_and_comes_back_with_it(world, reviewer):
    number = made(reviewer, ticket="INC-2026-000001")["number"]
    other = made(reviewer, ticket="INC-2026-000002")["number"]
    tell(world, IncidentResolved(ticket_id=1, number="INC-2026-000001"))
    assert reviewer.get(f"/notices/{number}").json["state"] == "ended"
    assert reviewer.get(f"/notices/{other}").json["state"] == "published"
    tell(world, IncidentReopened(ticket_id=1, number="INC-2026-000001", reason="又断了", count=1))
    assert reviewer.get(f"/notices/{number}").json["state"] == "published"
    reviewer.post(f"/notices/{number}/actions/end")
    tell(world, IncidentReopened(ticket_id=1, number="INC-2026-000001", reason="又断了", count=2))
    assert reviewer.get(f"/notices/{number}").json["state"] == "ended", "what a person ended stays ended"


def test_K_04_a_head_writes_and_the_reviewer_publishes(world, reviewer):
    head = world.api("lt-head")
    draft = made(head, units=["610122"])
    assert draft["state"] == "draft"
    number = draft["number"]
    assert world.api("lt-clerk").get(f"/notices/{number}").status_code == 404
    assert head.post(f"/notices/{number}/actions/publish").status_code == 403
    assert head.post("/notices", json={**DOWN, "state": "published"}).status_code == 403
    assert reviewer.post(f"/notices/{number}/actions/publish").json["state"] == "published"
    assert head.patch(f"/notices/{number}", json={"title": "改"}).status_code == 403
    assert world.api("zz-head").get(f"/notices/{number}").status_code == 404


@pytest.mark.parametrize("login", ["lt-clerk", "lt-engineer", "leader", "v1-head"])
def test_who_may_not_write_notices_gets_404(world, login):
    assert world.api(login).post("/notices", json=DOWN).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": " "}, "title"),
        ({"units": ["nowhere"]}, "units[0]"),
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "2030-01-01T00:00:00"}, "until"),
        ({"services": [4711]}, "services[0]"),
        ({"x": 1}, "x"),
    ],
)
def test_R_04_bad_input_is_refused_whole_with_the_place(reviewer, wrong, field):
    answer = reviewer.post("/notices", json={**DOWN, **wrong})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    assert reviewer.get("/notices").json["items"] == []


def test_a_notice_whose_time_is_over_is_not_published(reviewer):
    number = made(reviewer, state="draft", **{"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"})[
        "number"
    ]
    assert reviewer.post(f"/notices/{number}/actions/publish").status_code == 409


def test_ended_notices_stay_readable(world, reviewer):
    number = made(reviewer)["number"]
    assert reviewer.delete(f"/notices/{number}").status_code == 204
    assert world.api("lt-clerk").get(f"/notices/{number}").json["state"] == "ended"
    assert reviewer.delete(f"/notices/{number}").status_code == 409
