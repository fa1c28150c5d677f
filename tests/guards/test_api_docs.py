"""docs/api.md names every resource of the API and no other; its reference is written from the running code.

After changing an operation, a field, a filter or a permission: `.venv/bin/python -m tests.guards.test_api_docs`
"""

from __future__ import annotations

import enum
import re
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from itertools import groupby

import pydantic
import pytest
from flask import Flask

import config
from accounts.permissions import PERMISSIONS
from app import rooms
from app.factory import create_app
from escalation.handoff.sheets import BY_CATEGORY, COMMON
from servicedesk.tickets.states import MACHINES, SYSTEM_ACTIONS
from tests.guards import source
from web.api import frame
from web.api.frame import Operation

DOCUMENT = source.ROOT / "docs" / "api.md"
BEGIN, END = "<!-- reference:begin -->", "<!-- reference:end -->"
WIDTH = 178
#: What an integrator meets first stands first; the others follow by name.
FIRST = (
    "tickets",
    "attachments",
    "units",
    "people",
    "teams",
    "services",
    "items",
    "item-types",
    "relations",
    "checks",
    "results",
)
LONG = 8
PAGING = {"limit", "cursor"}
#: Paths in the document that are no route: the roots of the two APIs.
ELSEWHERE = {"/api/v1", "/api/v2"}


def resource(path: str) -> str:
    """`/tickets/<number>/urge` → `tickets`."""
    return path.strip("/").split("/")[0]


def shown(path: str) -> str:
    """`/items/<int:item_id>` → `/items/{item_id}`, as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def field_name(name: str, field: pydantic.fields.FieldInfo) -> str:
    return field.serialization_alias or field.alias or name


def words(values: Iterable[object]) -> str:
    return " / ".join(map(str, values))


def shape(annotation: object) -> str:
    """What a reader must know of a field's type: its words, its parts, that it is a list; plain values say nothing."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return f"({words(each.value for each in annotation)})"
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return f"{{{', '.join(fields(annotation))}}}"
    if origin is typing.Literal:
        return f"({words(inner)})"
    if origin in (types.UnionType, typing.Union):
        return next((found for each in inner if (found := shape(each))), "")
    if origin is typing.Annotated:
        return shape(inner[0])
    if origin is list:
        return f"[{shape(inner[0]).strip('()')}]"
    return "{}" if origin is dict else ""


def fields(model: type[pydantic.BaseModel], *, required: bool = False, without: Iterable[str] = ()) -> list[str]:
    """The fields as JSON names them; `required`: what is given, with a star on what must be, and long lists of words left out."""
    found = []
    for name, field in model.model_fields.items():
        kind = shape(field.annotation)
        star = "*" if required and field.is_required() else ""
        if name not in without:
            found.append(
                f"`{field_name(name, field)}`{star} {'' if required and kind.count('/') > LONG else kind}".rstrip()
            )
    return found


def needs(operation: Operation) -> str:
    return ", ".join(f"`{each}`" for each in operation.needs) or "any token"


def takes(operation: Operation) -> str:
    """Filters and body in one cell."""
    asked = fields(operation.query, required=True, without=PAGING)
    body = fields(operation.body, required=True) if operation.body else []
    return "; ".join(
        part
        for part in (
            f"filters {', '.join(asked)}" if asked and operation.listing else ", ".join(asked),
            ", ".join(body) + (" · bulk" if operation.many else ""),
        )
        if part
    )


def answers(operations: list[Operation]) -> Iterator[str]:
    """Each kind of answer once, at the first operation that gives it."""
    told: set[type] = set()
    for operation in operations:
        if operation.answer and operation.answer not in told:
            told.add(operation.answer)
            text = f"`{operation.method} {shown(operation.path)}` answers {', '.join(fields(operation.answer))}"
            yield textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False, initial_indent="- ",
                                subsequent_indent="  ")  # fmt: skip


def resources() -> Iterator[str]:
    def place(operation: Operation) -> tuple[int, str, str]:
        name = resource(operation.path)
        return (FIRST.index(name) if name in FIRST else len(FIRST), name, operation.path)

    for name, found in groupby(sorted(frame.operations, key=place), key=lambda each: resource(each.path)):
        operations = list(found)
        yield f"### `/{name}`\n"
        yield "| operation | does | any of | takes |\n| --- | --- | --- | --- |"
        for each in operations:
            yield f"| `{each.method} {shown(each.path)}` | {each.summary.rstrip('.').replace('|', '/')} | {needs(each)} | {takes(each)} |"
        yield ""
        yield from answers(operations)
        yield ""


