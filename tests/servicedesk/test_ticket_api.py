"""/api/v1/tickets as the contract has it, through HTTP, on both databases."""

from __future__ import annotations

import io

import pytest

CONTRACT = {
    "number",
    "kind",
    "state",
    "title",
    "description",
    "category",
    "service",
    "item",
    "urgency",
    "impact",
    "priority",
    "reporter",
    "unit",
    "holder",
    "team",
    "line",
    "major",
    "parent",
    "opened_at",
    "resolved_at",
    "closed_at",
    "clocks",
    "source",
}
NEW = {"kind": "incident", "title": "打印机脱机", "category": "desktop"}
SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}
SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def clerk(world):
    return world.api("lt-clerk")


@pytest.fixture
def engineer(world):
    return world.api("lt-engineer")


@pytest.fixture
def number(clerk):
    return clerk.post("/tickets", NEW).json["number"]


def test_opening_answers_the_whole_object(clerk):
    answer = clerk.post("/tickets", NEW)
    assert answer.status_code == 201
    made = answer.json
    assert answer.headers["Location"] == f"/api/v1/tickets/{made['number']}"
    assert set(made) >= CONTRACT
    assert (made["unit"], made["team"], made["line"], made["reporter"]) == ("610122", "X-LT", "county", "lt-clerk")
    assert (made["state"], made["priority"], made["source"]) == ("new", 5, "api")
    assert {c["name"]: set(c) for c in made["clocks"]}["respond"] == {
        "name",
        "started_at",
        "due_at",
        "paused",
        "elapsed_minutes",
        "state",
    }
    assert clerk.get(f"/tickets/{made['number']}").json == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"title": ""}, "title"),
        ({"urgency": 4}, "urgency"),
        ({"colour": "red"}, "colour"),
        ({"unit": "6103"}, "unit"),
        ({"reporter": "zz-clerk"}, "reporter"),
        ({"item": 999999}, "item"),
        ({"opened_at": "2026-01-01T00:00:00Z"}, "opened_at"),
        ({"parent": "INC-2026-999999"}, "parent"),
    ],
)
def test_R_04_what_is_wrong_is_named_and_nothing_stored(clerk, change, field):
    answer = clerk.post("/tickets", NEW | change)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json["errors"]] == [field]
    assert clerk.get("/tickets").json["items"] == []


def test_R_04_bulk_is_all_or_nothing_and_in_order(world):
    integration = world.api("integration")
    bad = integration.post("/tickets", {"items": [NEW | {"unit": "6101"}, NEW | {"unit": "nowhere"}]})
    assert (bad.status_code, bad.json["errors"][0]["field"]) == (422, "items[1].unit")
    assert integration.get("/tickets").json["items"] == []
    good = integration.post("/tickets", {"items": [NEW | {"unit": "6101", "title": t} for t in ("甲", "乙")]})
    assert [t["title"] for t in good.json["items"]] == ["甲", "乙"]
    assert {t["reporter"] for t in good.json["items"]} == {None}


def test_actions_walk_and_refusals_name_what_is_allowed(clerk, engineer, number):
    def act(who, action, body=None):
        return who.post(f"/tickets/{number}/actions/{action}", body)

    assert act(clerk, "accept").status_code == 403
    early = act(engineer, "resolve", {"solution": "x"})
    assert (early.status_code, early.json["type"].endswith("transition-refused")) == (409, True)
    assert early.json["allowed"][0] == "accept"
    assert "recover" not in early.json["allowed"], "only monitoring can say that"
    assert act(engineer, "acknowledge").json["acknowledged_by"] == "lt-engineer"
    accepted = act(engineer, "accept").json
    assert (accepted["state"], accepted["holder"]) == ("active", "lt-engineer")
    assert act(engineer, "suspend", {"reason": "等照片"}).json["clocks"][1]["paused"] is True
    assert act(engineer, "resume").json["state"] == "active"
    assert act(engineer, "resolve", {}).status_code == 422
    assert act(engineer, "resolve", {"solution": "换线", "cause": "老化"}).json["state"] == "resolved"
    assert act(engineer, "confirm", {"stars": 5}).status_code == 403
    assert act(clerk, "reopen", {"reason": "又坏"}).json["state"] == "active"
    act(engineer, "resolve", {"solution": "换机"})
    closed = act(clerk, "confirm", {"stars": 4, "comment": "好"}).json
    assert (closed["state"], closed["stars"]) == ("closed", 4)
    assert act(engineer, "nonsense").status_code == 404


