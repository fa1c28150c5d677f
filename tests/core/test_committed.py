"""What waits for the commit hears of the commit, not of a savepoint that ended in the middle of it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, TeamMember
from accounts.scope import changes
from core import clock, outbox
from core.db import transaction
from core.events.cmdb import ItemsChanged
from tests.fixtures.world import World


def savepoint(session: Session) -> None:
    """A piece of work of its own within the transaction."""
    with session.begin_nested():
        session.execute(sa.select(sa.literal(1)))


def test_a_listener_is_woken_by_the_commit_and_not_before(world: World) -> None:
    woken: list[str] = []

    def wake() -> None:
        woken.append("now")

    outbox.registry.on_commit.append(wake)
    try:
        with Session(world.engine) as session:
            outbox.record(session, ItemsChanged(item_ids=[1], what="changed", at=clock.now()), now=clock.now())
            savepoint(session)
            assert woken == [], "nobody could see the row yet"
            session.commit()
            assert len(woken) == 1
            outbox.record(session, ItemsChanged(item_ids=[1], what="changed", at=clock.now()), now=clock.now())
            savepoint(session)
            session.rollback()
        assert len(woken) == 1, "what was taken back wakes nobody"
    finally:
        outbox.registry.on_commit.remove(wake)


def test_T_05_rights_that_change_are_looked_up_anew_after_the_commit(world: World) -> None:
    """Else whoever asks between the savepoint and the commit would keep what was true before."""
    with transaction(world.engine) as session:
        person = session.get_one(Person, world.people["lt-engineer"])
        session.execute(sa.delete(TeamMember).where(TeamMember.person_id == person.id))
        before = changes.version()
        savepoint(session)
        assert changes.version() == before, "others still see the old rights"
    assert changes.version() == before + 1
