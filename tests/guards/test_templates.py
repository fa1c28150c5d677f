"""Pages load nothing from elsewhere, carry no inline script or style, and say nothing outside the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from jinja2.visitor import NodeVisitor

from tests.guards import source

#: Words that are the same in every language: names of standards, formats, keys and the product.
SAME_EVERYWHERE = {
    "taxops", "CPU", "CSV", "DNS", "HTTP", "HTTPS", "ICMP", "IP", "JSON", "MAC", "Markdown", "OK", "PDF", "PNG", "SMTP",
    "SNMP", "TCP", "TLS", "UDP", "UPS", "URL", "API", "Excel", "Ctrl", "Enter", "Esc", "Shift", "Tab", "English",
    "Prometheus", "Alertmanager", "Apprise", "OpenAPI", "openapi", "json", "KB", "MB", "GB", "INC", "REQ", "PRB", "CHG", "XLSX",
    "iCalendar",
}  # fmt: skip
#: Attributes whose text a person reads or hears.
READ_ATTRIBUTES = {"title", "alt", "placeholder", "aria-label", "aria-description", "label", "summary", "data-confirm"}
LOADING_ATTRIBUTES = {"src", "href", "srcset", "action", "poster", "data", "formaction", "hx-get", "hx-post"}
GETTEXT = {"_", "gettext", "ngettext", "lazy"}
CJK = re.compile(r"[\u3400-\u9fff]")
LETTERS = re.compile(r"[A-Za-z]{2,}|[\u3400-\u9fff]+")
HOLE = "\x00"  # where Jinja puts something

ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)
TEMPLATES = source.templates()


def raw_html(text: str) -> str:
    """The template's HTML with a mark for every expression and nothing for statements and comments."""
    parts, line = [], 1
    for line_number, kind, value in ENVIRONMENT.lex(text):
        if kind == "data":
            parts.append("\n" * max(0, line_number - line) + value)
            line = line_number + value.count("\n")
        elif kind == "variable_begin":
            parts.append(HOLE)
        elif kind == "raw_begin":
            raise AssertionError("raw blocks hide from the guards")
    return "".join(parts)


class Reader(HTMLParser):
    """Collects what breaks the rules, with its line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[tuple[int, str]] = []
        self._silent: list[str] = []

    def say(self, problem: str) -> None:
        self.problems.append((self.getpos()[0], problem))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names and ("type", "application/json") not in attrs):
            self.say(f"inline <{tag}>")
        if tag in {"script", "style", "code", "kbd", "pre", "samp"}:
            self._silent.append(tag)
        for name, value in attrs:
            self._attribute(name, value or "")

    def _attribute(self, name: str, value: str) -> None:
        if re.fullmatch(r"on\w+", name) or name.startswith(("hx-on", "hx-vals-js")) or name == "style":
            self.say(f"inline {name}=")
        if re.match(r"\s*(javascript|vbscript):", value, re.IGNORECASE) or value.startswith("js:"):
            self.say(f"script in {name}=")
        if name in LOADING_ATTRIBUTES and re.match(r"\s*(https?:)?//", value, re.IGNORECASE):
            self.say(f"{name} leads to the internet: {value[:60]}")
        if name in READ_ATTRIBUTES:
            self._words(value, name)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._words(data, "text")

    def _words(self, text: str, where: str) -> None:
        words = [word for word in LETTERS.findall(text) if word not in SAME_EVERYWHERE]
        if words:
            self.say(f"{where} outside the catalogue: {' '.join(words)[:80]}")


class Expressions(NodeVisitor):
    """Finds Chinese strings inside Jinja that no translation function receives, and msgids that are not Chinese."""

    def __init__(self) -> None:
        self.problems: list[tuple[int, str]] = []

    def visit_Call(self, node: nodes.Call) -> None:
        if isinstance(node.node, nodes.Name) and node.node.name in GETTEXT:
            first = node.args[0] if node.args else None
            if not isinstance(first, nodes.Const):
                self.problems.append((node.lineno, "a msgid must be a constant"))
            elif re.search(r"[A-Za-z]{2}", re.sub(r"%\(\w+\)[sd]", "", str(first.value))) and not CJK.search(
                str(first.value)
            ):
                self.problems.append((node.lineno, f"msgid is not Chinese: {first.value!r}"))
            for child in [*node.args[2:], *node.kwargs]:
                self.visit(child)
            return
        self.generic_visit(node)

    def visit_Const(self, node: nodes.Const) -> None:
        if isinstance(node.value, str) and CJK.search(node.value):
            self.problems.append((node.lineno, f"outside the catalogue: {node.value!r}"))

    def visit_Filter(self, node: nodes.Filter) -> None:
        if node.name == "safe":
            self.problems.append((node.lineno, "|safe: make it Markup where it is built and checked"))
        self.generic_visit(node)


def problems(text: str) -> Iterator[str]:
    reader, expressions = Reader(), Expressions()
    reader.feed(raw_html(text))
    reader.close()
    expressions.visit(ENVIRONMENT.parse(text))
    yield from (f"{line}: {problem}" for line, problem in sorted(reader.problems + expressions.problems))


@pytest.mark.parametrize("path", TEMPLATES, ids=source.name)
def test_template_keeps_the_rules(path: Path) -> None:
    assert [f"{source.name(path)}:{each}" for each in problems(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>{{ _('受理') }}</p> 12 · →", []),
        ("<p>受理</p>", ["1: text outside the catalogue: 受理"]),
        ("<p>\nAccept it</p>", ["1: text outside the catalogue: Accept it"]),
        ('<input placeholder="Title">', ["1: placeholder outside the catalogue: Title"]),
        ("{{ button('受理') }}", ["1: outside the catalogue: '受理'"]),
        ("{{ button(_('受理'), icon='check') }}", []),
        ("{{ _('Accept') }}", ["1: msgid is not Chinese: 'Accept'"]),
        ('<a href="https://cdn.example/x">{{ x }}</a>', ["1: href leads to the internet: https://cdn.example/x"]),
        ('<script src="//cdn.example/x.js"></script>', ["1: src leads to the internet: //cdn.example/x.js"]),
        ("<script>var x</script>", ["1: inline <script>"]),
        ('<script type="application/json">{"a": 1}</script>', []),
        ('<div style="color:red" onclick="x()"></div>', ["1: inline onclick=", "1: inline style="]),
        ('{% if a %}<b class="{{ c }}">{% endif %}', []),
        ("{{ body|safe }}", ["1: |safe: make it Markup where it is built and checked"]),
    ],
)
def test_the_guard_itself_sees(text: str, expected: list[str]) -> None:
    assert list(problems(text)) == expected


def test_the_stylesheet_loads_nothing_from_elsewhere() -> None:
    for path in source.files(".css"):
        found = re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"';]+", path.read_text("utf-8"))
        assert found == [], source.name(path)
