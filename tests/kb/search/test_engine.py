"""K-03 and the promises of `SearchEngine`, on every adapter."""

import threading

import pytest

from kb.search.analysis import Analyzer
from kb.search.engine import SearchEngine, SearchEngineError
from kb.search.lexicon import shipped
from tests.kb.search.conftest import LIBRARY, doc

EVERYONE = ("everyone",)


def keys(engine: SearchEngine, query: str, principals=EVERYONE, **more) -> list[str]:
    return [hit.key for hit in engine.search(query, principals=principals, **more)]


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ("打印机", "KB-000001"),
        ("打印机脱机", "KB-000001"),
        ("打印机掉线了怎么办", "KB-000001"),  # a synonym
        ("印表機離線", "KB-000001"),  # traditional
        ("打印机脱几", "KB-000001"),  # typed wrongly, sounds alike
        ("ｄｙｊ tuoji", "KB-000001"),  # initials, full width
        ("dayinji tj", "KB-000001"),
        ("dyjtj", "KB-000001"),
        ("ORA-01653", "KB-000002"),
        ("ora01653", "KB-000002"),
        ("ora 1653", "KB-000002"),
        ("征管 ORA-1653 报错", "KB-000002"),
        ("提交时弹出 ora12541", "KB-000003"),  # a code is enough, whatever was said around it
        ("高拍仪", "KB-000004"),
        ("gpy", "KB-000004"),
        ("rt01", "KB-000005"),
        ("rt01.lantian.tax", "KB-000005"),
        ("10.61.22.1", "KB-000005"),
        ("10.61.22", "KB-000005"),
        ("web-03", "KB-000006"),
        ("登陆慢", "KB-000006"),  # the common misspelling of 登录
        ("kb-000004", "KB-000004"),
        ("KB000004", "KB-000004"),
        ("银行扣款", "KB-000008"),
        ("yinhang", "KB-000008"),  # 行 is read háng here
        ("专线断网", "KB-000005"),  # both words by synonyms
    ],
)
def test_K_03_what_a_person_types_finds_what_they_mean(shelf, asked, best):
    assert keys(shelf, asked)[:1] == [best]


def test_K_03_words_not_characters(library):
    """机关 stands inside 打印机关闭 as characters only."""
    library.upsert([doc("KB-000020", "机关食堂开放时间")])
    assert keys(library, "机关") == ["KB-000020"]


NOTHING = [
    "红烧肉的做法",
    "qwertyuiop",
    "ORA-99999",
    "10.99.1.1",
    "量子纠缠",
    "，。！",
    "   ",
    "的了吗",
    "打印机红烧肉",
]


@pytest.mark.parametrize("asked", NOTHING)
def test_K_03_nothing_is_returned_when_nothing_fits(shelf, asked):
    assert keys(shelf, asked) == []


def test_K_03_a_declared_error_code_beats_a_mention(shelf):
    assert keys(shelf, "ORA-01653") == ["KB-000002", "KB-000003"]


def test_K_03_the_title_beats_the_body(library):
    library.upsert([doc("KB-000030", "其他说明", "本文提到打印机和脱机两件事。" * 5)])
    assert keys(library, "打印机脱机")[0] == "KB-000001"


def test_K_03_most_words_are_enough_in_a_long_question(shelf):
    found = keys(shelf, "早上来上班发现打印机一直脱机，重启也没有反应，急等着出发票", share=0.4)
    assert found[0] == "KB-000001"


def test_K_03_while_typing_a_beginning_is_enough(shelf):
    assert "KB-000001" in keys(shelf, "打", typing=True)
    assert keys(shelf, "dayin", typing=True)[0] in {"KB-000001", "KB-000007"}
    assert keys(shelf, "ora-016", typing=True)[0] == "KB-000002"
    assert keys(shelf, "ora-016") == []


def test_K_03_initials_and_full_pinyin_find_every_such_title(shelf):
    for typed in ("dyj", "DYJ", "dayinji"):
        assert set(keys(shelf, typed)) == {"KB-000001", "KB-000007"}


