"""A spreadsheet's rows tried for real, and kept only where all of them are right.

Each row goes through the very verb that the API and the forms use, in a savepoint of its own; the whole is then committed
by the edge, or rolled back where it was only a look or a row was refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pydantic
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.setup.kinds import Column, Kind, Values
from app.setup.sheets import Row, Sheet
from core.errors import FieldError, Invalid, TaxopsError
from core.i18n import gettext as _
from web.messages import as_invalid


class Fate(StrEnum):
    """What becomes of a row."""

    NEW = "new"
    THERE = "there"
    WRONG = "wrong"


@dataclass
class Line:
    """One row: what was read from it, what becomes of it, and what is wrong with which field ("" for the row itself)."""

    number: int
    values: Values
    fate: Fate = Fate.NEW
    errors: list[FieldError] = field(default_factory=list)

    def error(self, name: str) -> str:
        """What is wrong with this field."""
        return " ".join(each.message for each in self.errors if each.field.split(".")[0] == name)

    def other_errors(self, names: set[str]) -> str:
        """What is wrong with none of these fields."""
        return " ".join(each.message for each in self.errors if each.field.split(".")[0] not in names)


@dataclass(frozen=True)
class Outcome:
    """All rows, and the heads that were not understood."""

    lines: list[Line]
    ignored: list[str]

    def count(self, fate: Fate) -> int:
        """How many rows have this fate."""
        return sum(line.fate == fate for line in self.lines)  # pages name a fate by its word


def columns_of(kind: Kind, head: tuple[str, ...]) -> tuple[dict[int, Column], list[str]]:
    """Place in the sheet → column, and the heads that mean nothing here.

    Raises Invalid where a column that is needed is missing, or one is there twice.
    """
    known = {_plain(name): column for column in kind.columns for name in (*column.names, str(column.label))}
    found: dict[int, Column] = {}
    ignored = []
    for place, words in enumerate(head):
        column = known.get(_plain(words))
        if column is None:
            ignored += [words] if words else []
        elif column in found.values():
            raise Invalid.of("file", _("“%(name)s”这一列有两个。", name=words))
        else:
            found[place] = column
    missing = [str(each.label) for each in kind.columns if each.required and each not in found.values()]
    if missing:
        raise Invalid.of(
            "file", _("第一行缺少这些列：%(names)s。请下载模板，按模板的第一行填写。", names="、".join(missing))
        )
    return found, ignored


def _plain(words: str) -> str:
    return re.sub(r"[\s*＊（）()：:]", "", words).lower()


def read(kind: Kind, sheet: Sheet) -> tuple[list[Line], list[str]]:
    """The rows as values by field, and the heads that were not understood."""
    columns, ignored = columns_of(kind, sheet.head)
    return [
        _line(row, columns) for row in sheet.rows if any(row.cells[i] for i in columns if i < len(row.cells))
    ], ignored


def _line(row: Row, columns: Mapping[int, Column]) -> Line:
    values = {column.field: row.cells[place] for place, column in columns.items() if place < len(row.cells)}
    return Line(row.number, {name: value for name, value in values.items() if value})


def attempt(session: Session, kind: Kind, lines: list[Line]) -> None:
    """Let each line meet its fate in the session's transaction; the caller commits or rolls back."""
    words = kind.words(session)
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        values = {name: words.get(name, {}).get(value, value) for name, value in line.values.items()}
        key = tuple(values.get(column.field, "") for column in kind.columns if column.required)
        if (first := seen.setdefault(key, line.number)) != line.number:
            _refuse(line, [FieldError("", _("与第 %(n)d 行相同。", n=first))])
        elif kind.known(session, values):
            line.fate = Fate.THERE
        else:
            _make(session, kind, line, values)


def _make(session: Session, kind: Kind, line: Line, values: Values) -> None:
    try:
        given: Any = kind.schema.model_validate(values)
        with session.begin_nested():
            kind.make(given)
            session.flush()
    except pydantic.ValidationError as error:
        _refuse(line, _worded(kind, error))
    except Invalid as error:
        _refuse(line, error.errors or [FieldError("", error.message)])
    except TaxopsError as error:
        _refuse(line, [FieldError("", error.message)])
    except sa.exc.IntegrityError:
        _refuse(line, [FieldError("", _("与已有的内容重复。"))])


def _worded(kind: Kind, error: pydantic.ValidationError) -> list[FieldError]:
    """As everywhere, but a form that does not fit is told by the column's own help, not by a regular expression."""
    help_of = {column.field: str(column.help) for column in kind.columns}
    misfits = {
        str(each["loc"][0]) for each in error.errors() if each["type"] == "string_pattern_mismatch" and each["loc"]
    }
    return [
        FieldError(each.field, _("格式不正确：%(help)s", help=help_of[each.field]))
        if each.field in misfits and each.field in help_of
        else each
        for each in as_invalid(error).errors
    ]


def _refuse(line: Line, errors: list[FieldError]) -> None:
    line.fate, line.errors = Fate.WRONG, errors
