"""Guides: few, plain, and what the answers conclude (T-09)."""

from __future__ import annotations

from servicedesk.intake import guides
from servicedesk.tickets.categories import INCIDENT_CATEGORIES


def test_T_09_every_kind_of_fault_has_two_to_five_questions():
    for category in INCIDENT_CATEGORIES:
        guide = guides.BY_CATEGORY[category.key]
        assert 2 <= len(guide.questions) <= 5
        assert len({q.key for q in guide.questions}) == len(guide.questions)


def test_T_09_answers_become_urgency_people_and_lines_of_the_sheet():
    answers = {"function": "代开发票", "error": "ORA-12541", "since": "this-morning", "who": "taxpayers"}
    read = guides.conclude("application", answers)
    assert (read.people, read.urgency) == (100, 1)
    said = {"function": "代开发票", "error": "ORA-12541", "since": "今天上午", "affected": "纳税人也办不了"}
    assert read.sheet == said
    assert ("屏幕上提示什么？", "ORA-12541") in read.words


def test_T_09_an_unknown_answer_is_no_answer():
    read = guides.conclude("desktop", {"who": "<script>", "nonsense": "x", "work": ""})
    assert read == guides.Conclusion(1, 3, {}, [])
