"""Words that administrators and reviewers add are known to the next search, and gone with their removal (K-03)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from kb.dictionary import known, service
from kb.dictionary.models import DictionaryEntry, EntryKind
from kb.search.current import engine_of
from tests.fixtures.world import World

ARTICLE = {
    "title": "鲲鹏云桌面登录失败的处理",
    "body": "## 解决\n\n在终端上清除缓存后重新登录。\n",
    "tags": [],
    "error_codes": [],
}


def find(world: World, text: str) -> list[str]:
    return [hit["title"] for hit in world.api("lt-engineer").get("/search", query_string={"q": text}).json["items"]]


@pytest.fixture
def published(world: World, indexed: Callable[[], None]) -> None:
    writer, reviewer = world.api("lt-engineer"), world.api("reviewer")
    number = writer.post("/articles", ARTICLE).json["number"]
    for api, action in ((writer, "submit"), (reviewer, "publish")):
        done = api.post(f"/articles/{number}/actions/{action}", {})
        assert done.status_code == 200, done.text
    indexed()


@pytest.mark.parametrize(
    ("entry", "sought"),
    [
        ({"kind": "synonyms", "words": ["云桌面", "瘦客户机"]}, "瘦客户机"),
        ({"kind": "synonyms", "words": ["鲲鹏", "kp900"]}, "KP900"),
        ({"kind": "spelling", "words": ["鱼昆鸟"], "means": "鲲鹏"}, "鱼昆鸟"),
    ],
)
def test_K_03_what_is_added_is_known_to_the_next_search(
    world: World, published: None, indexed: Callable[[], None], entry: dict[str, Any], sought: str
) -> None:
    assert find(world, sought) == []
    reviewer = world.api("reviewer")
    made = reviewer.post("/search/words", entry)
    assert made.status_code == 201, made.text
    indexed()  # the rebuild that was asked for
    assert find(world, sought) == [ARTICLE["title"]]
    assert reviewer.delete(f"/search/words/{made.json['id']}").status_code == 204
    indexed()
    assert find(world, sought) == []


def test_every_engine_hears_of_it_not_only_the_one_that_was_told(world: World, published: None) -> None:
    engine = engine_of(world.app)
    before = engine.analyzer
    with world.read() as session:
        known.follow(session, engine)
    assert engine.analyzer is before, "nothing changed, nothing is made anew"
    world.api("reviewer").post("/search/words", {"kind": "words", "words": ["汤峪一号"]})
    with world.read() as session:
        known.follow(session, engine)
    assert "汤峪一号" in engine.analyzer.terms("汤峪一号机房")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"kind": "synonyms", "words": ["征期"]}, "words"),
        ({"kind": "synonyms", "words": ["征期", " 征期 "]}, "words"),
        ({"kind": "words", "words": ["税"]}, "words"),
        ({"kind": "words", "words": ["长" * 41]}, "words"),
        ({"kind": "spelling", "words": ["金三"]}, "means"),
        ({"kind": "spelling", "words": ["金三"], "means": "金三"}, "means"),
        ({"kind": "words", "words": ["金税三期"], "means": "金三"}, "means"),
        ({"kind": "spelling", "words": ["坤棚", "昆朋"], "means": "鲲鹏"}, "words"),
    ],
)
def test_a_wrong_entry_is_refused_by_the_name_of_its_field(world: World, entry: dict[str, Any], field: str) -> None:
    reviewer = world.api("reviewer")
    first = reviewer.post("/search/words", {"kind": "spelling", "words": ["坤棚"], "means": "鲲鹏"})
    answer = reviewer.post("/search/words", entry)
    assert answer.status_code == 422, answer.text
    assert [e["field"] for e in answer.json["errors"]] == [field]
    assert [e["id"] for e in reviewer.get("/search/words").json["items"]] == [first.json["id"]]


def test_two_editors_do_not_overwrite_each_other(world: World) -> None:
    reviewer, admin = world.api("reviewer"), world.api("sys-admin")
    made = reviewer.post("/search/words", {"kind": "synonyms", "words": ["征期", "申报期"]})
    path, tag = f"/search/words/{made.json['id']}", made.headers["ETag"]
    assert admin.patch(path, {"note": "办税厅的叫法"}, headers={"If-Match": tag}).json["note"] == "办税厅的叫法"
    assert reviewer.patch(path, {"words": ["征期", "期内"]}, headers={"If-Match": tag}).status_code == 412
    assert reviewer.get("/search/words", query_string={"q": "申报"}).json["items"][0]["words"] == ["征期", "申报期"]


def test_who_may_see_and_change_it(world: World) -> None:
    body = {"kind": "synonyms", "words": ["征期", "申报期"]}
    number = world.api("sys-admin").post("/search/words", body).json["id"]
    for stranger in ("lt-clerk", "lt-engineer", "p-head", "v1-engineer", "aud-admin", "sec-admin"):
        api = world.api(stranger)
        assert api.get("/search/words").status_code == 404, stranger
        assert api.post("/search/words", body).status_code == 404, stranger
        assert api.delete(f"/search/words/{number}").status_code == 404, stranger
        assert world.client(stranger).get("/admin/search-words").status_code == 404, stranger


def test_the_page_adds_tries_out_removes_and_takes_back(world: World) -> None:
    client = world.client("reviewer")
    short = {"kind": "synonyms", "words": "蓝汤机", "means": "", "note": ""}
    wrong = world.submit(client, "/admin/search-words", short)
    assert wrong.status_code == 422
    assert "同义词至少写两个" in wrong.get_data(as_text=True)
    added = world.submit(client, "/admin/search-words", {**short, "words": "蓝汤机、温泉机"})
    assert added.status_code == 303
    page = client.get("/admin/search-words?try=蓝汤机打不开").get_data(as_text=True)
    assert "＝ 温泉机" in page, "a pair that is not shipped"
    number = world.api("reviewer").get("/search/words").json["items"][0]["id"]
    opened = client.get(f"/admin/search-words/{number}").get_data(as_text=True)
    assert "蓝汤机、温泉机" in opened
    stale = world.submit(client, f"/admin/search-words/{number}", {**short, "words": "甲乙、丙丁", "version": "0"})
    assert stale.status_code == 422
    gone = world.submit(client, f"/admin/search-words/{number}/retire", {})
    assert "已移除" in client.get(gone.headers["Location"]).get_data(as_text=True)
    assert world.api("reviewer").get("/search/words").json["items"] == []
    world.submit(client, f"/admin/search-words/{number}/restore", {})
    assert [e["id"] for e in world.api("reviewer").get("/search/words").json["items"]] == [number]


def test_a_change_is_heard_also_when_the_clock_was_set_back(world: World, published: None) -> None:
    reviewer, engine = world.api("reviewer"), engine_of(world.app)
    number = reviewer.post("/search/words", {"kind": "words", "words": ["汤峪一号"]}).json["id"]
    with world.write() as session:
        entry = session.get_one(DictionaryEntry, number)
        known.follow(session, engine)
        service.change(
            session, entry, service.Wanted(EntryKind.WORDS, ["汤峪二号"]), now=entry.updated_at - dt.timedelta(hours=1)
        )
    with world.read() as session:
        known.follow(session, engine)
    assert "汤峪二号" in engine.analyzer.terms("汤峪二号机房")
