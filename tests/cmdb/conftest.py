"""A small estate in the small province: one service on two servers, a county behind two lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts.models import Team, Unit
from cmdb import service
from cmdb.models import Health, Item, RelationKind
from core import clock
from tests.fixtures.world import World


@dataclass
class Estate:
    """Items by name, and short ways to do things to them."""

    world: World
    ids: dict[str, int] = field(default_factory=dict)

    def health(self, name: str, state: Health | None, source: str = "check:1") -> None:
        with self.world.write() as session:
            if state is None:
                service.clear_health(session, self.ids[name], source, now=clock.now())
            else:
                service.set_health(session, self.ids[name], source, state, now=clock.now())

    def item(self, name: str) -> Any:
        with self.world.read() as session:
            return session.get_one(Item, self.ids[name])


ITEMS = (
    ("应用一", "application", "61"), ("应用二", "application", "61"), ("数据库", "database", "61"), ("主机", "host", "61"),
    ("主线", "line", "610122"), ("备线", "line", "610122"), ("路由器", "router", "610122"), ("机关", "site", "610122"),
    ("周至路由器", "router", "610124"),
)  # fmt: skip
RELATIONS = (
    ("核心征管", "depends-on", "应用一", "节点"), ("核心征管", "depends-on", "应用二", "节点"), ("核心征管", "depends-on", "数据库", None),
    ("数据库", "runs-on", "主机", None), ("路由器", "connected-to", "主线", "上联"), ("路由器", "connected-to", "备线", "上联"),
    ("机关", "depends-on", "路由器", None), ("数据库", "backed-up-by", "应用一", None),
)  # fmt: skip


@pytest.fixture
def estate(world: World) -> Estate:
    """The estate, on both databases."""
    made = Estate(world)
    with world.write() as session:
        found: dict[str, Item] = {}
        for name, kind, unit in ITEMS:
            found[name] = service.create_item(
                session, name=name, type_code=kind, unit=session.get_one(Unit, world.units[unit]), now=clock.now()
            )
        found["核心征管"] = service.create_service(
            session, name="核心征管", unit=session.get_one(Unit, world.units["61"]), now=clock.now(), group="核心税收",
            team=session.get_one(Team, world.teams["P-APP"]), tax_system=True, summary="征收",
        )  # fmt: skip
        for source, kind, target, group in RELATIONS:
            service.relate(
                session,
                source=found[source],
                kind=RelationKind(kind),
                target=found[target],
                redundancy_group=group,
                now=clock.now(),
            )
        made.ids = {name: item.id for name, item in found.items()}
    return made
