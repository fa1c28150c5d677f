"""Sheets, the recorded search and returns (E-02), and where a matter may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from escalation.handoff import rules, sheets
from escalation.handoff.sheets import Fill
from servicedesk.custody.rules import Line

FULL = {
    "symptom": "点保存后没反应",
    "since": "今天上午",
    "affected": "办税厅 6 人",
    "error": "ORA-12541",
    "tried": "重启过",
    "contact": "王芳 88881234",
}
CATEGORIES = ["desktop", "wan", "application", "video", "server"]


def full(category: str) -> dict[str, str]:
    return {line.key: FULL.get(line.key, "有") for line in sheets.lines_for(category)}


@pytest.mark.parametrize("category", CATEGORIES)
def test_E_02_a_filled_sheet_passes(category):
    assert sheets.validated(category, full(category)).keys() == full(category).keys()


@pytest.mark.parametrize("category", CATEGORIES)
def test_E_02_every_missing_line_is_named_at_once(category):
    with pytest.raises(Invalid) as refused:
        sheets.validated(category, {"symptom": "  "})
    assert {e.field for e in refused.value.errors} == {f"sheet.{line.key}" for line in sheets.lines_for(category)}


@given(st.sampled_from(CATEGORIES), st.data())
def test_E_02_exactly_the_missing_lines_are_named(category, data):
    keys = [line.key for line in sheets.lines_for(category)]
    left_out = data.draw(st.sets(st.sampled_from(keys), min_size=1))
    with pytest.raises(Invalid) as refused:
        sheets.validated(category, {k: v for k, v in full(category).items() if k not in left_out})
    assert {e.field for e in refused.value.errors} == {f"sheet.{key}" for key in left_out}
    assert {line.key for line in sheets.missing(category, dict.fromkeys(set(keys) - left_out, "x"))} == left_out


def test_E_02_an_unknown_line_and_a_wrong_type_are_named():
    with pytest.raises(Invalid) as refused:
        sheets.validated("wan", {**full("wan"), "colour": "红", "route": 7})
    assert {e.field for e in refused.value.errors} == {"sheet.colour", "sheet.route"}


def test_E_02_the_platform_fills_what_it_can_and_the_answers_come_first():
    known = {Fill.CONTACT: "李静 029-1", Fill.SITE: "蓝田县局", Fill.SINCE: "09:12"}
    filled = sheets.prefill("wan", known, {"since": "今天上午"})
    assert filled == {"contact": "李静 029-1", "site": "蓝田县局", "since": "今天上午"}


def test_numbers_of_taxpayers_and_papers_are_masked():
    subject = "纳税人 91610131MA6U12345X，票号 12345678"
    stored = sheets.validated("application", {**full("application"), "subject": subject})
    assert stored["subject"] == "纳税人 916************45X，票号 123**678"
    assert "610102" not in sheets.mask_numbers("610102199001011234")[3:]


@pytest.mark.parametrize(
    ("search", "fields"),
    [
        (None, {"search.query", "search.article"}),
        ({"query": " "}, {"search.query", "search.article"}),
        ({"query": "ORA-12541"}, {"search.article"}),
        ({"article": "KB-000001"}, {"search.query"}),
        ({"query": "x", "article": "KB-000001", "note": "y"}, {"search.note"}),
    ],
)
def test_E_02_nothing_is_sent_before_a_search_is_on_record(search, fields):
    with pytest.raises(Invalid) as refused:
        rules.checked_search(search)
    assert {e.field for e in refused.value.errors} == fields


def test_E_02_an_article_tried_or_a_reason_why_none_fits_will_do():
    assert rules.checked_search({"query": "x", "article": "KB-000001"}) == {"query": "x", "article": "KB-000001"}
    assert rules.checked_search({"query": "x", "article": None, "none_fits_because": "都是旧版本"})["none_fits_because"]


def test_E_02_a_return_needs_a_reason_and_a_missing_item():
    with pytest.raises(Invalid) as refused:
        rules.checked_return(" ", None)
    assert {e.field for e in refused.value.errors} == {"reason", "missing"}
    assert rules.checked_return(" 看不清 ", "截图") == ("看不清", "截图")


@pytest.mark.parametrize("score", [None, 0, 6])
def test_E_02_clarity_is_scored_from_one_to_five(score):
    with pytest.raises(Invalid):
        rules.checked_clarity(score)


def test_the_lines_follow_each_other():
    assert [rules.next_line(line) for line in Line] == [Line.CITY, Line.PROVINCE, Line.VENDOR, None]