def test_K_03_only_where_the_person_may_read(shelf):
    assert keys(shelf, "线路抢修") == []
    assert keys(shelf, "线路抢修", ("unit:610122",)) == ["N-2026-0001"]
    assert keys(shelf, "卡纸", ("person:7",)) == ["INC-2026-000007"]
    assert keys(shelf, "卡纸", ("person:70", "unit:610122", "everyone")) == []
    assert keys(shelf, "打印机", ()) == []


def test_nobody_finds_a_document_without_principals(engine):
    engine.upsert([doc("KB-1", "打印机", principals=())])
    assert keys(engine, "打印机", ("", "everyone")) == []


def test_kinds_narrow_the_answer(shelf):
    both = ("everyone", "person:7")
    assert set(keys(shelf, "打印机", both)) == {"KB-000001", "KB-000007", "INC-2026-000007"}
    assert keys(shelf, "打印机", both, kinds=("ticket",)) == ["INC-2026-000007"]


def test_K_03_attachments_find_their_ticket_below_those_that_say_it_themselves(engine):
    engine.upsert([
        doc("INC-1", "报表导出失败", "详见附件。", kind="ticket", files="季度汇总口径核对 ORA-28001"),
        doc("INC-2", "季度汇总口径", "如何核对", kind="ticket"),
    ])  # fmt: skip
    assert keys(engine, "季度汇总口径") == ["INC-2", "INC-1"]
    assert keys(engine, "报表 季度汇总") == ["INC-1"], "one word here, one there"
    assert keys(engine, "ora 28001") == ["INC-1"]
    engine.upsert([doc("INC-1", "报表导出失败", "详见附件。", kind="ticket")])
    assert keys(engine, "季度汇总口径") == ["INC-2"]


def test_K_03_the_parts_of_a_compound_find_what_says_them_apart(engine):
    engine.analyzer = Analyzer(shipped().extended({"words": {"added": ["网络故障"]}}))
    engine.upsert([doc("KB-1", "局域网的常见故障"), doc("KB-2", "故障报修电话")])
    assert keys(engine, "网络故障") == ["KB-1"]


def test_the_answer_is_limited(shelf):
    assert len(keys(shelf, "打印机", limit=1)) == 1


def test_what_helped_people_comes_first(engine):
    engine.upsert(doc(f"KB-{n}", "打印机脱机", weight=weight) for n, weight in ((1, 1.0), (2, 1.5), (3, 0.5)))
    assert keys(engine, "打印机脱机") == ["KB-2", "KB-1", "KB-3"]


def test_a_snippet_shows_the_place_and_is_safe(engine):
    body = "前言。" * 60 + "若<script>alert(1)</script>弹出，检查 **打印机** 的 & 网线。" + "结语。" * 60
    engine.upsert([doc("KB-1", "<b>打印机</b>", body)])
    hit = engine.search("打印机 网线", principals=EVERYONE)[0]
    assert "<mark>打印机</mark>" in hit.snippet
    assert "<mark>网线</mark>" in hit.snippet
    assert "&amp;" in hit.snippet
    assert hit.title_html == "&lt;b&gt;<mark>打印机</mark>&lt;/b&gt;"
    assert hit.title == "<b>打印机</b>"
    assert "<" not in hit.snippet.replace("<mark>", "").replace("</mark>", "")
    assert hit.snippet.startswith("…")


def test_a_snippet_marks_codes_however_written_and_pinyin(shelf):
    assert "<mark>ORA-01653</mark>" in shelf.search("ora 1653", principals=EVERYONE)[1].snippet
    assert shelf.search("gpy", principals=EVERYONE)[0].title_html.startswith("<mark>高拍仪</mark>")


def test_upsert_replaces_and_delete_removes(library):
    before = library.count()
    library.upsert([doc("KB-000001", "扫描仪无响应")])
    assert library.count() == before
    assert "KB-000001" not in keys(library, "打印机脱机")
    assert keys(library, "扫描仪") == ["KB-000001"]
    library.delete("article", ["KB-000001", "KB-999999"])
    assert keys(library, "扫描仪") == []
    assert library.count("article") == before - 3


def test_the_same_key_of_two_kinds_is_two_documents(engine):
    engine.upsert([doc("7", "交换机", kind="item"), doc("7", "交换机", kind="alert")])
    engine.delete("item", ["7"])
    assert [h.kind for h in engine.search("交换机", principals=EVERYONE)] == ["alert"]


