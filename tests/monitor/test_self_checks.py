"""This machine watches itself; items that go take their checks along."""

import pytest
import sqlalchemy as sa

import config
from cmdb import service as cmdb
from cmdb.models import Item
from core import clock
from monitor import self_checks
from monitor.models import HERE, Check, Poller
from tests.fixtures.world import World
from tests.monitor.conftest import Watch


def targets(world: World, kind: str) -> list[str]:
    with world.read() as session:
        return list(session.scalars(sa.select(Check.target).where(Check.type == kind).order_by(Check.id)))


def test_it_registers_itself_once_and_follows_when_it_moves(world: World, settings: config.Settings) -> None:
    assert self_checks.ensure(world.engine, settings)
    [page] = [t for t in targets(world, "http") if t.endswith("/healthz")]
    assert page == "http://127.0.0.1:8000/healthz"
    assert targets(world, "host") == ["localhost"]
    before = {kind: targets(world, kind) for kind in ("host", "disk", "tls", "sqlite")}
    moved = config.load(
        {
            "TAXOPS_HOME": str(settings.home),
            "TAXOPS_DATABASE_URL": settings.database_url,
            "TAXOPS_BIND": "127.0.0.1:8099",
        }
    )
    assert self_checks.ensure(world.engine, moved)
    assert {kind: targets(world, kind) for kind in before} == before
    assert "http://127.0.0.1:8099/healthz" in targets(world, "http")
    assert page not in targets(world, "http")
    with world.read() as session:
        assert session.scalars(sa.select(Poller).where(Poller.name == HERE)).one().running_since is not None
        items = session.scalars(sa.select(Item)).all()
    assert {i.unit_id for i in items} == {world.units["61"]}, "they belong to the province"


def test_without_a_province_it_waits(engine: sa.Engine, settings: config.Settings) -> None:
    assert not self_checks.ensure(engine, settings)


@pytest.mark.parametrize("times", [1, 2])
def test_a_retired_item_takes_its_checks_along(watch: Watch, times: int) -> None:
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    with watch.at(60).world.write() as session, clock.frozen(watch.now):
        cmdb.retire_item(session, session.get_one(Item, watch.item_id), now=watch.now)
    with clock.frozen(watch.now):
        for _ in range(times):
            watch.world.relay()
    assert watch.check().retired_at is not None
    assert watch.take((61, "ok")).discarded == [(0, "retired")]
