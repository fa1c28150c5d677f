"""K-01, K-02 through the API, as owner, colleague, reviewer, stranger, vendor and nobody."""

from __future__ import annotations

import datetime as dt

import pytest

from core import clock, outbox
from core.events.servicedesk import IncidentResolved
from kb.articles import service
from kb.articles.states import ARTICLE, State

PRINTER = {
    "title": "打印机脱机怎么处理",
    "body": "## 症状\n\n打印机显示脱机。\n\n## 解决\n\n1. 检查网线\n2. 重启打印服务\n",
    "tags": ["桌面", "打印"],
    "error_codes": ["ORA-01653"],
}


@pytest.fixture
def writer(world):
    return world.api("lt-engineer")


@pytest.fixture
def reviewer(world):
    return world.api("reviewer")


def made(api, **more) -> str:
    answer = api.post("/articles", json={**PRINTER, **more})
    assert answer.status_code == 201, answer.json
    return answer.json["number"]


def acted(api, number: str, action: str, **body):
    return api.post(f"/articles/{number}/actions/{action}", json=body)


def published(writer, reviewer, **more) -> str:
    number = made(writer, **more)
    assert acted(writer, number, "submit").status_code == 200
    assert acted(reviewer, number, "publish").status_code == 200
    return number


def test_K_01_from_draft_to_readers(world, writer, reviewer):
    number = made(writer)
    assert number.startswith("KB-")
    reader = world.api("mx-clerk")
    assert reader.get(f"/articles/{number}").status_code == 404, "a draft is its writer's"
    assert acted(writer, number, "submit").json["state"] == "review"
    assert acted(writer, number, "publish").status_code == 403
    shown = acted(reviewer, number, "publish").json
    assert (shown["state"], shown["version"]) == ("published", 1)
    seen = reader.get(f"/articles/{number}").json
    assert seen["sections"]["solution"].startswith("1. 检查网线")
    assert seen["units"] == ["61"]
    assert [a["number"] for a in reader.get("/articles").json["items"]] == [number]


def test_K_01_sending_back_needs_a_reason(writer, reviewer):
    number = made(writer)
    acted(writer, number, "submit")
    assert acted(reviewer, number, "send-back").status_code == 422
    assert acted(reviewer, number, "send-back", reason="请补充环境").json["state"] == "draft"


def test_K_01_what_the_table_does_not_list_is_refused(writer, reviewer):
    number = published(writer, reviewer)
    answer = acted(writer, number, "submit")
    assert answer.status_code == 409
    assert answer.json["type"].endswith("transition-refused")
    assert set(answer.json["allowed"]) == {"publish", "send-back", "expire", "retire"}
    assert acted(writer, number, "expire").status_code == 404, "only time does that"
    assert acted(writer, number, "nonsense").status_code == 404


def test_K_01_a_revision_waits_while_readers_keep_what_they_have(world, writer, reviewer):
    number = published(writer, reviewer)
    changed = writer.patch(f"/articles/{number}", json={"body": "## 解决\n\n换一台。\n"}).json
    assert (changed["version"], changed["latest"], changed["pending"]) == (1, 2, 2)
    reader = world.api("lt-clerk")
    assert "换一台" not in reader.get(f"/articles/{number}").json["body"]
    assert acted(reviewer, number, "publish").json["version"] == 2
    assert "换一台" in reader.get(f"/articles/{number}").json["body"]


def test_K_01_a_reviewers_own_change_is_published_at_once(world, writer, reviewer):
    number = published(writer, reviewer)
    changed = reviewer.patch(f"/articles/{number}", json={"title": "打印机离线"}).json
    assert (changed["version"], changed["pending"], changed["title"]) == (2, None, "打印机离线")


def test_K_01_a_revision_sent_back_leaves_the_published_version(writer, reviewer):
    number = published(writer, reviewer)
    assert acted(reviewer, number, "send-back", reason="没有修订").status_code == 409
    writer.patch(f"/articles/{number}", json={"title": "改坏了"})
    answer = acted(reviewer, number, "send-back", reason="不对").json
    assert (answer["state"], answer["pending"], answer["title"]) == ("published", None, PRINTER["title"])


def test_K_01_a_stale_save_erases_nothing(writer):
    number = made(writer)
    tag = writer.get(f"/articles/{number}").headers["ETag"]
    assert writer.patch(f"/articles/{number}", json={"title": "甲"}, headers={"If-Match": tag}).status_code == 200
    answer = writer.patch(f"/articles/{number}", json={"title": "乙"}, headers={"If-Match": tag})
    assert answer.status_code == 412
    assert writer.get(f"/articles/{number}").json["title"] == "甲"


