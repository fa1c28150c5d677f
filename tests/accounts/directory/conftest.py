"""The small province with some of its people in a real directory."""

from __future__ import annotations

import pytest

from accounts import service
from accounts.directory import client
from accounts.models import Person
from core import clock
from tests.accounts.directory.people import ENTRIES, use
from tests.fixtures.world import World
from tests.servers.slapd import Slapd


@pytest.fixture
def directory_world(world: World, slapd: Slapd) -> World:
    """`world` with the people of ENTRIES in the directory, where they have the password SECRET and here none."""
    client.patience.forget()
    if not slapd.alive():
        slapd.start()
    slapd.put(ENTRIES)
    use(world, slapd.url, slapd)
    with world.write() as session:
        for login in ENTRIES:
            person = session.get_one(Person, world.people[login])
            service.set_directory(session, person, directory=True, now=clock.now())
    return world
