"""Every parser of what comes from outside, with anything at all: an answer or a refusal in words, never an accident.

A hundred tries each in CI; `make fuzz COUNT=…` makes as many as it is told.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

import config
from app.setup import sheets
from collectors import net, thresholds
from collectors.base import PollerFault
from collectors.canary import is_local
from collectors.http_client import split_url
from collectors.patterns import json_at
from collectors.registry import PROBES
from collectors.report import CheckDefinition
from core.clock import UTC
from core.errors import Invalid, TaxopsError
from kb.markdown import to_html
from kb.search.analysis import Analyzer
from kb.search.snippets import highlight, snippet
from monitor.am import matchers, wire
from monitor.ingest import template
from monitor.ingest.models import Form
from servicedesk.attachments import sniff
from web import paging
from web.sheets import cell

NOW = dt.datetime(2026, 11, 27, tzinfo=UTC)
TEXT = st.text(max_size=200)
#: Text that is nearly right: pieces that parsers look for, in any order.
PIECES = [
    "{", "}", "[", "]", '"', "'", "\\", "=", "!=", "=~", "!~", ",", ":", "::", "@", "/", "//", "http://", "a", "alertname", "0", "-1",
    "1e9", "~", "..", "%", "%00", "电", "ORA-01653", "10.1.2.3", "<", ">", "&", "(", ")", "*", "+", "?", "#", "`", "|", "-", "_", ".",
]  # fmt: skip
NEARLY = st.lists(st.sampled_from([*PIECES, " ", "\x00", "\n", "\r\n", "\u202e", "\ud7ff"]), max_size=30).map("".join)
ANY = TEXT | NEARLY
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY, inner, max_size=4),
    max_leaves=10,
)
ALERT = st.fixed_dictionaries(
    {"labels": st.dictionaries(ANY, ANY | JSON, max_size=4) | JSON},
    optional={
        "annotations": st.dictionaries(ANY, ANY, max_size=3) | JSON,
        "startsAt": ANY | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        "endsAt": ANY,
        "generatorURL": ANY,
        "x": JSON,
    },
)
HOOK = st.fixed_dictionaries(
    {},
    optional={
        "alerts": JSON | st.lists(ALERT, max_size=3), "version": ANY, "status": ANY, "groupKey": ANY, "host": JSON, "value": ANY | JSON,
        "event_id": ANY, "event_tags": ANY, "severity": ANY | st.integers(), "time": ANY | st.integers() | st.floats(),
    },
).map(lambda v: json.dumps(v).encode())  # fmt: skip
HOOKED = {"each": "alerts", "labels": {"alertname": "{value|x}"}, "starts": "{time}", "resolved": "{status}"}
ACTS = re.compile(
    r"<(script|iframe|object|embed|form|svg)|<[^>]+\s(on\w+\s*=|(href|src)\s*=\s*[\"']?\s*(javascript|data|vbscript):)",
    re.IGNORECASE,
)


@given(
    st.binary(max_size=300)
    | JSON.map(lambda v: json.dumps(v).encode())
    | st.lists(ALERT, max_size=3).map(lambda v: json.dumps(v).encode())
)
@example(b"[" * 5000)
@example(b'[{"labels":{"a":"\\ud800"}}]')
def test_alerts(body: bytes) -> None:
    with contextlib.suppress(TaxopsError):
        for alert in wire.read(body, now=NOW):
            assert alert.is_over(NOW) in {True, False}


@given(ANY)
@example('a=~"((((((((((a*)*)*)*)*)*)*)*)*)*"')
def test_matchers(text: str) -> None:
    with contextlib.suppress(Invalid):
        matcher = matchers.checked(matchers.parse(text))
        assert matcher.matches({"a": text}) in {True, False}
    assert isinstance(matchers.parts(text), list)


@given(ANY)
def test_cursors(text: str) -> None:
    from accounts.models import AuditRow, Person

    for keys in (
        [paging.Key(AuditRow.id)],
        [paging.Key(AuditRow.at, descending=True), paging.Key(AuditRow.id)],
        [paging.Key(Person.login)],
    ):
        with contextlib.suppress(Invalid):
            assert len(paging.decode(text, keys)) == len(keys)


@given(st.lists(JSON, max_size=3))
def test_cursors_somebody_else_made(values: list[Any]) -> None:
    from accounts.models import AuditRow

    made = paging.encode(json.loads(json.dumps(values)))
    with contextlib.suppress(Invalid):
        assert len(paging.decode(made, [paging.Key(AuditRow.at), paging.Key(AuditRow.id)])) == 2


ANALYZER = Analyzer()


@given(ANY, ANY)
def test_search_questions_and_snippets(question: str, text: str) -> None:
    asked = ANALYZER.question(question, typing=True)
    for shown in (highlight(text, asked), snippet(text, asked)):
        assert not re.search(r"<(?!/?mark>)", str(shown)), "nothing but marks"


@given(ANY)
@example("[x](javascript:alert(1))\n<script>")
@example("![](data:text/html,x)")
def test_markdown(text: str) -> None:
    assert not ACTS.search(to_html(text))


@given(
    st.binary(max_size=200)
    | NEARLY.map(str.encode)
    | st.dictionaries(st.sampled_from(["bind", "locale", "check_networks", "x"]), ANY, max_size=3).map(
        lambda d: "\n".join(f"{k} = {json.dumps(v)}" for k, v in d.items()).encode()
    )
)
def test_the_settings_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, config.settings.FILE_NAME).write_bytes(content)
        with contextlib.suppress(config.SettingError):
            assert config.load({"TAXOPS_HOME": folder}).home == Path(folder).resolve()


@given(ANY)
@example("http://[")
@example("http://a:b/")
def test_targets_and_addresses(text: str) -> None:
    for parse in (net.split_target, split_url, net.check_host):
        with contextlib.suppress(PollerFault):
            assert parse(text)
    assert is_local(CheckDefinition("1", "http", text, {}, 60)) in {True, False}


@given(ANY, JSON)
def test_paths_into_json(path: str, document: Any) -> None:
    with contextlib.suppress(LookupError, ValueError):
        json_at(document, path)


@given(ANY)
def test_thresholds(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert thresholds.parse(text).alerts(1.0) in {True, False}


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_parameters_of_every_probe(kind: str) -> None:
    names = sorted(PROBES[kind].params.model_fields)

    @given(st.dictionaries(st.sampled_from(names) | ANY, JSON, max_size=5))
    def tried(values: dict[str, Any]) -> None:
        with contextlib.suppress(ValidationError):
            PROBES[kind].params.model_validate(values)

    tried()


@given(JSON)
def test_cells_of_a_spreadsheet(value: Any) -> None:
    shown = cell(value)
    assert isinstance(value, int | float) or not shown.lstrip(" \u3000\u00a0").startswith(("=", "+", "-", "@"))


@given(st.sampled_from(Form), st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()) | HOOK)
@example(Form.GENERIC, b"[" * 5000)
def test_bodies_of_web_hooks(form: Form, body: bytes) -> None:
    made = template.make(form, HOOKED if form is Form.GENERIC else {}, body, hold=dt.timedelta(minutes=5), now=NOW)
    assert all(fault.message for fault in made.wrong)


@given(st.dictionaries(ANY, ANY, min_size=1, max_size=3), ANY, JSON)
def test_templates_of_web_hooks(labels: dict[str, str], each: str, body: Any) -> None:
    try:
        read = template.Template.model_validate({"labels": labels, "each": each})
    except ValidationError:
        return
    text = json.dumps(body).encode()
    template.make(Form.GENERIC, read.model_dump(), text, hold=dt.timedelta(minutes=5), now=NOW)


@given(st.sampled_from(["a.csv", "a.xlsx", "a"]), st.binary(max_size=300) | NEARLY.map(str.encode))
def test_spreadsheets(name: str, content: bytes) -> None:
    with contextlib.suppress(TaxopsError):
        assert sheets.read(name, content).head


@functools.cache
def workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.worksheets[0].append(["编码", "名称"])
    book.worksheets[0].append(["61", "省局"])
    book.save(file)
    return file.getvalue()


@given(st.lists(st.tuples(st.integers(0, len(workbook()) - 1), st.integers(0, 255)), max_size=8), st.integers(0, 400))
def test_spreadsheets_damaged_on_their_way(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(workbook())
    for place, value in changes:
        content[place] = value
    with contextlib.suppress(TaxopsError):
        assert sheets.read("a.xlsx", bytes(content[: len(content) - cut])).head


@given(st.binary(max_size=300) | NEARLY.map(str.encode), ANY)
def test_attached_files(content: bytes, name: str) -> None:
    with contextlib.suppress(TaxopsError):
        assert sniff.checked(content, sniff.clean_name(name))
