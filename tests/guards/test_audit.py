"""Core writes (sa.update, sa.insert, sa.delete) pass the audit's listener by: each on an audited table is a decision."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app import rooms
from core.db.base import Base
from tests.guards import source

DEMO = "the demo's history, loaded into an empty database; importing.import_ticket records what a program imports"
MOVED = "the clock was set: what counts elapsed time moves with it, which clock_jump says"
#: (file, function, table's class) → why the listener need not see it. A new line here is a decision.
DECIDED: dict[tuple[str, str, str], str] = {
    ("core/elapsed.py", "move", "table"): MOVED,
    ("core/elapsed.py", "rows", "table"): MOVED,
    ("accounts/service/units.py", "_forget_rights_below", "Person"): "access_version only, which is marked silent",
    ("accounts/roles.py", "change", "Person"): "access_version only, which is marked silent",
    ("app/web/authentication.py", "_touch", "model"): "last seen and last used: marked silent, or a table of sessions",
    ("accounts/signin/known.py", "_touch", "ApiToken"): "last used, which is marked silent",
    ("app/demo/load/bulk.py", "add", "model"): "the demo's own data, on an empty database",
    ("app/demo/load/bulk.py", "add_with_ids", "model"): "the demo's own data, on an empty database",
    ("app/demo/load/matters.py", "_settle", "Article"): "used only, a count that is marked silent",
    ("escalation/handoff/importer.py", "write", "Handoff"): DEMO,
    ("servicedesk/bulk/service.py", "forget_old", "BulkRun"): "its 90 days are over; what it did is in the trail",
    ("servicedesk/tickets/importer.py", "_batch", "Ticket"): DEMO,
    (
        "servicedesk/tickets/importer.py",
        "_batch",
        "table",
    ): "the unaudited tables beside the ticket: facts, custody, readers, clocks",
    ("monitor/checks/service.py", "retire", "CheckParent"): "the check's own row says that it was retired",
    ("monitor/self_checks.py", "_started", "Poller"): "a sign of life, not anybody's write",
}


def core_writes() -> Iterator[tuple[str, str, str, int]]:
    """(file, function, model, line) of every Core write in the product."""
    for path, tree in source.product_modules():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if _writes(node) and isinstance(node, ast.Call) and node.args:
                    yield source.name(path), function.name, ast.unparse(node.args[0]), node.lineno


def _writes(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"update", "insert", "delete"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"sa", "sqlalchemy", "postgresql", "sqlite"}
    )


def audited() -> dict[str, bool]:
    rooms.import_models()
    return {m.class_.__name__: getattr(m.class_, "__audited__", True) for m in Base.registry.mappers}


def test_every_core_write_on_an_audited_table_was_decided() -> None:
    known = audited()
    undecided = [
        f"{file}:{line} {function}() writes {model}: record it by hand, or say in DECIDED why it need not be"
        for file, function, model, line in core_writes()
        if known.get(model, True) and (file, function, model) not in DECIDED
    ]
    assert undecided == []


def test_no_decision_is_left_of_a_write_that_is_gone() -> None:
    there = {(file, function, model) for file, function, model, _line in core_writes()}
    assert set(DECIDED) - there == set()


def test_writes_hide_in_no_other_way() -> None:
    """session.query(X).update(…) and raw SQL that writes pass the listener by too, and the guard above."""
    found = []
    for path, tree in source.product_modules():
        if source.name(path).startswith("monitor/samples/"):  # the column file is another database
            continue
        if source.name(path) in {"core/db/bulk.py", *BY_MANY}:  # see the next two tests
            continue
        for node in ast.walk(tree):
            raw = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if raw and str(node.value).lstrip().upper().startswith(("UPDATE ", "DELETE FROM ", "INSERT INTO ")):
                found.append(f"{source.name(path)}:{node.lineno} {str(node.value)[:60]!r}")
            if (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"update", "delete"} and ".query(" in ast.unparse(node.func.value)
            ):  # fmt: skip
                found.append(f"{source.name(path)}:{node.lineno} {ast.unparse(node)[:60]}")
    assert found == []


def test_only_the_demo_packs_rows_past_the_session() -> None:
    users = {source.name(path) for path, tree in source.product_modules() for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node.module == "core.db.bulk"}  # fmt: skip
    assert users == {"app/demo/load/matters.py", "app/demo/load/telling.py"}


BY_MANY = {"monitor/alerts/bulk.py": {"Alert", "Member"}, "monitor/results/stand.py": {"Check", "CheckState"}}
"""What machines send is written by many, past the session, and no person writes it: module → the tables it names."""


def test_what_machines_send_is_written_by_many_because_no_person_writes_it() -> None:
    """Alerts and states keep themselves what was sent; a check's definition is only read there."""
    known = audited()
    assert not any(known[model] for model in ("Alert", "Member", "CheckState"))
    texts = {source.name(path): path.read_text("utf-8") for path, _tree in source.product_modules()}
    for module, models in BY_MANY.items():
        named = {node.id for node in ast.walk(ast.parse(texts[module])) if isinstance(node, ast.Name)} & set(known)
        assert named <= models
    assert "UPDATE check_ " not in texts["monitor/results/stand.py"]
