"""Any target Apprise knows: WeCom, DingTalk, Feishu, SMS gateways, web hooks."""

from __future__ import annotations

import logging
from urllib.parse import quote

import apprise

from escalation.notify.channels.base import Context, Outgoing, SendFailed


class _Heard(logging.Handler):
    """Keeps what Apprise says of a failure; it only answers yes or no by itself."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def send(outgoing: Outgoing, url: str, context: Context) -> None:
    """Send to the channel's Apprise address with the person's part filled in. Raises SendFailed."""
    target = apprise.Apprise()
    filled = url.replace("{address}", quote(outgoing.address, safe="@+"))
    if not target.add(filled):
        raise SendFailed("the channel's address is none that Apprise knows", permanent=True)
    link = outgoing.url if outgoing.url.startswith("http") else context.base_url + outgoing.url
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        sent = target.notify(title=outgoing.subject, body=f"{outgoing.body}\n{link}\n[{outgoing.key}]")
    finally:
        logger.removeHandler(heard)
    if not sent:
        said = "; ".join(heard.lines)[:400].replace(url, "…").replace(filled, "…")
        raise SendFailed(said or "the target did not take it")
