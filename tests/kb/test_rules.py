"""Sections, differences, weights and masks: pure."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.articles import rules
from kb.markdown import to_html
from kb.search import ranking

TEXT = st.text(alphabet="症状解决 ab#`\n*-1.<>&", max_size=120)


@pytest.mark.parametrize("module", [rules, ranking])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_a_body_is_split_by_its_headings_and_joined_again():
    body = "前言\n\n## 症状\n\n脱机\n\n## 解决方法\n\n1. 重启\n"
    parts = rules.split(body)
    assert (parts["other"], parts["symptom"], parts["solution"], parts["cause"]) == ("前言", "脱机", "1. 重启", "")
    assert rules.join(parts) == "前言\n\n## 症状\n\n脱机\n\n## 解决\n\n1. 重启\n"


def test_a_heading_inside_code_is_no_section():
    assert rules.split("```\n## 症状\n```")["symptom"] == ""


@given(TEXT)
def test_splitting_loses_nothing_and_is_stable(body):
    once = rules.join(rules.split(body))
    assert rules.join(rules.split(once)) == once
    assert [c for c in body if c in "ab1<>&"] == [c for c in once if c in "ab1<>&"] or any(
        rules.split(body)[name] for name, _ in rules.SECTIONS
    )


@given(TEXT, TEXT)
def test_a_difference_tells_both_texts(before, after):
    lines = rules.difference(before, after, context=10_000)
    if before.splitlines() != after.splitlines():
        assert [x.text for x in lines if x.kind in ("same", "removed")] == before.splitlines()
        assert [x.text for x in lines if x.kind in ("same", "added")] == after.splitlines()


@given(TEXT)
def test_markdown_never_becomes_script_or_attribute(text):
    html = to_html(text + "<img src=x onerror=alert(1)><a href='javascript:x'>y</a>")
    assert "<img" not in html
    assert "<script" not in html
    assert "<a" not in html


def test_what_helps_rises_and_what_fails_sinks():
    def weight(useful: int, not_useful: int) -> float:
        return rules.weight(useful=useful, not_useful=not_useful, used=0, readable=True, due=False)

    assert weight(20, 0) > weight(5, 0) > weight(0, 0) > weight(0, 5) > 0.5
    assert weight(10**6, 0) < 2.01
