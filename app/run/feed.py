"""The live feed between processes: what is published in one reaches the pages connected to another."""

from __future__ import annotations

import msgspec

from core.bus import Bus
from web.live import Notice, hub

TOPIC = "live"


class Carry:
    """Connects the hub of this process with those of all others, until it is stopped."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        bus.hear(TOPIC, _heard)
        bus.on_gap.append(hub.resync)
        hub.carriers.append(self._say)

    def _say(self, notice: Notice) -> None:
        self._bus.say(TOPIC, encode(notice))

    def stop(self) -> None:
        """Keep what is published to this process."""
        hub.carriers.remove(self._say)


def carry(bus: Bus) -> Carry:
    """Let notices travel by `bus`."""
    return Carry(bus)


def encode(notice: Notice) -> str:
    """A notice as one line; the audience in order, so that the same notice is the same word."""
    return msgspec.json.encode([notice.topic, notice.key, sorted(notice.audience), notice.text, notice.url]).decode()


def _heard(text: str) -> None:
    topic, key, audience, words, url = msgspec.json.decode(text, type=tuple[str, str, frozenset[str], str, str])
    hub.deliver(Notice(topic, key, audience, words, url))
