"""pydantic's findings in the reader's words: what is wrong and how to mend it."""

from __future__ import annotations

from typing import Any

import pydantic

from core.errors import FieldError, Invalid
from core.i18n import gettext as _
from core.i18n import lazy

_TEXTS = {
    "missing": lazy("必填。"),
    "extra_forbidden": lazy("没有这个字段。"),
    "string_type": lazy("须为文字。"),
    "string_too_short": lazy("至少 %(min_length)s 个字。"),
    "string_too_long": lazy("最多 %(max_length)s 个字。"),
    "string_pattern_mismatch": lazy("格式不正确，应符合 %(pattern)s。"),
    "int_type": lazy("须为整数。"),
    "int_parsing": lazy("须为整数。"),
    "int_from_float": lazy("须为整数。"),
    "int_parsing_size": lazy("数字过大。"),
    "float_type": lazy("须为数字。"),
    "float_parsing": lazy("须为数字。"),
    "finite_number": lazy("须为有限的数字。"),
    "bool_type": lazy("须为 true 或 false。"),
    "bool_parsing": lazy("须为 true 或 false。"),
    "greater_than_equal": lazy("不能小于 %(ge)s。"),
    "greater_than": lazy("须大于 %(gt)s。"),
    "less_than_equal": lazy("不能大于 %(le)s。"),
    "less_than": lazy("须小于 %(lt)s。"),
    "enum": lazy("须为以下之一：%(expected)s。"),
    "literal_error": lazy("须为以下之一：%(expected)s。"),
    "list_type": lazy("须为列表。"),
    "dict_type": lazy("须为对象。"),
    "model_type": lazy("须为对象。"),
    "model_attributes_type": lazy("须为对象。"),
    "too_long": lazy("最多 %(max_length)s 项。"),
    "too_short": lazy("至少 %(min_length)s 项。"),
    "timezone_aware": lazy("时间须带时区，例如 2026-11-23T09:00:00+08:00。"),
    "datetime_parsing": lazy("须为 RFC 3339 时间，例如 2026-11-23T09:00:00+08:00。"),
    "datetime_from_date_parsing": lazy("须为 RFC 3339 时间，例如 2026-11-23T09:00:00+08:00。"),
    "datetime_type": lazy("须为 RFC 3339 时间，例如 2026-11-23T09:00:00+08:00。"),
    "date_parsing": lazy("须为日期，例如 2026-11-23。"),
    "date_from_datetime_parsing": lazy("须为日期，例如 2026-11-23。"),
    "json_invalid": lazy("不是正确的 JSON：%(error)s"),
    "string_unicode": lazy("须为 UTF-8 文字。"),
}


def word(error: Any) -> str:
    """One finding of pydantic in the reader's language."""
    kind = error["type"]
    if kind in {"value_error", "assertion_error"}:
        return str(error["ctx"]["error"])
    text = _TEXTS.get(kind)
    if text is None:
        return _("格式不正确（%(kind)s）。", kind=kind)
    return str(text) % dict(error.get("ctx") or {})


def as_invalid(error: pydantic.ValidationError, prefix: str = "") -> Invalid:
    """All findings as one Invalid; field names are dotted paths, lists as name[3]."""
    errors = [FieldError(_path(item["loc"], prefix), word(item)) for item in error.errors(include_url=False)]
    return Invalid(_("提交的内容有误，什么都没有保存。"), errors)


def _path(loc: tuple[int | str, ...], prefix: str) -> str:
    path = prefix
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else (f".{part}" if path else part)
    return path
