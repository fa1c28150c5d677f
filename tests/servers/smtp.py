"""An SMTP server in a thread that keeps what it is given, and can be told to refuse or to vanish."""

from __future__ import annotations

import email
import email.policy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.base import HOST, free_port, wait_until


@dataclass(frozen=True)
class Mail:
    """A message as it was handed over."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text part, decoded."""
        part = self.message.get_body(("plain",))
        return part.get_content() if part else ""

    @property
    def html(self) -> str:
        """The HTML part, decoded."""
        part = self.message.get_body(("html",))
        return part.get_content() if part else ""


@dataclass
class _Keeper:
    mails: list[Mail] = field(default_factory=list)
    refuse_recipient: str | None = None
    refuse_data: str | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse_data:
            return self.refuse_data
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        with self.changed:
            self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
            self.changed.notify_all()
        return "250 kept"


class SmtpServer:
    """A real SMTP server: start(), stop() (connections are then refused), start() again on the same port."""

    def __init__(self, *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.host = HOST
        self._keeper = _Keeper()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    @property
    def mails(self) -> list[Mail]:
        """What arrived so far, oldest first."""
        with self._keeper.changed:
            return list(self._keeper.mails)

    def to(self, address: str) -> list[Mail]:
        """What arrived for one address."""
        return [mail for mail in self.mails if address in mail.recipients]

    def wait_for(self, wanted: Callable[[Mail], bool] = lambda _: True, *, seconds: float = 20.0) -> Mail:
        """The first message (arrived or arriving) for which `wanted` is true; raises TimeoutError."""
        found: list[Mail] = []

        def arrived() -> bool:
            found[:] = [mail for mail in self.mails if wanted(mail)]
            return bool(found)

        wait_until(arrived, f"a mail on port {self.port} ({len(self.mails)} others arrived)", seconds=seconds)
        return found[0]

    def refuse_data(self, answer: str | None = "451 try again later") -> None:
        """Answer each message like this; None accepts again. 4xx is for now, 5xx for good."""
        self._keeper.refuse_data = answer

    def refuse_recipients(self, answer: str | None = "550 no such user") -> None:
        """Answer each recipient like this; None accepts again."""
        self._keeper.refuse_recipient = answer

    def clear(self) -> None:
        """Forget what arrived."""
        with self._keeper.changed:
            self._keeper.mails.clear()

    def start(self) -> Self:
        controller = Controller(self._keeper, hostname=self.host, port=self.port, decode_data=False)
        controller.start()
        self._controller = controller
        return self

    def stop(self) -> None:
        """Close the port; what arrived stays readable. Does nothing if it is stopped."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()
