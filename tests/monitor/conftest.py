"""What the tests of this room share: items and checks in the small province, and time that is held still."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import Unit
from cmdb import service as cmdb
from cmdb.models import Item
from core import clock
from monitor import intake
from monitor.checks import service as checks
from monitor.models import Check, CheckState
from monitor.states import State
from tests.fixtures.world import World

T0 = clock.now().replace(microsecond=0) + dt.timedelta(days=1)
"""After the people of the small province got their rights, which have beginnings too."""


@dataclass
class Watch:
    """The small province with one web server and one check of it; `at(seconds)` sets the clock."""

    world: World
    item_id: int
    check_id: int
    now: dt.datetime = T0

    def add_item(self, name: str, unit: str = "610122", type_code: str = "server") -> int:
        with self.world.write() as session:
            place = session.get_one(Unit, self.world.units[unit])
            return cmdb.create_item(session, name=name, type_code=type_code, unit=place, now=self.now).id

    def add_check(self, item_id: int, **fields: Any) -> int:
        wanted = checks.Definition(**{"type": "http", "target": "http://127.0.0.1:9/", "params": {}, **fields})
        with self.world.write() as session:
            return checks.create(session, session.get_one(Item, item_id), wanted, now=self.now).id

    def take(
        self, *results: tuple[float, str], check_id: int | None = None, output: str = "", **more: Any
    ) -> intake.Taken:
        """Take results given as (seconds after T0, state) at the present moment."""
        batch = [
            intake.Result(
                check_id or self.check_id, T0 + dt.timedelta(seconds=s), State(state), output or state, **more
            )
            for s, state in results
        ]
        with self.world.write() as session:
            return intake.take(session, batch, store=None, now=self.now)

    def at(self, seconds: float) -> "Watch":
        self.now = T0 + dt.timedelta(seconds=seconds)
        return self

    def follow(self, *results: tuple[float, str]) -> None:
        """Results taken one by one, each at its own moment."""
        for seconds, state in results:
            self.at(seconds).take((seconds, state))

    def state(self) -> CheckState:
        with self.world.read() as session:
            return session.get_one(CheckState, self.check_id)

    def item(self) -> Item:
        with self.world.read() as session:
            return session.get_one(Item, self.item_id)

    def check(self) -> Check:
        with self.world.read() as session:
            return session.get_one(Check, self.check_id)


@pytest.fixture
def watch(world: World) -> Iterator[Watch]:
    with clock.frozen(T0):
        made = Watch(world, 0, 0)
        made.item_id = made.add_item("蓝田办税厅网站")
        made.check_id = made.add_check(made.item_id, name="网站", max_attempts=3, interval_s=60, retry_s=15)
    return made
