"""What must not stand in the product's Python."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

from tests.guards import source

CJK = re.compile(r"[\u3400-\u9fff]")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
#: Libraries that are part of another one, whose name is the declared one.
PART_OF = {"werkzeug": "flask", "jinja2": "flask", "markupsafe": "flask", "pydantic_core": "pydantic"}
WORDED_BY = {"_", "gettext", "ngettext", "lazy", "lazy_gettext", "pgettext"}


def test_only_the_clock_reads_the_time_and_only_config_the_environment() -> None:
    """Ruff forbids the same by name; this sees through aliases that keep the last name, and reads raw time too."""
    allowed = {"core/clock.py": {"now", "utcnow", "today", "time"}, "config/settings.py": {"environ", "getenv"}}
    found = []
    for path, tree in source.product_modules():
        may = allowed.get(source.name(path), set())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                bad = (owner in {"datetime", "date"} and node.attr in {"now", "utcnow", "today"}) or (
                    owner == "os" and node.attr in {"environ", "getenv"}
                )
                if bad and node.attr not in may:
                    found.append(f"{source.name(path)}:{node.lineno} {owner}.{node.attr}")
    assert found == []


def test_services_never_commit() -> None:
    """The edge owns the transaction: verbs, rules, states and queries neither commit nor roll back."""
    found = []
    for path, tree in source.product_modules():
        if path.stem in {"service", "rules", "states", "queries", "handlers", "models"}:
            found += [
                f"{source.name(path)}:{node.lineno} .{node.func.attr}()"
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"commit", "rollback"}
            ]
    assert found == []


def test_rules_and_states_are_pure() -> None:
    """No session, no clock, no Flask in rules.py and states.py."""
    impure = {
        "flask",
        "flask_sqlalchemy",
        "sqlalchemy",
        "core.clock.now",
        "core.db",
        "web.db",
        "requests",
        "httpx",
        "os",
    }
    found = []
    for path, tree in source.product_modules():
        if path.stem not in {"rules", "states"}:
            continue
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found += [f"{source.name(path)}:{node.lineno} {each}" for each in names if each in impure]
    assert found == []


def test_messages_are_worded_in_chinese_and_english_comes_from_the_catalogue() -> None:
    found = []
    for path, tree in source.product_modules():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORDED_BY):
                continue
            for argument in node.args[:1]:
                if isinstance(argument, ast.JoinedStr):
                    found.append(f"{source.name(path)}:{node.lineno} an f-string is no msgid")
                text = argument.value if isinstance(argument, ast.Constant) else None
                if (
                    isinstance(text, str)
                    and re.search(r"[A-Za-z]{2}", PLACEHOLDER.sub("", text))
                    and not CJK.search(text)
                ):
                    found.append(f"{source.name(path)}:{node.lineno} {text!r}")
    assert found == []


def test_views_word_nothing_outside_the_catalogue() -> None:
    """A Chinese string in a view, form or API that is not a msgid could never be shown in English."""
    found = []
    for path, tree in source.product_modules():
        if path.stem not in {"views", "forms", "api", "schemas"}:
            continue
        worded = {
            id(argument)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORDED_BY
            for argument in node.args
        }
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{source.name(path)}:{node.lineno} {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CJK.search(node.value)
            and id(node) not in worded | documentation
        ]  # fmt: skip
    assert found == []


def test_every_package_and_public_function_says_what_it_is() -> None:
    """Verbs (service.py) are the interface between rooms: each public one has a docstring."""
    silent = [
        f"{source.name(path)}:{node.lineno} {node.name}"
        for path, tree in source.product_modules()
        if path.stem in {"service", "queries", "rules"}
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_library_imported_is_a_declared_dependency() -> None:
    """What is only there because another library brought it may be gone tomorrow."""
    by_module = importlib.metadata.packages_distributions()
    project = source.project()["project"]
    declared = {
        _canonical(re.split(r"[\[<>=!~; ]", each)[0])
        for each in (*project["dependencies"], *project["optional-dependencies"].get("elasticsearch", ()))
    }
    own = {*source.rooms(), "migrations", "taxops"}
    found = set()
    for path, tree in source.product_modules():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in {each.split(".")[0] for each in names} - own - set(sys.stdlib_module_names):
                distributions = {_canonical(each) for each in (PART_OF.get(name), *by_module.get(name, ())) if each}
                if not distributions & declared:
                    found.add(f"{source.name(path)}: {name}")
    assert sorted(found) == []


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
