"""Attributes are checked against the type's schema, and each answer says what would be right."""

from __future__ import annotations

import pytest

from cmdb.attributes import check, check_schema, from_text, merged

SCHEMA = {
    "properties": {
        "ports": {"type": "integer", "minimum": 1, "maximum": 512, "title": "端口数"},
        "role": {"type": "string", "enum": ["core", "access"]},
        "bought_on": {"type": "string", "format": "date"},
        "managed": {"type": "boolean"},
        "ip": {"type": "string", "format": "ip"},
    },
    "required": ["ports"],
}


def problems(**values: object) -> dict[str, str]:
    return {error.field: error.message for error in check(SCHEMA, values)}


def test_what_fits_has_no_errors() -> None:
    assert problems(ports=48, role="core", bought_on="2026-01-31", managed=True, ip="10.61.0.1", note="机柜 3") == {}


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({}, "attributes.ports", "端口数"),
        ({"ports": 0}, "attributes.ports", "1"),
        ({"ports": "48"}, "attributes.ports", "整数"),
        ({"ports": True}, "attributes.ports", "整数"),
        ({"ports": 1, "role": "edge"}, "attributes.role", "core、access"),
        ({"ports": 1, "bought_on": "2026-02-31"}, "attributes.bought_on", "2026-11-23"),
        ({"ports": 1, "ip": "10.61.0"}, "attributes.ip", "10.61.1.1"),
        ({"ports": 1, "note": {"deep": 1}}, "attributes.note", "文字"),
        ({"ports": 1, "note": float("nan")}, "attributes.note", "有限"),
        ({"ports": 1, "note": "a\x00b"}, "attributes.note", "空字符"),
        ({"ports": 1, "a\x00": 1}, "attributes", "属性名"),
    ],
)
def test_what_does_not_fit_says_where_and_what_would(values: dict[str, object], field: str, says: str) -> None:
    found = problems(**values)
    assert says in found[field]


def test_closed_types_refuse_unknown_names() -> None:
    schema = {**SCHEMA, "additionalProperties": False}
    assert [error.field for error in check(schema, {"ports": 1, "colour": "red"})] == ["attributes.colour"]


def test_types_inherit_and_their_own_word_wins() -> None:
    child = {"properties": {"ports": {"type": "integer", "maximum": 8}}, "required": ["ip"]}
    both = merged([child, SCHEMA])
    assert both["properties"]["ports"] == {"type": "integer", "maximum": 8}
    assert set(both["required"]) == {"ports", "ip"}


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": []},
        {"properties": {"Name": {"type": "string"}}},
        {"properties": {"x": {"type": "array"}}},
        {"properties": {"x": {"pattern": "("}}},
        {"properties": {"x": {"multipleOf": 2}}},
        {"required": ["x"]},
    ],
)
def test_a_schema_that_would_not_be_kept_is_refused(schema: dict[str, object]) -> None:
    assert check_schema(schema)


def test_the_schema_of_these_tests_is_accepted() -> None:
    assert check_schema(SCHEMA) == []


def test_typed_text_becomes_values() -> None:
    typed = {"ports": "48", "managed": "on", "role": " core ", "ip": "", "bought_on": "x"}
    assert from_text(SCHEMA, typed) == {"ports": 48, "managed": True, "role": "core", "bought_on": "x"}
    assert from_text(SCHEMA, {"ports": "many"}) == {"ports": "many"}
