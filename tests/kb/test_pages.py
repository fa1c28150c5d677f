"""The room's pages, as the people who use them; also without JavaScript."""

from __future__ import annotations

import re

import pytest

from core import clock
from kb.search import service as search

FORM = {
    "title": "打印机脱机，打不出发票", "symptom": "打印机显示脱机", "solution": "1. 检查网线\n2. **重启**打印服务", "tags": "桌面，打印机",
    "error_codes": "0x80070035", "units": "61",
}  # fmt: skip


def key_of(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def write(world, client, then: str = "", **more) -> str:
    key = key_of(client.get("/kb/new").get_data(as_text=True))
    answer = world.submit(client, "/kb/new", {**FORM, "key": key, "then": then, **more})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"].rsplit("/", 1)[1]


def publish(world, **more) -> str:
    return write(world, world.client("reviewer"), "publish", **more)


def test_K_01_written_submitted_reviewed_and_read(world):
    writer, reviewer, reader = world.client("lt-engineer"), world.client("reviewer"), world.client("mx-clerk")
    number = write(world, writer, "submit")
    assert "正等待审核人发布" in writer.get(f"/kb/{number}").get_data(as_text=True)
    assert reader.get(f"/kb/{number}").status_code == 404
    assert FORM["title"] in reviewer.get("/kb/review").get_data(as_text=True)
    assert (
        world.submit(reviewer, f"/kb/{number}/actions/publish", {"back": "review"}).headers["Location"] == "/kb/review"
    )
    page = reader.get(f"/kb/{number}").get_data(as_text=True)
    assert "<strong>重启</strong>" in page
    assert "编辑</a>" not in page
    assert FORM["title"] in reader.get("/kb").get_data(as_text=True)


def test_R_02_a_double_click_makes_one_article(world):
    writer = world.client("lt-engineer")
    key = key_of(writer.get("/kb/new").get_data(as_text=True))
    places = {world.submit(writer, "/kb/new", {**FORM, "key": key}).headers["Location"] for _ in range(2)}
    assert len(places) == 1
    assert writer.get("/kb?shelf=draft").get_data(as_text=True).count(FORM["title"]) == 1


def test_what_was_typed_is_kept_when_something_is_wrong(world):
    writer = world.client("lt-engineer")
    answer = world.submit(writer, "/kb/new", {**FORM, "title": "", "cause": "换了地址"})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "换了地址" in page
    assert "没有保存" in page


def test_T_13_a_stale_save_gets_the_difference_and_erases_nothing(world):
    number = write(world, world.client("lt-engineer"))
    first, second = world.client("lt-engineer"), world.client("lt-head")
    base = re.search(r'name="base" value="(\d+)"', second.get(f"/kb/{number}/edit").get_data(as_text=True))[1]
    world.submit(first, f"/kb/{number}/edit", {**FORM, "solution": "换一台打印机", "base": base})
    answer = world.submit(second, f"/kb/{number}/edit", {**FORM, "solution": "换一根网线", "base": base})
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert "换一台打印机" in page, "theirs, as a difference"
    assert "换一根网线" in page, "one's own, kept"
    assert "换一台打印机" in first.get(f"/kb/{number}").get_data(as_text=True)


def test_markdown_is_safe(world):
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![p](http://elsewhere/x.png) <b onclick='x'>b</b>"
    number = publish(world, solution=evil)
    page = world.client("mx-clerk").get(f"/kb/{number}").get_data(as_text=True)
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "elsewhere/x.png" not in page.replace("&#", "")
    assert "onclick=" not in page.replace("&lt;b onclick=", "")
    preview = world.submit(world.client("lt-engineer"), "/kb/preview", {"solution": evil + "\n\n**粗**"}).get_data(
        as_text=True
    )
    assert "<strong>粗</strong>" in preview
    assert "<script" not in preview


def test_versions_are_shown_with_their_difference(world):
    number = publish(world)
    reviewer = world.client("reviewer")
    world.submit(
        reviewer, f"/kb/{number}/edit", {**FORM, "solution": "1. 检查网线\n2. 换一台", "base": "1", "comment": "更简单"}
    )
    page = reviewer.get(f"/kb/{number}/versions?from=1&to=2").get_data(as_text=True)
    assert re.search(r"<ins><span[^>]*>\+</span>2. 换一台</ins>", page)
    assert re.search(r"<del><span[^>]*>−</span>2. \*\*重启\*\*打印服务</del>", page)
    assert "更简单" in page


def test_a_readers_word_is_recorded_and_shown_to_the_writer(world):
    number = publish(world)
    reader = world.client("mx-clerk")
    assert (
        world.submit(reader, f"/kb/{number}/feedback", {"helped": "no", "comment": "没有这个菜单"}).status_code == 303
    )
    assert 'aria-pressed="true"' in reader.get(f"/kb/{number}").get_data(as_text=True)
    assert "没有这个菜单" in world.client("reviewer").get(f"/kb/{number}").get_data(as_text=True)
    assert "没有这个菜单" not in world.client("lt-clerk").get(f"/kb/{number}").get_data(as_text=True)
    assert world.submit(reader, f"/kb/{number}/feedback", {"helped": "maybe"}).status_code == 422


def test_sending_back_without_a_reason_says_so(world):
    number = write(world, world.client("lt-engineer"), "submit")
    reviewer = world.client("reviewer")
    answer = world.submit(reviewer, f"/kb/{number}/actions/send-back", {}, follow_redirects=True)
    assert "请写明原因" in answer.get_data(as_text=True)


def test_K_02_similar_articles_come_first_and_one_action_makes_the_draft(world, indexed, paper_desk):
    number = publish(world)
    indexed()
    paper_desk.add(
        "INC-2026-000007", "打印机脱机", description="打印机显示脱机", solution="重新添加打印机端口，恢复正常。"
    )
    writer = world.client("lt-engineer")
    page = writer.get("/kb/from-ticket/INC-2026-000007").get_data(as_text=True)
    assert "补充到这篇" in page
    assert number in page
    answer = world.submit(writer, "/kb/from-ticket/INC-2026-000007", {"key": key_of(page)})
    assert answer.headers["Location"].endswith("/edit")
    editor = writer.get(answer.headers["Location"]).get_data(as_text=True)
    assert "重新添加打印机端口" in editor
    assert writer.get("/kb/from-ticket/INC-2026-000007").status_code == 303, "it has its draft"


def test_the_panel_of_a_ticket_shows_what_was_used_and_what_may_help(world, indexed, paper_desk):
    number = publish(world)
    indexed()
    paper_desk.add("INC-2026-000007", "打印机脱机了")
    page = world.client("lt-engineer").get("/kb/panel?ticket=INC-2026-000007").get_data(as_text=True)
    assert f'data-article="{number}"' in page
    assert "转为知识" in page
    for_a_form = world.client("lt-engineer").get("/kb/panel?text=打印机脱机&pick=article").get_data(as_text=True)
    assert f'data-fill="#article" data-value="{number}"' in for_a_form
    assert "data-fill" not in world.client("lt-engineer").get("/kb/panel?text=打印机脱机&pick=x").get_data(as_text=True)
    empty = world.client("lt-engineer").get("/kb/panel?text=量子纠缠").get_data(as_text=True)
    assert "没有相近的文章" in empty


# -- notices


def notice(world, client, then="publish", **more):
    key = key_of(client.get("/notices/new").get_data(as_text=True))
    given = {"title": "专线割接", "body": "今晚 **22:00** 割接", "units": "6101", "key": key, "then": then, **more}
    answer = world.submit(client, "/notices/new", given)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"].rsplit("/", 1)[1]


def test_K_04_the_banner_shows_it_until_it_is_confirmed(world):
    number = notice(world, world.client("reviewer"), must_read="true")
    clerk = world.client("lt-clerk")
    assert "专线割接" in clerk.get("/notices/banner").get_data(as_text=True)
    assert "专线割接" not in world.client("mx-clerk").get("/notices/banner").get_data(as_text=True)
    assert "我已阅读" in clerk.get("/notices").get_data(as_text=True)
    fragment = world.submit(clerk, f"/notices/{number}/confirm", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "专线割接" not in fragment
    page = clerk.get(f"/notices/{number}").get_data(as_text=True)
    assert "您已确认阅读" in page
    assert "<strong>22:00</strong>" in page


def test_K_04_the_receipts_page_is_for_those_who_follow_it(world):
    number = notice(world, world.client("reviewer"), must_read="true")
    world.submit(world.client("lt-clerk"), f"/notices/{number}/confirm")
    page = world.client("reviewer").get(f"/notices/{number}/receipts").get_data(as_text=True)
    assert "已确认 1 人，共 10 人" in page
    assert "刘田" in page
    assert (
        world.client("reviewer")
        .get(f"/notices/{number}/receipts?shelf=read&unit=610122")
        .get_data(as_text=True)
        .count("李兰")
        == 1
    )
    assert world.client("lt-clerk").get(f"/notices/{number}/receipts").status_code == 403
    assert world.client("mx-clerk").get(f"/notices/{number}/receipts").status_code == 404


def test_K_04_a_bulletin_begins_from_its_matter(world, paper_desk):
    paper_desk.add("INC-2026-000001", "网上办税厅打不开", error_code="HTTP 502")
    page = world.client("reviewer").get("/notices/new?ticket=INC-2026-000001").get_data(as_text=True)
    assert 'value="INC-2026-000001"' in page
    assert "不必重复报障" in page


def test_a_head_saves_a_draft_and_is_told_who_publishes(world):
    head = world.client("lt-head")
    number = notice(world, head, then="", units="610122")
    assert "草稿" in head.get(f"/notices/{number}").get_data(as_text=True)
    answer = world.submit(head, "/notices/new", {"title": "x", "body": "y", "units": "61", "then": "publish"})
    assert answer.status_code == 422
    assert "审核人" in answer.get_data(as_text=True)
    end = world.submit(world.client("reviewer"), f"/notices/{number}/actions/publish")
    assert end.status_code == 303
    assert world.submit(head, f"/notices/{number}/actions/end").status_code == 403


def test_times_of_the_editor_are_the_bureaus(world):
    number = notice(world, world.client("reviewer"), starts_at="2026-01-05T09:00", ends_at="2099-01-05T18:00")
    shown = world.api("reviewer").get(f"/notices/{number}").json
    assert (shown["from"], shown["until"]) == ("2026-01-05T01:00:00Z", "2099-01-05T10:00:00Z")


# -- search and suggestions


def test_K_03_the_search_page_finds_marks_and_teaches(world, indexed):
    number = publish(world)
    indexed()
    clerk = world.client("mx-clerk")
    page = clerk.get("/search?q=打印机脱机").get_data(as_text=True)
    assert "<mark>打印机脱机</mark>" in page
    assert f"/kb/{number}" in page
    nothing = clerk.get("/search?q=<script>量子").get_data(as_text=True)
    assert "没有找到" in nothing
    assert "<script>量子" not in nothing
    assert clerk.get("/search").status_code == 200
    assert clerk.get("/search?q=打印机&kind=notice").status_code == 200


def test_K_03_an_index_that_lags_shows_nobody_what_was_taken_away(world, indexed):
    number = publish(world, units="610122")
    indexed()
    assert number in world.client("lt-clerk").get("/search?q=打印机脱机").get_data(as_text=True)
    assert number not in world.client("zz-clerk").get("/search?q=打印机脱机").get_data(as_text=True)
    world.submit(world.client("reviewer"), f"/kb/{number}/actions/retire", {"reason": "过时"})
    assert number not in world.client("lt-clerk").get("/search?q=打印机脱机").get_data(as_text=True), (
        "before the index knows"
    )
    indexed()
    assert world.api("lt-clerk").get("/search?q=打印机脱机").json["items"] == []


def test_K_05_words_that_find_nothing_become_a_list_for_writers(world, indexed):
    indexed()
    clerk = world.client("mx-clerk")
    for _ in range(2):
        clerk.get("/search?q=叫号机 不叫号")
    clerk.get("/search?q=叫号机", headers={"HX-Request": "true"})  # still typing
    clerk.get("/search?q=纳税人识别号 91610100123456789X")
    with world.read() as session:
        assert [(m.text, m.count) for m in search.missed(session)] == [("叫号机 不叫号", 2)]
    writer = world.client("lt-engineer")
    page = writer.get("/kb").get_data(as_text=True)
    assert "叫号机 不叫号" in page
    miss = re.search(r"/kb/missed/(\d+)", page)[1]
    world.submit(writer, f"/kb/missed/{miss}")
    assert "叫号机 不叫号" not in writer.get("/kb").get_data(as_text=True)
    assert "叫号机 不叫号" not in clerk.get("/kb").get_data(as_text=True)


def test_T_08_this_solved_it_is_recorded_without_a_ticket(world, indexed):
    number = publish(world)
    clerk = world.client("lt-clerk")
    given = {"number": number, "text": "打印机脱机"}
    fragment = world.submit(clerk, "/kb/suggest/solved", given, headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "不用再报障" in fragment
    shown = world.api("reviewer").get(f"/articles/{number}").json
    assert (shown["used"], shown["useful"]) == (1, 1)
    assert "已记录" in clerk.get("/kb/suggest?text=打印机脱机").get_data(as_text=True), (
        "typing on does not wipe it away"
    )
    assert world.submit(clerk, "/kb/suggest/solved", {"number": "KB-999999"}).status_code == 404


@pytest.mark.parametrize("path", ["/kb", "/kb/new", "/kb/review", "/notices", "/notices/new", "/kb/suggest?text=x"])
def test_a_vendor_sees_nothing_of_the_knowledge_base(world, path):
    assert world.client("v1-engineer").get(path).status_code == 404


def test_R_01_what_is_noted_is_indexed_even_if_the_indexer_dies_in_between(world, indexed):
    from kb.search import index
    from kb.search.current import engine_of
    from kb.search.registry import sources

    number = publish(world)
    world.relay()

    class Dying:
        def upsert(self, docs):
            raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        index.drain(world.engine, Dying(), sources)
    assert index.drain(world.engine, engine_of(world.app), sources) >= 1
    assert world.api("lt-clerk").get("/search?q=打印机脱机").json["items"][0]["key"] == number


def test_filters_left_blank_mean_all(world, indexed):
    publish(world)
    indexed()
    api = world.api("lt-clerk")
    assert len(api.get("/search?q=打印机&kind=&limit=5").json["items"]) == 1
    assert len(api.get("/suggest?text=打印机&category=&service=").json["articles"]) == 1
    assert api.get("/search?q=打印机&kind=letter").status_code == 422
    assert api.get("/search?q=").status_code == 422


def test_a_source_that_fails_does_not_blind_the_search_for_the_others(world):
    from kb.search import index
    from kb.search.current import engine_of
    from kb.search.registry import Registry, sources

    number = publish(world)
    world.relay()

    class Broken:
        kind = "item"

        def fetch(self, session, keys):
            raise AttributeError("a fault of another room")

    registry = Registry({"article": sources._sources["article"], "item": Broken()})
    with world.write() as session:
        index.touch(session, "item", ["7"], now=clock.now())
    index.drain(world.engine, engine_of(world.app), registry)
    assert world.api("lt-clerk").get("/search?q=打印机脱机").json["items"][0]["key"] == number
    assert index.drain(world.engine, engine_of(world.app), registry) == 0, "kept for the next try"
    assert index.drain(world.engine, engine_of(world.app), registry, now=clock.now() + index.PATIENCE * 2) >= 1
