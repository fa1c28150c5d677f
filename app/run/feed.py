"""The live feed between processes: what is published in one reaches the pages connected to another."""

from __future__ import annotations

import msgspec

from core.bus import Bus
from web.live import Notice, hub
from web.presence import Presence, presence

TOPIC = "live"
PRESENCE = "presence"


class Carry:
    """Connects the hub of this process, and who is present here, with those of all others, until it is stopped."""

    def __init__(self, bus: Bus, there: Presence) -> None:
        self._bus, self._there = bus, there
        bus.hear(PRESENCE, there.heard)
        there.carriers.append(self._say_who)
        bus.hear(TOPIC, _heard)
        bus.on_gap.append(hub.resync)
        hub.carriers.append(self._say)

    def _say(self, notice: Notice) -> None:
        self._bus.say(TOPIC, encode(notice))

    def _say_who(self, word: str) -> None:
        self._bus.say(PRESENCE, word)

    def stop(self) -> None:
        """Keep what is published to this process."""
        hub.carriers.remove(self._say)
        self._there.carriers.remove(self._say_who)


def carry(bus: Bus, there: Presence = presence) -> Carry:
    """Let notices, and who is present, travel by `bus`."""
    return Carry(bus, there)


def encode(notice: Notice) -> str:
    """A notice as one line; the audience in order, so that the same notice is the same word."""
    return msgspec.json.encode([notice.topic, notice.key, sorted(notice.audience), notice.text, notice.url]).decode()


def _heard(text: str) -> None:
    topic, key, audience, words, url = msgspec.json.decode(text, type=tuple[str, str, frozenset[str], str, str])
    hub.deliver(Notice(topic, key, audience, words, url))
