"""Whether everybody who is due a mail got it, and repeats carry the same key."""

from __future__ import annotations

from collections.abc import Iterable

from tests.servers.base import wait_until
from tests.servers.smtp import Mail, SmtpServer

#: A delivery in hand at the moment of death is repeated when its lease has ended (escalation.notify.rules.LEASE).
LEASE_S = 90


def check_mails(smtp: SmtpServer, answered: Iterable[str], seconds: float = LEASE_S + 90) -> None:
    """Both members of the county's team were told of every ticket; a repeat carries the same key and Message-ID."""
    due = {(number, f"{login}@example.test") for number in answered for login in ("lt-head", "lt-engineer")}

    def missing() -> set[tuple[str, str]]:
        return due - {(number_of(mail), to) for mail in smtp.mails for to in mail.recipients}

    wait_until(lambda: not missing(), f"{len(due)} mails", seconds=seconds, every=0.5)
    keys: dict[tuple[str, str, str], set[tuple[str, str]]] = {}
    for mail in smtp.mails:
        identity = (mail.recipients[0], mail.subject, mail.text)
        keys.setdefault(identity, set()).add((str(mail.message["X-Taxops-Key"]), str(mail.message["Message-ID"])))
    assert {identity: found for identity, found in keys.items() if len(found) != 1} == {}
    assert all(key != "None" for found in keys.values() for key, _ in found)


def number_of(mail: Mail) -> str:
    """The ticket a mail is about."""
    return next((word.strip("：:") for word in mail.subject.replace("：", " ").split() if word.startswith("INC-")), "")
