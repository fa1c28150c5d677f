"""What tests of the knowledge base share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from kb import tickets
from kb.search import index
from kb.search.current import engine_of
from kb.search.registry import sources
from kb.tickets import TicketFacts


@pytest.fixture
def indexed(world) -> Callable[[], None]:
    """Deliver all events and index what they changed, as the running program does right after a commit."""

    def run() -> None:
        world.relay()
        engine = engine_of(world.app)
        if engine.stale:  # the running program builds a new index first
            index.rebuild(world.engine, engine, sources)
        index.drain(world.engine, engine, sources)

    return run


class PaperDesk:
    """A service desk of a few tickets on paper; the real one lives above this room."""

    def __init__(self) -> None:
        self.tickets: dict[str, TicketFacts] = {}
        self.hidden_from: set[str] = set()

    def add(self, number: str, title: str, **more) -> TicketFacts:
        facts = TicketFacts(
            number=number,
            title=title,
            description=more.pop("description", title),
            category="desktop",
            url=f"/tickets/{number}",
            **more,
        )
        self.tickets[number] = facts
        return facts

    def facts(self, session, number, viewer):
        return None if viewer is not None and viewer.login in self.hidden_from else self.tickets.get(number)

    def cards(self, session, viewer, *, text, category, service_id, limit):
        return []


@pytest.fixture
def paper_desk() -> Iterator[PaperDesk]:
    before = tickets.desk()
    desk = PaperDesk()
    tickets.provide(desk)
    yield desk
    tickets.provide(before)
