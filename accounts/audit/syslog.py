"""An audit row as a syslog message, and messages as bytes on the wire: pure.

Source: RFC 5424 (the message), RFC 6587 section 3.4.1 and RFC 5425 (octet counting over TCP and TLS), RFC 5426 (UDP),
RFC 5612 (32473: the enterprise number for whoever has none).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

from core.clock import UTC

FACILITY = 13  # log audit
NOTICE, WARNING = 5, 4
REFUSED = frozenset({"sign-in-failed", "sign-in-refused"})
SD_ID = "taxops@32473"
BOM = "\ufeff"
MOST_STREAM = 8000  # what rsyslog takes as shipped, with its head
MOST_UDP = 2000  # RFC 5426 section 3.2: what receivers should take
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def message(
    *, host: str, at: dt.datetime, name: str, values: Mapping[str, object], body: Mapping[str, Any] | None, most: int
) -> bytes:
    """One message of at most so many bytes; where the body had to be cut, `cut` says so, and the row is in the trail.

    `name` becomes MSGID (a verb), `values` the structured data, `body` JSON after a byte order mark.
    """
    severity = WARNING if name in REFUSED else NOTICE
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{FACILITY * 8 + severity}>1 {when} {_printable(host, 255)} taxops - {_printable(name, 32)} "
    text = BOM + json.dumps(body, ensure_ascii=False, separators=(",", ":")) if body else ""
    whole = f"{head}[{SD_ID}{_data(values)}] {text}".rstrip().encode()
    if len(whole) <= most:
        return whole
    start = f"{head}[{SD_ID}{_data({**values, 'cut': 'yes'})}] ".encode()
    return start + text.encode()[: max(0, most - len(start))].decode("utf-8", "ignore").encode()


def _printable(text: str, longest: int) -> str:
    return re.sub(r"[^!-~]", "?", text)[:longest] or "-"


def _data(values: Mapping[str, object]) -> str:
    return "".join(f' {name}="{_escaped(str(value))}"' for name, value in values.items() if value not in (None, ""))


def _escaped(text: str) -> str:
    """The three that RFC 5424 wants escaped; a line break must not look like a message of its own."""
    return re.sub(r'(["\\\]])', r"\\\1", _CONTROL.sub(" ", text))


def counted(one: bytes) -> bytes:
    """A message as a stream carries it."""
    return b"%d %s" % (len(one), one)