def actions() -> Iterator[str]:
    yield "### Actions by kind of ticket\n"
    yield "| kind | action | from | to |\n| --- | --- | --- | --- |"
    for kind, machine in MACHINES.items():
        for action in dict.fromkeys(action for _before, action in machine.table):
            steps = [(before, after) for (before, each), after in machine.table.items() if each is action]
            before, after = (", ".join(dict.fromkeys(side)) for side in zip(*steps, strict=True))
            by = " (by monitoring only)" if action in SYSTEM_ACTIONS else ""
            yield f"| {kind} | `{action}`{by} | {before} | {'stays' if before == after else after} |"
    yield ""


def sheets() -> Iterator[str]:
    yield "### Lines of the hand-off sheet\n"
    yield "| category | lines |\n| --- | --- |"
    yield f"| every | {', '.join(f'`{line.key}`' for line in COMMON)} |"
    for category, lines in BY_CATEGORY.items():
        yield f"| {category} | and {', '.join(f'`{line.key}`' for line in lines)} |"
    yield ""


def reference() -> str:
    """The part of docs/api.md between the marks."""
    rooms.register(Flask(__name__))  # importing the rooms declares their operations
    return "\n".join((*actions(), *sheets(), *resources())).strip()


def parts() -> tuple[str, str, str]:
    before, rest = DOCUMENT.read_text("utf-8").split(BEGIN)
    middle, after = rest.split(END)
    return before, middle.strip(), after


def write() -> None:
    before, _old, after = parts()
    DOCUMENT.write_text(f"{before}{BEGIN}\n{reference()}\n{END}{after}", "utf-8")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    home = tmp_path_factory.mktemp("home")
    return create_app(config.load({"TAXOPS_HOME": str(home)}))


def named(text: str) -> set[str]:
    """Every path the document names in its code, `curl` lines among it, without host and query."""
    return {re.sub(r"^/api/v1(?=/)", "", path) for path in re.findall(r"(?<![\w.<$}/])/(?!/)[a-z][\w/{}.-]*", text)}


def test_every_resource_is_named_and_no_other(app: Flask) -> None:
    told = {resource(path) for path in re.findall(r"^### `(/[a-z-]+)`$", DOCUMENT.read_text("utf-8"), re.MULTILINE)}
    there = {resource(each.path) for each in frame.operations}
    assert there - told == set(), "in the code, not in docs/api.md"
    assert told - there == set(), "in docs/api.md, not in the code"


def test_every_operation_is_named_and_no_other(app: Flask) -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`]+)` \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    there = [f"{each.method} {shown(each.path)}" for each in frame.operations]
    assert sorted(set(there) - set(rows)) == [], "in the code, not in docs/api.md"
    assert sorted(set(rows) - set(there)) == [], "in docs/api.md, not in the code"
    assert len(rows) == len(set(rows))


def test_what_the_prose_and_the_examples_call_is_there(app: Flask) -> None:
    """Whatever path docs/api.md names outside the reference is one that the application answers."""
    before, _reference, after = parts()
    rules = [re.sub(r"<[^>]+>", "{}", rule.rule).removeprefix("/api/v1") for rule in app.url_map.iter_rules()]
    known = [re.compile("[^/]+".join(map(re.escape, rule.split("{}"))) + "/?") for rule in rules]
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", before + after, re.DOTALL))
    calls = {path for path in named(code) if path not in ELSEWHERE}
    assert calls, "no path found: the pattern above is wrong"
    assert sorted(path for path in calls if not any(each.fullmatch(path.rstrip(".")) for each in known)) == []


def test_every_permission_is_told_with_the_roles_that_hold_it() -> None:
    roles = tomllib.loads((source.ROOT / "accounts/data/roles.toml").read_text("utf-8"))
    told = re.findall(r"^\| `([a-z-]+\.[a-z-]+)` \| [^|]+ \| ([^|]*) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    held = [(each, ", ".join(role for role, it in roles.items() if each in it["permissions"])) for each in PERMISSIONS]
    assert [(name, holders.strip()) for name, holders in told] == held


def test_the_reference_is_what_the_code_says() -> None:
    assert parts()[1] == reference(), "run: .venv/bin/python -m tests.guards.test_api_docs"


if __name__ == "__main__":
    write()
