"""One module for each kind of channel: `send(outgoing, url, context)` sends or raises SendFailed."""

from __future__ import annotations

from escalation.notify.channels import apprise_targets, email, live, webhook
from escalation.notify.channels.base import Context, NotSetUp, Outgoing, Sender, SendFailed
from escalation.notify.models import ChannelKind

SENDERS: dict[ChannelKind, Sender] = {
    ChannelKind.LIVE: live.send,
    ChannelKind.EMAIL: email.send,
    ChannelKind.APPRISE: apprise_targets.send,
    ChannelKind.WEBHOOK: webhook.send,
}

__all__ = ["SENDERS", "Context", "NotSetUp", "Outgoing", "SendFailed", "Sender"]
