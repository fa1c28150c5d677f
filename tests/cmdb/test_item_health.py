"""Health as monitoring writes it, what it makes of services, and the log it leaves."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

from cmdb import queries, service
from cmdb.models import Health, Item
from cmdb.service.health import Report
from core import clock
from core.events.cmdb import ItemHealthChanged
from tests.cmdb.conftest import Estate
from web.live import Connection, Ears, hub


def test_an_item_is_as_bad_as_its_worst_source_and_unmonitored_without_any(estate: Estate) -> None:
    estate.health("主机", Health.OK, "check:1")
    estate.health("主机", Health.WARNING, "check:2")
    assert estate.item("主机").health is Health.WARNING
    estate.health("主机", None, "check:2")
    assert estate.item("主机").health is Health.OK
    estate.health("主机", None, "check:1")
    assert estate.item("主机").health is Health.NODATA


def test_a_service_is_derived_from_its_parts_respecting_stand_ins(estate: Estate) -> None:
    assert estate.item("核心征管").health is Health.NODATA
    for name in ("应用一", "应用二", "主机"):
        estate.health(name, Health.OK)
    assert estate.item("核心征管").health is Health.OK
    estate.health("应用一", Health.CRITICAL)
    assert estate.item("核心征管").health is Health.WARNING
    estate.health("应用二", Health.CRITICAL)
    assert estate.item("核心征管").health is Health.CRITICAL
    estate.health("应用一", Health.OK)
    estate.health("应用二", Health.OK)
    estate.health("主机", Health.CRITICAL)  # two steps below, through the database that nothing monitors
    assert estate.item("核心征管").health is Health.CRITICAL
    assert estate.item("数据库").health is Health.NODATA
    with estate.world.read() as session:
        assert queries.is_failing(session, estate.ids["核心征管"])
        assert not queries.is_failing(session, estate.ids["数据库"])
        assert not queries.is_failing(session, None)


def test_a_service_is_derived_anew_when_its_relations_change(estate: Estate) -> None:
    estate.health("主机", Health.CRITICAL)
    assert estate.item("核心征管").health is Health.CRITICAL
    with estate.world.write() as session:
        service.retire_item(session, session.get_one(Item, estate.ids["数据库"]), now=clock.now())
    assert estate.item("核心征管").health is Health.NODATA
    with estate.world.read() as session:
        assert queries.services_of(session, [estate.ids["主机"]]) == {}


def test_a_batch_tells_each_change_once_and_saying_it_again_tells_nothing(
    estate: Estate, hear: Callable[[type], list[Any]]
) -> None:
    heard = hear(ItemHealthChanged)
    reports = [Report(estate.ids[name], "check:9", Health.OK) for name in ("应用一", "应用二", "主机")]
    for _again in range(2):
        with estate.world.write() as session:
            service.set_health_many(session, reports, now=clock.now())
        estate.world.relay()
    assert sorted(event.item_name for event in heard) == ["主机", "应用一", "应用二", "核心征管"]
    assert {event.before for event in heard} == {"nodata"}


def test_retired_and_missing_items_take_no_health(estate: Estate) -> None:
    estate.health("主机", Health.CRITICAL, "check:7")
    with estate.world.write() as session:
        service.retire_item(session, session.get_one(Item, estate.ids["主机"]), now=clock.now())
        service.set_health(session, estate.ids["主机"], "check:1", "critical", now=clock.now())
        service.set_health(session, 999_999, "check:1", "critical", now=clock.now())
    assert estate.item("主机").health is Health.NODATA


def test_the_log_answers_what_changed_lately_without_the_symptoms(estate: Estate) -> None:
    now = clock.now()
    estate.health("主机", Health.CRITICAL)
    with estate.world.write() as session:
        service.log_event(session, estate.ids["主机"], "change", "升级内核", now, "CHG-2026-000001")
        service.log_event(session, estate.ids["主机"], "change", "很久以前", now - dt.timedelta(days=30))
    with estate.world.read() as session:
        since = now - dt.timedelta(hours=1)
        lately = queries.what_changed(session, [estate.ids["主机"]], since=since, until=now + dt.timedelta(hours=1))
        assert [event.text for event in lately if event.kind != "relation"] == ["升级内核"]
        everything = queries.events(session, [estate.ids["主机"]])
        assert "health" in {event.kind for event in everything}


def test_open_pages_of_those_concerned_hear_of_a_new_state_and_no_others(estate: Estate) -> None:
    loop = asyncio.new_event_loop()
    pages = {
        who: Connection(1, Ears(topics={"item": frozenset({principal})}), asyncio.Queue(), loop)
        for who, principal in (
            ("county", f"unit:{estate.world.units['610122']}"), ("province", f"unit:{estate.world.units['61']}"),
            ("neighbour", f"unit:{estate.world.units['610124']}"), ("team", f"team:{estate.world.teams['P-APP']}"),
        )
    }  # fmt: skip
    with hub.lock:
        hub.connections |= set(pages.values())
    try:
        estate.health("路由器", Health.CRITICAL)
        estate.health("应用一", Health.OK)
        estate.world.relay()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        with hub.lock:
            hub.connections -= set(pages.values())
        loop.close()
    heard = {who: {page.queue.get_nowait().key for _ in range(page.queue.qsize())} for who, page in pages.items()}
    router, application, service_id = (str(estate.ids[name]) for name in ("路由器", "应用一", "核心征管"))
    assert heard == {
        "county": {router}, "province": {router, application, service_id}, "neighbour": set(), "team": {application, service_id},
    }  # fmt: skip
