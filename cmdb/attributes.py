"""What an item of a type may say of itself: a small part of JSON Schema, as data, with answers a person can act on.

Understood of a type's schema: `properties` with `type` (string | integer | number | boolean), `title`, `description`,
`enum`, `minimum`, `maximum`, `maxLength`, `pattern`, `format` (date | ip | uri), `unit`; `required`;
`additionalProperties` (false refuses what is not declared). Anything else is refused when the type is saved, so that
no rule is silently ignored.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from core.errors import FieldError
from core.i18n import gettext as _
from core.i18n import lazy

MOST_ATTRIBUTES = 60
LONGEST_TEXT = 500
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_TYPE_WORDS = {"string": lazy("文字"), "integer": lazy("整数"), "number": lazy("数字"), "boolean": lazy("是或否")}
_SCHEMA_KEYS = {"type", "properties", "required", "additionalProperties"}
_PROPERTY_KEYS = {
    "type",
    "title",
    "description",
    "enum",
    "minimum",
    "maximum",
    "maxLength",
    "pattern",
    "format",
    "unit",
}
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "0": False}
_FORMATS = ("date", "ip", "uri")


def merged(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One schema from those of a type and its ancestors; the type's own (given first) wins."""
    chain = list(schemas)[::-1]
    properties: dict[str, Any] = {}
    required: dict[str, None] = {}
    additional = True
    for schema in chain:
        properties.update(schema.get("properties", {}))
        required.update(dict.fromkeys(schema.get("required", ())))
        additional = schema.get("additionalProperties", additional)
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": additional}


def check(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[FieldError]:
    """Everything wrong with `values`, each with what would be right; empty where all fits."""
    properties = schema.get("properties", {})
    errors = [
        FieldError(f"attributes.{name}", _("必填：%(title)s。", title=properties.get(name, {}).get("title", name)))
        for name in schema.get("required", ())
        if values.get(name) in (None, "")
    ]
    if len(values) > MOST_ATTRIBUTES:
        errors.append(FieldError("attributes", _("属性最多 %(most)d 个。", most=MOST_ATTRIBUTES)))
    for name, value in values.items():
        if value is None:
            continue
        if not _NAME.fullmatch(name):
            errors.append(FieldError("attributes", _("属性名须为 1 到 60 个可见字符。")))
            continue
        if name in properties:
            problem = _check_one(properties[name], value)
        elif schema.get("additionalProperties", True) is False:
            known = "、".join(properties) or "—"
            problem = _("这个类型没有该属性。可用的有：%(known)s。", known=known)
        else:
            problem = _check_free(value)
        if problem:
            errors.append(FieldError(f"attributes.{name}", problem))
    return errors


def _check_free(value: object) -> str | None:
    """What no schema describes may be a short scalar, nothing nested."""
    if not isinstance(value, str | int | float | bool):
        return _("须为文字、数字或是/否。")
    if isinstance(value, str):
        return _check_text({}, value)
    return _check_range({}, value)


def _check_one(rule: Mapping[str, Any], value: object) -> str | None:
    kind = rule.get("type", "string")
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return _("须为%(kind)s。", kind=_TYPE_WORDS[kind])
    if "enum" in rule and value not in rule["enum"]:
        return _("须为以下之一：%(expected)s。", expected="、".join(str(v) for v in rule["enum"]))
    if isinstance(value, str):
        return _check_text(rule, value)
    return _check_range(rule, value) if isinstance(value, int | float) else None


def _check_range(rule: Mapping[str, Any], value: float) -> str | None:
    if not math.isfinite(value):
        return _("须为有限的数字。")
    if "minimum" in rule and value < rule["minimum"]:
        return _("不能小于 %(least)s。", least=rule["minimum"])
    if "maximum" in rule and value > rule["maximum"]:
        return _("不能大于 %(most)s。", most=rule["maximum"])
    return None


def _check_text(rule: Mapping[str, Any], value: str) -> str | None:
    if "\x00" in value:
        return _("不能含有空字符。")
    most = rule.get("maxLength", LONGEST_TEXT)
    if len(value) > most:
        return _("最多 %(most)d 个字。", most=most)
    if "pattern" in rule and not re.fullmatch(rule["pattern"], value):
        return _("格式不正确，应符合 %(pattern)s。", pattern=rule["pattern"])
    if rule.get("format") and not _fits(rule["format"], value):
        return {
            "date": _("须为日期，例如 2026-11-23。"),
            "ip": _("须为 IP 地址，例如 10.61.1.1。"),
            "uri": _("须为网址，例如 http://10.61.1.1/。"),
        }[rule["format"]]
    return None


def _fits(form: str, value: str) -> bool:
    try:
        if form == "date":
            dt.date.fromisoformat(value)
        elif form == "ip":
            ipaddress.ip_address(value)
        else:
            parts = urlsplit(value)
            return bool(parts.scheme and parts.netloc)
    except ValueError:
        return False
    return True


def check_schema(schema: Mapping[str, Any]) -> list[FieldError]:
    """Everything in a type's schema that this module would not understand or keep."""
    errors = [FieldError(f"attributes.{key}", _("模式中不支持这一项。")) for key in schema if key not in _SCHEMA_KEYS]
    if schema.get("type", "object") != "object":
        errors.append(FieldError("attributes.type", _("须为 object。")))
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or len(properties) > MOST_ATTRIBUTES:
        text = _("须为对象，最多 %(most)d 个属性。", most=MOST_ATTRIBUTES)
        return [*errors, FieldError("attributes.properties", text)]
    required = schema.get("required", [])
    if not isinstance(required, list) or any(name not in properties for name in required):
        errors.append(FieldError("attributes.required", _("须为 properties 中已有属性名的列表。")))
    if not isinstance(schema.get("additionalProperties", True), bool):
        errors.append(FieldError("attributes.additionalProperties", _("须为 true 或 false。")))
    for name, rule in properties.items():
        if problem := _check_rule(name, rule):
            errors.append(FieldError(f"attributes.properties.{name}", problem))
    return errors


def _check_rule(name: str, rule: object) -> str | None:
    if not isinstance(rule, dict):
        return _("须为对象。")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return _("属性名须为小写字母、数字和下划线，以字母开头，最多 40 个字符。")
    if unknown := [key for key in rule if key not in _PROPERTY_KEYS]:
        return _("不支持：%(keys)s。", keys="、".join(unknown))
    if rule.get("type", "string") not in _TYPES:
        return _("type 须为以下之一：%(expected)s。", expected="、".join(_TYPES))
    if rule.get("format") not in (None, *_FORMATS):
        return _("format 须为以下之一：%(expected)s。", expected="、".join(_FORMATS))
    return _check_limits(rule)


def _check_limits(rule: Mapping[str, Any]) -> str | None:
    if not all(isinstance(rule.get(key, 0), int | float) for key in ("minimum", "maximum", "maxLength")):
        return _("minimum、maximum 和 maxLength 须为数字。")
    if not isinstance(rule.get("enum", []), list):
        return _("enum 须为列表。")
    try:
        re.compile(rule.get("pattern", ""))
    except (re.error, TypeError):
        return _("pattern 不是正确的正则表达式。")
    return None


def from_text(schema: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Values typed into a form, as the schema's types; what can't be turned stays text, for `check` to refuse."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        if (text := text.strip()) == "":
            continue
        kind = schema.get("properties", {}).get(name, {}).get("type", "string")
        found[name] = _typed(kind, text)
    return found


def _typed(kind: str, text: str) -> str | int | float | bool:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    if kind == "boolean":
        return _BOOLEANS.get(text.lower(), text)
    return text