def test_T_05_strangers_get_404_for_every_method_and_the_card(world, number):
    stranger = world.api("zz-engineer")
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/timeline"),
        ("POST", "/timeline"),
        ("GET", "/custody"),
        ("GET", "/handoffs"),
        ("POST", "/handoffs"),
        ("GET", "/attachments"),
        ("POST", "/actions/accept"),
        ("POST", "/actions/cancel"),
        ("POST", "/urge"),
    ):
        answer = stranger.call(
            method, f"/tickets/{number}{path}", json={"reason": "x", "text": "x"} if method != "GET" else None
        )
        assert answer.status_code in {404, 422}, (method, path)
        if answer.status_code == 422:  # the body is judged before the ticket is looked for; nothing of it is told
            assert number not in answer.get_data(as_text=True)
    card = stranger.get(f"/tickets/{number}/card")
    assert card.status_code == 200
    assert set(card.json) == {"kind", "service", "error_code", "area", "since", "state"}
    assert card.json["area"] == "西安市局"
    assert world.api("v1-engineer").get(f"/tickets/{number}/card").status_code == 404
    assert stranger.get("/tickets").json["items"] == []
    assert stranger.get("/tickets?q=打印机").json["items"] == []


def test_lists_filter_and_page_by_key(world, clerk):
    for title in ("一", "二", "三"):
        clerk.post("/tickets", NEW | {"title": title})
    engineer = world.api("xa-engineer")
    first = engineer.get("/tickets?limit=2").json
    rest = engineer.get(f"/tickets?limit=2&cursor={first['next']}").json
    assert [t["title"] for t in first["items"] + rest["items"]] == ["三", "二", "一"]
    assert rest["next"] is None
    for query, expected in (
        ("state=new&unit=610122", 3),
        ("unit=6101", 3),
        ("unit=6103", 0),
        ("line=city", 0),
        ("reporter=lt-clerk", 3),
        ("q=二", 1),
        ("category=wan", 0),
        ("team=X-LT&priority=5", 3),
        ("holder=lt-engineer", 0),
        ("kind=change", 0),
        ("source=api&open=true", 3),
        ("overdue=true", 0),
    ):
        assert len(engineer.get(f"/tickets?{query}").json["items"]) == expected, query
    assert engineer.get("/tickets?state=party").status_code == 422


def test_handing_up_and_custody_over_http(world, clerk, engineer, number):
    city = world.api("xa-engineer")
    assert engineer.post(f"/tickets/{number}/handoffs", {"to": "6101"}).status_code == 409  # acceptance first
    engineer.post(f"/tickets/{number}/actions/accept")
    sheet = engineer.get(f"/tickets/{number}/handoffs/sheet").json
    assert (sheet["to"], sheet["missing"]) == ("C-XA", ["error", "tried", "device", "system_version"])
    sent = engineer.post(
        f"/tickets/{number}/handoffs", {"to": "6101", "reason": "修不了", "sheet": SHEET, "search": SEARCH}
    )
    assert (sent.status_code, sent.json["from"], sent.json["to"]) == (201, "X-LT", "C-XA")
    path = f"/tickets/{number}/handoffs/{sent.json['id']}"
    assert engineer.post(f"{path}/accept", {"clarity": 5}).status_code == 403
    assert city.post(f"{path}/accept", {}).status_code == 422
    assert city.post(f"{path}/accept", {"clarity": 4}).json["clarity"] == 4
    ledger = clerk.get(f"/tickets/{number}/custody").json["items"]
    assert [(r["team"], r["holder"], r["waiting_for"]) for r in ledger] == [
        ("X-LT", None, "acceptance"),
        ("X-LT", "lt-engineer", None),
        ("X-LT", "lt-engineer", "receiver"),
        ("C-XA", "xa-engineer", None),
    ]
    assert [r["from"] for r in ledger[1:]] == [r["until"] for r in ledger[:-1]]
    assert set(ledger[0]) >= {
        "holder",
        "team",
        "line",
        "from",
        "until",
        "working_minutes",
        "calendar_minutes",
        "waiting_for",
    }
    assert engineer.get(f"/tickets/{number}").json["line"] == "city"  # who held it keeps reading it
    assert clerk.get(f"/tickets/{number}/handoffs").json["items"][0]["sheet"] == {}


def test_R_02_the_same_key_makes_one_thing(clerk):
    options = {"headers": {"Idempotency-Key": "k-1"}}
    first, again = clerk.post("/tickets", NEW, **options), clerk.post("/tickets", NEW, **options)
    assert first.json == again.json
    assert len(clerk.get("/tickets").json["items"]) == 1
    assert clerk.post("/tickets", NEW | {"title": "别的"}, **options).status_code == 409


def test_E_05_urging_twice_inside_the_cool_down_is_429(clerk, number):
    assert clerk.post(f"/tickets/{number}/urge", {"text": "急"}).status_code == 201
    again = clerk.post(f"/tickets/{number}/urge", {"text": "急"})
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) > 0


def upload(who, number, content, name, internal="false"):
    return who.client.post(
        f"/api/v1/tickets/{number}/attachments",
        headers={"Authorization": f"Bearer {who.token}"},
        data={"file": (io.BytesIO(content), name), "internal": internal},
    )


