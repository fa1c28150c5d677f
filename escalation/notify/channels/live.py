"""The page itself: a hint to every open page of the person; the inbox keeps the text."""

from __future__ import annotations

from escalation.notify import links
from escalation.notify.channels.base import Context, Outgoing
from web.live import Notice, hub


def send(outgoing: Outgoing, _url: str, context: Context) -> None:  # noqa: ARG001  the signature of all senders
    """Reaches open pages; with none open the inbox waits. Who sees it is signed in and needs no link that acts."""
    url = outgoing.url if not outgoing.url.startswith(links.PREFIX) else f"/desk/tickets/{outgoing.ref}"
    hub.publish(Notice("inbox", outgoing.ref, frozenset({f"person:{outgoing.person_id}"}), outgoing.subject, url))
