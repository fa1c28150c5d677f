"""Words, codes, names and sounds, without an index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.search import pinyin
from kb.search.analysis import Analyzer
from kb.search.fold import fold
from kb.search.lexicon import LexiconError, from_data, shipped
from kb.search.snippets import highlight, plain, snippet

analyzer = Analyzer()
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("text", "folded"), [("ＯＲＡ－０１", "ora-01"), ("印表機離線", "印表机离线"), ("Ⅷ㎡", "ⅷ㎡"), ("İ", "i")]
)
def test_folding_keeps_every_character_in_place(text, folded):
    assert fold(text) == folded
    assert len(fold(text)) == len(text)


@given(ANY_TEXT)
def test_folding_any_text_keeps_its_length_and_is_stable(text):
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    "written", ["ORA-01653", "ora01653", "ORA 1653", "ＯＲＡ－０１６５３", "ora_01653", "ORA:01653"]
)
def test_an_error_code_has_one_normal_form(written):
    assert analyzer.code(written) == "ora-1653"
    assert analyzer.codes(f"出现{written}错误") == ["ora-1653"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("0x80070035 找不到网络路径", ["0x80070035"]),
        ("HTTP 502 Bad Gateway", ["http-502"]),
        ("金三提示 GS12345a。", ["gs-12345a"]),
        ("office 2016 与 windows 10", []),
        ("地址 10.61.1.5", []),
        ("INC-2026-000123", []),
    ],
)
def test_codes_are_told_from_names_and_addresses(text, codes):
    assert analyzer.codes(text) == codes


def test_an_address_after_the_name_of_a_code_stays_whole():
    """`dns` begins error codes, but `DNS 10.61.1.53` names a server."""
    assert "10.61.1.53" in analyzer.terms("内网 DNS 10.61.1.53；解析")


def test_names_are_kept_whole_and_in_parts():
    assert analyzer.terms("db01.lt.tax") == ["db01.lt.tax", "db01", "lt", "tax"]
    assert analyzer.terms("web-03") == ["web-03", "web", "03"]
    assert analyzer.terms("10.61.1.5") == ["10.61.1.5", "10.61.1", "10.61"]
    assert analyzer.terms("inc-2026-000123")[0] == "inc-2026-000123"


def test_long_words_hold_the_short_ones():
    assert {"打印", "打印机", "脱机"} <= set(analyzer.terms("打印机脱机"))


@pytest.mark.parametrize("word", ["高拍仪", "金税盘", "表空间", "办税服务厅", "叫号机"])
def test_words_of_the_trade_are_known(word):
    assert word in analyzer.terms(f"关于{word}的说明")


def test_K_03_a_word_that_was_removed_is_cut_apart_again():
    added = Analyzer(shipped().extended({"words": {"added": ["秦岭云票"]}}))
    assert "秦岭云票" in added.terms("秦岭云票升级")
    assert "秦岭云票" not in Analyzer().terms("秦岭云票升级"), "another set of words has a dictionary of its own"


def test_K_03_a_compound_knows_its_parts_and_what_means_the_same():
    knows_it = Analyzer(shipped().extended({"words": {"added": ["网络故障"]}}))
    parts = knows_it.question("网络故障").concepts[0].parts
    assert [part[0] for part in parts] == ["网络", "故障"]
    assert "局域网" in parts[0]
    assert not analyzer.question("打印机").concepts[0].parts, "打印 alone is no printer"


def test_words_without_meaning_are_left_out():
    assert "的" not in analyzer.terms("打印机的问题")
    assert analyzer.question("的了吗").concepts == ()


def test_a_question_knows_which_words_count():
    question = analyzer.question("打印机打不了怎么办")
    assert [c.word for c in question.needed] == ["打印机", "打不了"]
    assert [c.word for c in question.helping] == ["怎么办"]
    assert "打印" in question.needed[1].alike


def test_a_question_of_weak_words_only_needs_them_all():
    assert [c.word for c in analyzer.question("系统异常").needed] == ["系统", "异常"]


@given(ANY_TEXT)
def test_any_text_can_be_analysed(text):
    analyzer.terms(text)
    analyzer.sounds(text)
    question = analyzer.question(text, typing=True)
    for html in (snippet(text, question), highlight(text, question)):
        bare = html.replace("<mark>", "").replace("</mark>", "")
        assert "<" not in bare
        assert ">" not in bare


def test_initials_do_not_reach_over_particles():
    assert "dyj" not in analyzer.sounds("叫号机取不出号的应急办法")
    assert "dyj" in analyzer.sounds("打印机脱机")
    assert "<mark>" not in highlight("取不出号的应急办法", analyzer.question("dyj"))


def test_pinyin_knows_several_readings():
    assert pinyin.full("打印机") == ("dayinji",)
    assert set(pinyin.initials("银行")) >= {"yh"}
    assert set(pinyin.full("重启")) == {"zhongqi", "chongqi"}
    assert pinyin.full("abc") == ()
    assert pinyin.initials("机") == ()


def test_pinyin_agrees_with_pypinyin():
    pypinyin = pytest.importorskip("pypinyin")
    words = sorted(w for w in shipped().words if pinyin.is_chinese(w) and 1 < len(w) <= 4)
    wrong = {w: pinyin.full(w) for w in words if "".join(pypinyin.lazy_pinyin(w, v_to_u=False)) not in pinyin.full(w)}
    assert wrong == {}


def test_an_administrators_words_join_the_shipped_ones():
    own = {"words": {"own": ["鲲鹏云桌面"]}, "synonyms": [{"words": ["云桌面", "鲲鹏云桌面", "打印机"]}]}
    more = shipped().extended(own)
    assert "鲲鹏云桌面" in Analyzer(more).terms("鲲鹏云桌面登录")
    assert {"印表机", "云桌面"} <= more.alike("打印机")


@pytest.mark.parametrize(
    "bad",
    [
        {"words": []},
        {"words": {"a": "打印机"}},
        {"synonyms": {"words": []}},
        {"synonyms": [{"words": [1]}]},
        {"stop": {"words": [" "]}},
    ],
)
def test_R_04_malformed_words_are_refused_with_the_place(bad):
    with pytest.raises(LexiconError, match=r"words|synonyms|stop"):
        from_data(bad)


def test_plain_text_of_markdown():
    assert plain("# 症状\n\n**打印机** [说明](http://x) `ping`\n\n- 一\n") == "症状：打印机 说明 ping - 一"
