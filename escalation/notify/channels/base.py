"""What every kind of channel is given, and how it says that it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outgoing:
    """One notice to send. `key` must travel with it where the protocol has a place for it."""

    key: str
    address: str
    subject: str
    body: str
    url: str
    person_id: int | None
    ref: str


@dataclass(frozen=True)
class Context:
    """What the installation gives every channel: its own mail server, sender address, address in links, and secret."""

    smtp_url: str
    mail_from: str
    base_url: str
    secret_key: str = field(repr=False)


class SendFailed(Exception):
    """Not sent; the message says why, without secrets. `permanent`: trying again is useless (no such mailbox)."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class NotSetUp(SendFailed):
    """The channel has nowhere to send to; the delivery is cancelled with this reason, not tried again and again."""


Sender = Callable[[Outgoing, str, Context], None]
TIME_LIMIT_S = 20