def test_K_01_an_article_is_due_for_review_after_a_year(world, writer, reviewer):
    number = published(writer, reviewer)
    later = clock.now() + dt.timedelta(days=366)
    with world.write() as session:
        assert service.expire_due(session, later) == 1
        assert service.expire_due(session, later) == 0
    assert writer.get(f"/articles/{number}").json["state"] == "due"
    assert world.api("mx-clerk").get(f"/articles/{number}").status_code == 200, "readers keep it"
    assert acted(reviewer, number, "publish").json["state"] == "published"


def test_K_01_a_retired_article_is_reachable_by_its_number_only(world, writer, reviewer):
    number = published(writer, reviewer)
    assert acted(reviewer, number, "retire").status_code == 200
    reader = world.api("mx-clerk")
    assert reader.get(f"/articles/{number}").json["state"] == "retired"
    assert reader.get("/articles").json["items"] == []
    assert [a["number"] for a in writer.get("/articles?state=retired").json["items"]] == [number]
    assert reviewer.delete(f"/articles/{number}").status_code == 409
    assert acted(reviewer, number, "reopen").json["state"] == "draft"


def test_K_01_feedback_counts_each_person_once(world, writer, reviewer):
    number = published(writer, reviewer)
    clerk = world.api("mx-clerk")
    clerk.post(f"/articles/{number}/feedback", json={"helped": True})
    clerk.post(f"/articles/{number}/feedback", json={"helped": False, "comment": "没有这个菜单"})
    answer = world.api("lt-clerk").post(f"/articles/{number}/feedback", json={"helped": True}).json
    assert (answer["useful"], answer["not_useful"]) == (1, 1)


def test_only_those_it_is_for_may_read(world, writer, reviewer):
    number = published(writer, reviewer, units=["610122"])
    assert world.api("lt-clerk").get(f"/articles/{number}").status_code == 200
    assert world.api("ty-clerk").get(f"/articles/{number}").status_code == 200, "the office below"
    for stranger in ("zz-clerk", "xa-engineer", "v1-engineer"):
        expected = 200 if stranger == "xa-engineer" else 404
        assert world.api(stranger).get(f"/articles/{number}").status_code == expected, stranger
    assert world.app.test_client().get(f"/api/v1/articles/{number}").status_code == 401


@pytest.mark.parametrize(
    "login", ["zz-clerk", "zz-engineer", "mx-engineer", "v1-engineer", "sys-admin", "leader", "wall"]
)
def test_strangers_get_404_for_every_method(world, writer, login):
    number = made(writer)
    api = world.api(login)
    assert api.get(f"/articles/{number}").status_code == 404
    assert api.patch(f"/articles/{number}", json={"title": "x"}).status_code == 404
    assert api.delete(f"/articles/{number}").status_code == 404
    for action in ("submit", "publish", "retire"):
        assert acted(api, number, action).status_code == 404


def test_a_reviewer_of_a_county_cannot_publish_to_the_province(world, writer):
    from accounts import service as accounts
    from accounts.models import Person, Unit

    with world.write() as session:
        person, unit = session.get_one(Person, world.people["lt-head"]), session.get_one(Unit, world.units["610122"])
        accounts.grant(session, person=person, role_code="kb-reviewer", unit=unit, now=clock.now())
    head = world.api("lt-head")
    assert acted(head, made(writer), "publish").status_code == 403
    assert acted(head, made(writer, units=["610122"]), "publish").json["state"] == "published"


def test_the_integration_account_imports_and_publishes(world):
    api = world.api("integration")
    answer = api.post("/articles", json={"items": [{**PRINTER, "title": f"文章 {n}"} for n in range(3)]})
    assert answer.status_code == 201
    numbers = [a["number"] for a in answer.json["items"]]
    assert all(acted(api, n, "publish").json["state"] == "published" for n in numbers)
    assert {a["number"] for a in world.api("ty-clerk").get("/articles").json["items"]} == set(numbers)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"body": "  "}, "body"),
        ({"units": ["61", "nowhere"]}, "units[1]"),
        ({"services": [999]}, "services[0]"),
        ({"colour": "red"}, "colour"),
        ({"tags": ["x" * 61]}, "tags[0]"),
    ],
)
def test_R_04_bad_input_is_refused_whole_with_the_place(writer, wrong, field):
    answer = writer.post("/articles", json={**PRINTER, **wrong})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    assert writer.get("/articles?state=draft").json["items"] == []


def test_lists_are_filtered_and_paged(world):
    api = world.api("integration")
    for n in range(5):
        number = made(
            api,
            title=f"打印机第{'零一二三四'[n]}台",
            tags=["桌面"] if n % 2 else ["打印"],
            category="desktop" if n else None,
        )
        acted(api, number, "publish")
    assert len(api.get("/articles?tag=桌面").json["items"]) == 2
    assert len(api.get("/articles?category=desktop").json["items"]) == 4
    assert len(api.get("/articles?error_code=ORA-01653").json["items"]) == 5
    assert len(api.get("/articles?q=打印机 第三台").json["items"]) == 1
    assert api.get("/articles?author=nobody").json["items"] == []
    first = api.get("/articles?limit=2").json
    second = api.get(f"/articles?limit=2&cursor={first['next']}").json
    assert len({a["number"] for a in first["items"] + second["items"]}) == 4
    assert api.get("/articles?cursor=nonsense").status_code == 422


