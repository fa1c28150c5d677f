"""What one process's commit means to the others: the same callbacks, run everywhere."""

from __future__ import annotations

from collections.abc import Callable

from core.bus.postgres import Bus

Callbacks = list[Callable[[], None]]


def link(bus: Bus, topic: str, callbacks: Callbacks) -> Callable[[], None]:
    """Let a call of `callbacks` here be a call of the same list in every other process. Returns how to undo it."""

    def say() -> None:
        bus.say(topic)

    def heard(_text: str) -> None:
        for callback in [c for c in callbacks if c is not say]:
            callback()

    callbacks.append(say)
    bus.hear(topic, heard)
    bus.on_gap.append(lambda: heard(""))
    return lambda: callbacks.remove(say)
