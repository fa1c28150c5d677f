"""M-03: who is looked at again, and when, because somebody else's state changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from collectors.poller import Poller
from collectors.spool import Spool
from core import clock
from monitor.models import CheckState
from monitor.polling import Definitions, Taker
from tests.monitor.conftest import Watch


def below(watch: Watch, parent: int, name: str) -> int:
    """A check that depends on `parent`."""
    return watch.add_check(watch.item_id, name=name, max_attempts=2, retry_s=15, parents=[(parent, None)])


def test_M_03_a_childs_change_asks_for_its_parents_at_once(watch: Watch) -> None:
    child, stranger = below(watch, watch.check_id, "网页"), watch.add_check(watch.item_id, name="别的")
    assert watch.at(1).take((1, "ok"), check_id=child).again == {}, "where it began is no change"
    assert watch.at(61).take((61, "ok"), check_id=child).again == {}, "nothing changed"
    again = watch.at(121).take((121, "critical"), check_id=child).again
    assert again == {child: 15, watch.check_id: 0.0}, "its own retry, and its parent now"
    assert watch.at(122).take((122, "critical"), check_id=stranger).again.get(watch.check_id) is None


def test_M_03_a_parents_recovery_asks_for_the_children_that_have_a_problem(watch: Watch) -> None:
    well, ill = below(watch, watch.check_id, "好的"), below(watch, watch.check_id, "坏的")
    watch.follow((0, "critical"), (15, "critical"), (30, "critical"))
    watch.at(31).take((31, "ok"), check_id=well)
    for seconds in (31, 46):
        watch.at(seconds).take((float(seconds), "critical"), check_id=ill)
    assert ill not in watch.at(45).take((45, "critical")).again, "still down"
    again = watch.at(90).take((90, "ok")).again
    assert 0 < again[ill] <= 60
    assert well not in again


async def test_M_03_the_poller_looks_at_the_parent_long_before_its_interval(watch: Watch, tmp_path: Path) -> None:
    """With real probes: the child's file goes, and the parent, asked once an hour, is looked at right away."""
    child, parent = tmp_path / "child", tmp_path / "parent"
    for file in (child, parent):
        file.touch()
    above = watch.add_check(watch.item_id, name="上级", type="file", target=str(parent), interval_s=3600)
    below_it = watch.add_check(
        watch.item_id, name="下级", type="file", target=str(child), interval_s=1, parents=[(above, None)]
    )
    engine = watch.world.engine

    def seen(check_id: int) -> tuple[str | None, float]:
        with watch.world.read() as session:
            row = session.get_one(CheckState, check_id)
            return row.state and str(row.state), row.at.timestamp() if row.at else 0.0

    async def until(state: str, check_id: int, after: float = 0.0) -> float:
        async with asyncio.timeout(60):
            while True:
                found, at = await asyncio.to_thread(seen, check_id)
                if found == state and at > after:
                    return at
                await asyncio.sleep(0.1)

    poller = Poller(
        Definitions(engine, lambda i: int(i) in {above, below_it}), Taker(engine, None), spool=Spool(tmp_path / "spool")
    )
    await poller.start()
    try:
        first = await until("ok", above)
        await until("ok", below_it)
        before = clock.now().timestamp()
        child.unlink()
        await until("critical", below_it)
        assert await until("ok", above, after=before) > first
    finally:
        await poller.stop()
