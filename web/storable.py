"""What every database can keep, whatever a schema let through: checked once at the door, so that the answer names the field.

A lone half of a surrogate pair is no text, PostgreSQL keeps no U+0000, no database keeps a whole number of more than
64 bits, and JSON has no NaN. Free-form fields (attributes, params, sheets) would carry them all the way to the driver.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

import pydantic
from werkzeug.routing import IntegerConverter

from core.errors import Invalid
from core.i18n import gettext as _

BIGGEST = 2**63 - 1
_UNSEEN = {"Cf", "Cc", "Zs", "Zl", "Zp"}  # a title of nothing but zero-width spaces is no title


class Fault(NamedTuple):
    """Where something can't be kept, and why."""

    loc: tuple[str | int, ...]
    message: str


class StorableInteger(IntegerConverter):
    """`<int:…>` in an address: a number no row can have is an address that does not exist."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max"] = min(kwargs.get("max") or BIGGEST, BIGGEST)
        super().__init__(*args, **kwargs)


def faults(value: Any, loc: tuple[str | int, ...] = (), *, free: bool = False) -> Iterator[Fault]:
    """Everything inside `value` (a validated model, or plain data) that can't be kept.

    `free`: inside an object without a schema of its own, which is kept as JSON; a declared number says itself what it takes.
    """
    if isinstance(value, pydantic.BaseModel):
        for name, part in value:
            yield from faults(part, (*loc, name))
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, str) and (complaint := _of_text(key)):
                yield Fault(loc, complaint)
            else:
                yield from faults(part, (*loc, key), free=True)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from faults(part, (*loc, index), free=free)
    elif complaint := _of_plain(value, free):
        yield Fault(loc, complaint)


def text(field: str, value: str) -> str:
    """A text that came without a schema (an address, a form's field), as it is. Raises Invalid if it can't be kept."""
    if complaint := _of_text(value):
        raise Invalid.of(field, complaint)
    return value


def _of_plain(value: Any, free: bool) -> str | None:
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, int):
        return None if -BIGGEST <= value <= BIGGEST else _("数字过大。")
    if isinstance(value, float):
        return None if math.isfinite(value) or not free else _("须为有限的数字。")
    return None


def _of_text(value: str) -> str | None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return _("须为 UTF-8 文字。")
        if all(unicodedata.category(c) in _UNSEEN for c in value) and value.strip():
            return _("必填。")
    return _("不能含有空字符。") if "\x00" in value else None
