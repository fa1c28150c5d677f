"""Any target Apprise knows: WeCom, DingTalk, Feishu, SMS gateways, web hooks."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote

import apprise

from core import netguard
from escalation.notify.channels.base import Context, Outgoing, SendFailed

SHORTEST_SECRET = 6


class _Heard(logging.Handler):
    """Keeps what Apprise says of a failure in this thread; it only answers yes or no by itself.

    Apprise has one logger for the whole program, and several senders work at the same time.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[_Heard]:
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        yield heard
    finally:
        logger.removeHandler(heard)


def _redacted(text: str, *urls: str) -> str:
    """Without the addresses and whatever in them may be a key or a token."""
    for url in urls:
        text = text.replace(url, "…")
        for part in re.split(r"[:/?&=@,]+", url.partition("://")[2]):
            for spelling in {part, unquote(part)}:
                if len(spelling) >= SHORTEST_SECRET and spelling != "{address}":
                    text = text.replace(spelling, "…")
    return text


def send(outgoing: Outgoing, url: str, context: Context) -> None:
    """Send to the channel's Apprise address with the person's part filled in. Raises SendFailed."""
    filled = url.replace("{address}", quote(outgoing.address, safe="@+"))
    link = outgoing.url if outgoing.url.startswith("http") else context.base_url + outgoing.url
    with _listening() as heard:
        server = apprise.Apprise.instantiate(filled)
        if server is None:
            raise SendFailed("the channel's address is none that Apprise knows", permanent=True)
        try:  # asked directly it sends, and complains, in this thread; by way of Apprise() it would be in one of a pool
            with netguard.guarded(netguard.Purpose.SEND):
                sent = server.notify(title=outgoing.subject, body=f"{outgoing.body}\n{link}\n[{outgoing.key}]")
        except Exception as error:  # any of a hundred plug-ins: its words may hold the address
            raise SendFailed(_redacted(f"{type(error).__name__}: {error}", url, filled)[:400]) from error
    if not sent:
        raise SendFailed(_redacted("; ".join(heard.lines), url, filled)[:400] or "the target did not take it")
