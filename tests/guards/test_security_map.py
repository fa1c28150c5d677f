"""docs/security.md names tests for clauses; every one of them exists, and no clause is called met without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TEXT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(\w+))?`")
STATES = {"met", "partly", "deployment"}


def clauses() -> list[list[str]]:
    """The cells of every row of the tables."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| ")
    ]
    return [row for row in rows if not row[0].startswith(("clause", "条款", "---"))]


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_that_is_named_exists() -> None:
    named = {(file, name) for file, name in NAMED.findall(TEXT) if file != "tests/guards/test_security_map.py"}
    assert len(named) > 60
    missing = [
        f"{file}::{name}"
        for file, name in sorted(named)
        if not (TESTS / file).exists() or (name and name not in functions(TESTS / file))
    ]
    assert missing == []


def test_every_clause_says_how_it_stands_and_what_is_met_has_a_test() -> None:
    assert len(clauses()) > 50
    assert [row for row in clauses() if len(row) != 4 or row[2] not in STATES] == []
    assert [row[0] for row in clauses() if row[2] == "met" and not NAMED.search(row[3])] == []