def test_every_version_is_kept(world, writer):
    number = made(writer)
    for n in range(3):
        writer.patch(f"/articles/{number}", json={"body": f"版本 {n}"})
    assert writer.patch(f"/articles/{number}", json={"body": "版本 2"}).json["latest"] == 4, (
        "the same again is no version"
    )


# -- K-02


SOLVED = {
    "description": "三楼打印机显示脱机，打不了发票。",
    "solution": "重启打印后台处理程序服务，重新添加端口。",
    "cause": "打印机换了地址。",
    "error_code": "0x80070035",
}


def test_K_02_a_resolved_ticket_becomes_a_draft_already_split(world, paper_desk, writer):
    paper_desk.add("INC-2026-000007", "打印机脱机", **SOLVED)
    answer = writer.post("/tickets/INC-2026-000007/draft-article", json={})
    assert answer.status_code == 201
    sections = answer.json["sections"]
    assert sections["symptom"] == SOLVED["description"]
    assert sections["cause"] == SOLVED["cause"]
    assert sections["solution"] == SOLVED["solution"]
    assert answer.json["error_codes"] == ["0x80070035"]
    assert answer.json["ticket"] == "INC-2026-000007"
    again = writer.post("/tickets/INC-2026-000007/draft-article", json={})
    assert again.json["number"] == answer.json["number"], "one ticket, one draft"


def test_K_02_of_a_ticket_one_may_not_see_there_is_no_draft(world, paper_desk, writer):
    paper_desk.add("INC-2026-000007", "打印机脱机", **SOLVED)
    paper_desk.hidden_from.add("lt-engineer")
    assert writer.post("/tickets/INC-2026-000007/draft-article", json={}).status_code == 404
    assert world.api("lt-clerk").post("/tickets/INC-2026-000007/draft-article", json={}).status_code == 404


def test_K_02_a_ticket_extends_an_article_instead_of_doubling_it(world, paper_desk, writer, reviewer):
    number = published(writer, reviewer)
    paper_desk.add("INC-2026-000008", "打印机脱机", **SOLVED)
    answer = writer.post("/tickets/INC-2026-000008/draft-article", json={"extend": number}).json
    assert (answer["number"], answer["pending"]) == (number, 2)
    assert SOLVED["solution"] not in answer["sections"]["solution"], "readers keep theirs until it is reviewed"
    grown = acted(reviewer, number, "publish").json
    assert SOLVED["solution"] in grown["sections"]["solution"]
    assert "检查网线" in grown["sections"]["solution"]
    assert writer.post("/tickets/INC-2026-000008/draft-article", json={"extend": number}).status_code == 409


def resolved(world, number: str, **more) -> None:
    with world.write() as session:
        event = IncidentResolved(ticket_id=7, number=number, **more)
        outbox.record(session, event, now=clock.now())
    world.relay()


def test_K_02_resolving_makes_a_draft_of_who_resolved_it(world, paper_desk, writer):
    person = world.people["lt-engineer"]
    paper_desk.add("INC-2026-000009", "打印机脱机", resolved_by_id=person, **SOLVED)
    for _twice in range(2):  # a handler may run twice
        resolved(world, "INC-2026-000009", by_id=person, solution=SOLVED["solution"])
    drafts = writer.get("/articles?state=draft").json["items"]
    assert [(d["ticket"], d["author"]) for d in drafts] == [("INC-2026-000009", "lt-engineer")]


@pytest.mark.parametrize(
    "more", [{"solution": "已重启"}, {"article": "KB-000001"}, {"resolved_by_id": None}, {"parent": True}]
)
def test_K_02_what_teaches_nobody_makes_no_draft(world, paper_desk, writer, more):
    person = world.people["lt-engineer"]
    paper_desk.add("INC-2026-000010", "打印机脱机", **{"resolved_by_id": person, **SOLVED, **more})
    resolved(world, "INC-2026-000010", by_id=person)
    assert writer.get("/articles?state=draft").json["items"] == []


def test_K_05_a_ticket_resolved_with_an_article_counts_as_its_use(world, writer, reviewer):
    number = published(writer, reviewer)
    for _twice in range(2):
        resolved(world, "INC-2026-000011", by_id=world.people["zz-engineer"], article=number)
    assert writer.get(f"/articles/{number}").json["used"] == 1


def test_every_state_is_reachable_and_retired_can_come_back():
    assert ARTICLE.states() == set(State)
    assert ARTICLE.allowed(State.RETIRED)