def test_a_rebuild_leaves_only_what_it_was_given(library):
    assert library.rebuild(iter(LIBRARY[:2])) == 2
    assert library.count() == 2
    assert keys(library, "高拍仪") == []


def test_a_rebuild_answers_meanwhile_and_keeps_what_changes(library):
    def slowly():
        yield LIBRARY[0]
        assert keys(library, "高拍仪") == ["KB-000004"], "the old index answers while the new one is built"
        library.upsert([doc("KB-000099", "视频会议没有声音")])
        library.delete("article", ["KB-000002"])
        assert keys(library, "视频会议") == ["KB-000099"]
        yield LIBRARY[1]
        yield LIBRARY[2]

    library.rebuild(slowly())
    assert keys(library, "视频会议") == ["KB-000099"]
    assert keys(library, "ORA-01653") == ["KB-000003"]


def test_two_rebuilds_at_once_are_refused(library):
    def inner():
        with pytest.raises(SearchEngineError):
            library.rebuild(iter(()))
        yield LIBRARY[0]

    assert library.rebuild(inner()) == 1


def test_a_rebuild_that_fails_leaves_the_old_index(library):
    def broken():
        yield LIBRARY[0]
        raise OSError("the database went away")

    with pytest.raises(OSError, match="went away"):
        library.rebuild(broken())
    assert library.count() == len(LIBRARY)
    assert library.rebuild(iter(LIBRARY)) == len(LIBRARY)


def test_readers_and_a_writer_at_once(library):
    failures: list[BaseException] = []

    def read():
        try:
            for _ in range(40):
                assert "KB-000001" in keys(library, "打印机脱机")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(10):
        library.upsert([doc(f"KB-1{n:05}", "交换机端口抖动")])
    for thread in threads:
        thread.join()
    assert failures == []


def places(engine: SearchEngine, query: str, principals=EVERYONE, **more) -> list[int]:
    return engine.places(query, principals=principals, kind="ticket", **{"limit": 10, **more})


def test_places_are_those_of_the_list_with_every_word_of_it_greatest_first(library):
    titles = ("打印机卡纸", "打印机脱机", "网络中断", "打印机卡纸了", "打印机卡纸")
    library.upsert(
        doc(
            f"INC-2026-00010{n}",
            title,
            kind="ticket",
            place=(n * 7 % 5 + 1) << 32,
            principals=(("everyone", "few")[n == 4],),
        )
        for n, title in enumerate(titles)
    )
    library.upsert([doc("KB-000030", "打印机卡纸", place=99 << 32)])
    every = places(library, "打印机")
    assert every == sorted(every, reverse=True)
    assert every == [3 << 32, 2 << 32, 1 << 32]
    assert places(library, "打印机卡纸") == [2 << 32, 1 << 32]  # every word, not some of them
    assert places(library, "卡纸", principals=("few",)) == [4 << 32]
    assert places(library, "打印机", limit=2) == every[:2]
    assert places(library, "打印机", most=(3 << 32) - 1) == every[1:]
    assert places(library, "打印机", among=[every[2], every[0], 12345]) == [every[0], every[2]]
    assert places(library, "打印机", most=5) == []  # there, but further on: not taken for mistyped
    assert places(library, "打印机脱几") == [3 << 32]  # mistyped, where none has it as written
    assert places(library, "，。") == places(library, "量子纠缠") == places(library, "打印机", principals=()) == []


def test_more_places_than_a_cluster_hands_out_at_once(library, monkeypatch):
    from kb.search.elasticsearch import engine as cluster

    monkeypatch.setattr(cluster, "WINDOW", 2)
    late = 4102444800 << 31  # a ticket of the year 2100
    library.upsert(doc(f"T-{n}", "打印机", kind="ticket", place=late + n) for n in range(1, 8))
    assert places(library, "打印机", limit=5) == [late + n for n in (7, 6, 5, 4, 3)]
    assert places(library, "打印机", limit=50) == [late + n for n in (7, 6, 5, 4, 3, 2, 1)]
    assert places(library, "打印机", most=late + 2) == [late + 2, late + 1]
    assert places(library, "打印机", among=[late + 5]) == [late + 5]
