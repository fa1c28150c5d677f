"""Dates are dates here, and one predicate says what still counts."""

from __future__ import annotations

import ast

from tests.guards import source

#: Whose .date() is not an instant's date in UTC: each was looked at. A new line here is a decision.
DECIDED = {
    "core/clock.py": "the one place that turns an instant into a date here",
    "core/calendar/rules.py": "the calendar's own zone, which is a setting of it",
    "assessment/overview/views.py": "`since` is midnight here, made from a local date",
    "escalation/oncall/rules.py": "`local` was taken to the rota's zone above",
    "servicedesk/calendar/api.py": "only asks whether the year is one the calendar knows",
}
PREDICATES = "accounts/validity.py"


def test_no_date_is_taken_from_an_instant_in_utc() -> None:
    """Before eight in the morning UTC still has yesterday's date: ask core.clock.local_date."""
    found = []
    for path, tree in source.product_modules():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "date"):
                continue
            of = node.func.value
            zoned = isinstance(of, ast.Call) and isinstance(of.func, ast.Attribute) and of.func.attr == "astimezone"
            if not node.args and not zoned and source.name(path) not in DECIDED:
                found.append(f"{source.name(path)}:{node.lineno} {ast.unparse(node)}")
    assert found == []


def test_R_03_whether_a_grant_or_a_unit_still_counts_is_asked_in_one_place() -> None:
    """`valid_until IS NULL` forgets what ends later: ask accounts.validity."""
    found = []
    for path, tree in source.product_modules():
        for node in ast.walk(tree):
            asks = isinstance(node, ast.Attribute) and node.attr == "valid_until" and isinstance(node.value, ast.Name)
            if asks and node.value.id in {"Grant", "Unit"} and source.name(path) != PREDICATES:
                found.append(f"{source.name(path)}:{node.lineno}")
    assert found == []
