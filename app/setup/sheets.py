"""Rows out of a spreadsheet (.xlsx or .csv), as text, with the numbers a person sees beside them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.errors import Invalid, TooLarge
from core.i18n import gettext as _

MOST_ROWS = 5_000
MOST_COLUMNS = 60
MOST_BYTES = 10 << 20
MOST_UNPACKED = 200 << 20  # what a spreadsheet may grow to while it is read: it is a zip, and zips can be bombs
LONGEST_CELL = 1_000
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, SyntaxError,
    ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What openpyxl, the XML and the zip below it raise of a file that was damaged on its way, locked, or put together oddly."""


@dataclass(frozen=True)
class Row:
    """One row: its number in the sheet (the head is 1), and its cells by column."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """The head's words, and the rows below it that are not empty."""

    head: tuple[str, ...]
    rows: tuple[Row, ...]


def read(name: str, content: bytes) -> Sheet:
    """Read the first sheet of a file.

    Raises Invalid for what is neither, has no head, or can't be read; TooLarge for more than MOST_ROWS rows or MOST_BYTES.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(_("文件超过 %(n)d MB，请分成几个文件。", n=MOST_BYTES >> 20))
    if not content:
        raise Invalid.of("file", _("文件是空的。"))
    lines = _workbook(content) if content.startswith(b"PK") else _text(name, content)
    numbered = ((number, _filled(cells)) for number, cells in enumerate(lines, start=1))
    kept = ((number, cells) for number, cells in numbered if cells)
    first = next(kept, None)
    if first is None:
        raise Invalid.of("file", _("文件里没有内容。"))
    rows: list[Row] = []
    for number, cells in kept:
        if len(rows) >= MOST_ROWS:
            raise TooLarge(_("超过 %(n)d 行，请分成几个文件。", n=MOST_ROWS))
        rows.append(Row(number, cells))
    return Sheet(first[1], tuple(rows))


def _filled(cells: list[str]) -> tuple[str, ...]:
    """Up to the last cell that is not empty."""
    last = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
    return tuple(cells[:last])


def _workbook(content: bytes) -> Iterator[list[str]]:
    import openpyxl  # a quarter of a second, for what most days nobody does
    from openpyxl.utils.exceptions import InvalidFileException

    refused = Invalid.of("file", _("打不开这个 Excel 文件。请另存为 .xlsx 或 .csv 再上传。"))
    damage = (*DAMAGE, InvalidFileException)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise TooLarge(_("文件展开后过大，请分成几个文件。"))
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except damage as error:
        raise refused from error
    try:
        for cells in book.worksheets[0].iter_rows(max_col=MOST_COLUMNS, max_row=2 * MOST_ROWS, values_only=True):
            yield [_words(value) for value in cells]
    except damage as error:
        raise refused from error
    finally:
        book.close()


def _words(value: object) -> str:
    """A cell as a person reads it: 610122.0 is a code, not a fraction."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}"
    return str(value).strip()[:LONGEST_CELL]


def _text(name: str, content: bytes) -> Iterable[list[str]]:
    if name.lower().endswith((".xls", ".et", ".ods")):
        raise Invalid.of("file", _("不支持这种格式。请另存为 .xlsx 或 .csv 再上传。"))
    if b"\0" in content:
        raise Invalid.of("file", _("这不是表格文件。请上传 .xlsx 或 .csv。"))
    for encoding in ("utf-8-sig", "gb18030"):  # what spreadsheet programs here write, in this order of likelihood
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Invalid.of("file", _("认不出文件的编码。请另存为 UTF-8 的 .csv 或 .xlsx。"))
    divider = max(",\t;，", key=text.partition("\n")[0].count)
    try:
        return [
            [_words(cell) for cell in cells[:MOST_COLUMNS]]
            for cells in csv.reader(io.StringIO(text), delimiter=divider, strict=False)
        ]
    except csv.Error as error:
        raise Invalid.of("file", _("表格读到一半读不下去：%(error)s。", error=error)) from error


def write(head: Sequence[str], notes: Sequence[str], examples: Sequence[Sequence[str]]) -> bytes:
    """A workbook to fill in: the head with a note on each cell, and example rows to be replaced."""
    import openpyxl

    book = openpyxl.Workbook()
    page = book.active
    if page is None:
        raise RuntimeError("a new workbook has a sheet")
    page.append(list(head))
    for row in examples:
        page.append(list(row))
    for column, note in enumerate(notes, start=1):
        cell = page.cell(1, column)
        cell.font = openpyxl.styles.Font(bold=True)
        if note:
            cell.comment = openpyxl.comments.Comment(note, "taxops")
        page.column_dimensions[cell.column_letter].width = 24
    page.freeze_panes = "A2"
    for cells in page.iter_rows(min_row=1, max_row=MOST_ROWS // 10, max_col=len(head)):
        for cell in cells:
            cell.number_format = "@"  # codes begin with zeros, and telephone numbers are no numbers
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
