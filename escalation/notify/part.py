"""Starts the sender beside relay and schedule."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config import Settings
from escalation.notify.channels import Context
from escalation.notify.sender import DeliverySender


def context_of(settings: Settings) -> Context:
    """What the installation gives every channel."""
    return Context(
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        base_url=settings.base_url,
        secret_key=settings.secret_key,
    )


def start(app: Any, engine: sa.Engine, settings: Settings) -> DeliverySender:  # noqa: ARG001  the signature of all parts
    """Start sending."""
    sender = DeliverySender(engine, context_of(settings))
    sender.start()
    return sender
