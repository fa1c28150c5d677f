"""Files and functions stay small enough to read (style.md: files under 400 lines, functions under 30 statements)."""

from __future__ import annotations

import ast

from tests.guards import source

MODULE_LINES, FUNCTION_LINES, FUNCTION_STATEMENTS = 400, 60, 30


def test_no_module_is_over_400_lines() -> None:
    long = {}
    for path in source.files(".py", ".js", ".html", ".css"):
        parts = path.relative_to(source.ROOT).parts
        if parts[:2] in {("web", "static"), ("migrations", "versions")}:  # written by programs
            continue
        if (lines := len(path.read_text("utf-8").splitlines())) > MODULE_LINES:
            long[source.name(path)] = lines
    assert long == {}


def test_no_function_is_too_long() -> None:
    long = []
    for path, tree in source.product_modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                where = f"{source.name(path)}:{node.lineno} {node.name}"
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{where}: {lines} lines")
                if (count := statements(node)) > FUNCTION_STATEMENTS:
                    long.append(f"{where}: {count} statements")
    assert long == []


def statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Statements inside, without its docstring and without those of functions nested in it."""
    count, queue = 0, list(function.body)
    while queue:
        node = queue.pop()
        count += not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        queue += [
            child
            for child in ast.walk(node)
            if isinstance(child, ast.stmt) and child is not node and _parent(child, node)
        ]
    return count


def _parent(child: ast.stmt, node: ast.AST) -> bool:
    """Whether child stands directly in one of node's blocks."""
    blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
    blocks += [handler.body for handler in getattr(node, "handlers", [])]
    blocks += [case.body for case in getattr(node, "cases", [])]
    return any(child in block for block in blocks)


def test_the_count_of_statements_is_right() -> None:
    function = ast.parse(
        'def f(x):\n "doc"\n if x:\n  a()\n else:\n  b()\n try:\n  c()\n except E:\n  d()\n return 1'
    ).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert statements(function) == 7
