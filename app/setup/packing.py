"""What was looked at is what is brought in: the lines travel in the form, so nothing is kept between look and deed."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from app.setup.importing import Line
from app.setup.sheets import MOST_ROWS
from core.errors import Invalid
from core.i18n import gettext as _

_MOST_UNPACKED = 32 << 20


def pack(lines: list[Line]) -> str:
    """As text for a hidden field."""
    text = json.dumps([[line.number, line.values] for line in lines], ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str) -> list[Line]:
    """Back again. Raises Invalid for what pack() did not make."""
    try:
        rows = [(int(number), {str(k): str(v) for k, v in dict(values).items()}) for number, values in _plain(text)]
    except (ValueError, TypeError, binascii.Error, zlib.error, AttributeError) as error:
        raise Invalid.of("file", _("提交的内容不完整，请重新上传文件。")) from error
    if len(rows) > MOST_ROWS:
        raise Invalid.of("file", _("超过 %(n)d 行，请分成几个文件。", n=MOST_ROWS))
    return [Line(number, values) for number, values in rows]


def _plain(text: str) -> Any:
    """The JSON inside; ValueError for what was cut off or would unpack to more than it may."""
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_UNPACKED)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("too long, or cut off")
    return json.loads(plain)