def test_T_18_attachments_are_downloads_with_the_visibility_of_their_line(world, clerk, engineer, number):
    made = upload(clerk, number, PNG, "../../截图.png")
    assert made.status_code == 201
    assert (made.json["name"], made.json["type"], made.json["by"]) == ("截图.png", "image/png", "lt-clerk")
    got = clerk.get(f"/attachments/{made.json['id']}")
    assert got.get_data() == PNG
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Type"] == "image/png"
    got.close()
    inside = upload(engineer, number, "日志".encode(), "log.txt", "true").json
    assert upload(clerk, number, b"x", "a.txt", "true").status_code == 403
    assert clerk.get(f"/attachments/{inside['id']}").status_code == 404
    assert len(clerk.get(f"/tickets/{number}/attachments").json["items"]) == 1
    assert len(engineer.get(f"/tickets/{number}/attachments").json["items"]) == 2
    assert world.api("zz-engineer").get(f"/attachments/{made.json['id']}").status_code == 404


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00", "setup.png"),
        (b"\x7fELF\x02", "x"),
        (b"#!/bin/sh\n", "readme.txt"),
        (b"<html><script>", "a.txt"),
        (b"<svg xmlns='x'>", "a.png"),
        (b"hello", "run.bat"),
        (b"hello", "a.js"),
        (b"", "empty.txt"),
        (b"\x00\x01\x02\x03", "what.dat"),
        (b"%PDF-1.7 /JavaScript (x)", "a.pdf"),
    ],
)
def test_T_18_executable_and_active_content_is_refused_with_a_clear_error(clerk, number, content, name):
    answer = upload(clerk, number, content, name)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "file"
    assert clerk.get(f"/tickets/{number}/attachments").json["items"] == []


def test_timeline_tells_internal_from_public(clerk, engineer, number):
    engineer.post(f"/tickets/{number}/timeline", {"text": "内部说明", "internal": True})
    engineer.post(f"/tickets/{number}/timeline", {"text": "马上到"})
    seen = [t["text"] for t in clerk.get(f"/tickets/{number}/timeline").json["items"] if t["what"] == "commented"]
    assert seen == ["马上到"]
    lines = engineer.get(f"/tickets/{number}/timeline").json["items"]
    assert [t["internal"] for t in lines if t["what"] == "commented"] == [True, False]
    assert set(lines[0]) >= {"at", "actor", "what", "text", "internal"}
    assert clerk.post(f"/tickets/{number}/timeline", {"text": "x", "internal": True}).status_code == 403


def test_changing_priority_needs_a_reason(clerk, engineer, number):
    assert engineer.patch(f"/tickets/{number}", {"urgency": 1}).json["errors"][0]["field"] == "reason"
    changed = engineer.patch(f"/tickets/{number}", {"urgency": 1, "impact": 1, "reason": "影响办税厅"}).json
    assert changed["priority"] == 1
    assert clerk.patch(f"/tickets/{number}", {"urgency": 1, "reason": "急"}).status_code == 403


def test_T_13_a_stale_save_erases_nothing(engineer, number):
    tag = engineer.get(f"/tickets/{number}").headers["ETag"]
    engineer.post(f"/tickets/{number}/timeline", {"text": "先看看"})
    stale = engineer.patch(f"/tickets/{number}", {"title": "新标题"}, headers={"If-Match": tag})
    assert stale.status_code == 412
    fresh = engineer.get(f"/tickets/{number}").headers["ETag"]
    assert (
        engineer.patch(f"/tickets/{number}", {"title": "新标题"}, headers={"If-Match": fresh}).json["title"] == "新标题"
    )


def test_importing_history(world):
    integration = world.api("integration", "ticket.import", "ticket.read")
    past = NEW | {
        "unit": "610122",
        "opened_at": "2026-03-02T01:00:00Z",
        "resolved_at": "2026-03-02T05:00:00Z",
        "state": "closed",
    }
    made = integration.post("/tickets", past)
    assert made.status_code == 201, made.json
    assert (made.json["opened_at"], made.json["resolved_at"], made.json["state"]) == (
        "2026-03-02T01:00:00Z",
        "2026-03-02T05:00:00Z",
        "closed",
    )
    assert {c["name"]: c["state"] for c in made.json["clocks"]}["resolve"] == "met"
    change = integration.post(
        "/tickets",
        {
            "kind": "change",
            "title": "升级门户",
            "category": "application",
            "unit": "61",
            "state": "closed",
            "opened_at": "2026-03-01T01:00:00Z",
            "actual_start": "2026-03-02T01:00:00Z",
            "actual_end": "2026-03-02T02:00:00Z",
        },
    )
    assert (change.json["number"][:4], change.json["state"]) == ("CHG-", "closed")
    wrong = integration.post("/tickets", past | {"state": "draft"})
    assert wrong.json["errors"][0]["field"] == "state"
    backwards = integration.post("/tickets", past | {"resolved_at": "2026-03-01T05:00:00Z"})
    assert backwards.json["errors"][0]["field"] == "resolved_at"
    assert world.relay() >= 0


def test_T_18_two_files_at_once_are_refused_not_half_taken(clerk, number):
    """The API takes one file a call; the second was dropped without a word, behind a 201."""
    both = {"file": [(io.BytesIO(b"one"), "a.txt"), (io.BytesIO(b"two"), "b.txt")]}
    refused = clerk.call("POST", f"/tickets/{number}/attachments", data=both, content_type="multipart/form-data")
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "file"
    assert clerk.get(f"/tickets/{number}/attachments").json["items"] == []
