"""The live feed: who hears what, and that a stream ends with the right to it (T-05)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from accounts import service
from accounts.models import Grant, Person, SignInSession, Unit
from app.live import authenticate
from core import clock
from tests.fixtures.world import World
from web.live import LiveFeed, Notice, hub

OFTEN = 0.05  # seconds between two looks at the session


class Stream:
    """One page's connection, as the server sees it. While `reads` is cleared the page takes nothing from the network."""

    def __init__(
        self,
        world: World,
        client: FlaskClient,
        every: float = OFTEN,
        *,
        feed: LiveFeed | None = None,
        query: str = "",
    ) -> None:
        cookie = client.get_cookie("taxops_session")
        assert cookie is not None
        self.sent: list[dict[str, Any]] = []
        self._gone = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        headers = [(b"cookie", f"taxops_session={cookie.value}".encode())]
        scope = {"type": "http", "method": "GET", "path": "/live", "headers": headers, "query_string": query.encode()}
        self.task = asyncio.ensure_future(
            (feed or LiveFeed(world.app, check_s=every))(scope, self._receive, self._send)
        )

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        self.sent.append(message)

    async def opened(self) -> None:
        await until(lambda: b"hello" in self.body)

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, 5)

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.sent)

    @property
    def ended(self) -> bool:
        return self.task.done()

    @property
    def heard(self) -> list[dict[str, str]]:
        return [
            json.loads(line.removeprefix("data: "))
            for block in self.body.decode().split("\n\n") if block.startswith("event: change")
            for line in block.splitlines() if line.startswith("data: ")
        ]  # fmt: skip


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    async def poll() -> None:
        while not true():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), seconds)


def sign_out(world: World, client: FlaskClient) -> None:
    world.submit(client, "/logout")


def forced(world: World, _client: FlaskClient) -> None:
    world.submit(world.client("sec-admin"), "/admin/people/lt-engineer/sessions/end")


def disabled(world: World, _client: FlaskClient) -> None:
    world.submit(world.client("sec-admin"), "/admin/people/lt-engineer/active", {"active": "false"})


def idle(world: World, _client: FlaskClient) -> None:
    _shift(world, last_seen_at=clock.now() - dt.timedelta(minutes=31))


def twelve_hours(world: World, _client: FlaskClient) -> None:
    _shift(world, created_at=clock.now() - dt.timedelta(hours=12, minutes=1))


def _shift(world: World, **values: Any) -> None:
    with world.write() as session:
        mine = SignInSession.person_id == world.people["lt-engineer"]
        session.execute(sa.update(SignInSession).where(mine).values(**values))


@pytest.mark.parametrize("end", [sign_out, forced, disabled, idle, twelve_hours])
def test_T_05_the_stream_ends_with_the_session(world: World, end: Callable[[World, FlaskClient], None]) -> None:
    async def scene() -> None:
        client = world.client("lt-engineer")
        stream, other = Stream(world, client), Stream(world, world.client("lt-head"))
        await stream.opened()
        await other.opened()
        await asyncio.to_thread(end, world, client)
        await until(lambda: stream.ended)
        assert not other.ended, "others stay connected"
        await other.leave()

    asyncio.run(scene())
    assert not hub.connections


def test_T_05_a_revoked_right_is_not_heard_any_more(world: World) -> None:
    audience = frozenset({f"unit:{world.units['610122']}"})

    async def scene() -> None:
        stream = Stream(world, world.client("lt-engineer"))
        await stream.opened()
        hub.publish(Notice("ticket", "INC-1", audience))
        await until(lambda: len(stream.heard) == 1)
        with world.write() as session:
            grant = session.scalars(sa.select(Grant).where(Grant.person_id == world.people["lt-engineer"])).one()
            service.revoke(session, grant.id, now=clock.now())
        looked = len(stream.sent)
        await until(lambda: len(stream.sent) > looked + 1)
        hub.publish(Notice("ticket", "INC-2", audience))
        await asyncio.sleep(4 * OFTEN)
        assert [each["key"] for each in stream.heard] == ["INC-1"]
        await stream.leave()

    asyncio.run(scene())


def test_a_busy_feed_does_not_put_the_look_off(world: World) -> None:
    """The session is looked at by the clock, not only when nothing happens."""

    async def scene() -> None:
        client = world.client("lt-engineer")
        stream = Stream(world, client)
        await stream.opened()
        await asyncio.to_thread(sign_out, world, client)
        mine = frozenset({f"person:{world.people['lt-engineer']}"})

        async def chatter() -> None:
            while not stream.ended:
                hub.publish(Notice("inbox", "x", mine))
                await asyncio.sleep(OFTEN / 10)

        await asyncio.wait_for(chatter(), 5)

    asyncio.run(scene())


def heard_by(world: World, login: str, *notices: Notice) -> list[dict[str, str]]:
    async def scene() -> list[dict[str, str]]:
        stream = Stream(world, world.client(login), every=60)
        await stream.opened()
        for notice in notices:
            hub.publish(notice)
        await asyncio.sleep(0.1)
        await stream.leave()
        return stream.heard

    return asyncio.run(scene())


def everything(world: World) -> tuple[Notice, ...]:
    """One change of each kind, in 蓝田; told to its unit and all above, as the handlers do."""
    above = frozenset(f"unit:{world.units[code]}" for code in ("610122", "6101", "61"))
    return (
        Notice("ticket", "INC-2026-000001", above, "", "/desk/tickets/INC-2026-000001"),
        Notice("alert", "f00d", above, "蓝田主备线路中断", "/alerts/f00d"),
        Notice("item", "17", above),
        Notice("notice", "N-2026-0001", frozenset({f"at:{world.units['61']}"}), "停机公告", "/notices/N-2026-0001"),
    )


def test_T_05_the_wall_hears_only_that_it_should_look_again(world: World) -> None:
    heard = heard_by(world, "wall", *everything(world))
    assert [each.pop("topic") for each in heard] == ["ticket", "alert", "item"]
    assert {value for each in heard for value in each.values()} == {""}, "no number, address, name or summary"


def test_T_05_each_kind_of_change_is_heard_with_its_own_permission(world: World) -> None:
    with world.write() as session:
        session.execute(sa.text("DELETE FROM grant_ WHERE role_code = 'leader'"))
        session.execute(
            sa.text("INSERT INTO role (code, name, permissions) VALUES ('eyes', '看告警', '[\"alert.read\"]')")
        )
        person, place = session.get_one(Person, world.people["leader"]), session.get_one(Unit, world.units["61"])
        service.grant(session, person=person, role_code="eyes", unit=place, now=clock.now())
    assert [each["topic"] for each in heard_by(world, "leader", *everything(world))] == ["alert", "notice"]
    assert [each["topic"] for each in heard_by(world, "p-engineer", *everything(world))] == [
        "ticket", "alert", "item", "notice",
    ]  # fmt: skip
    for stranger in ("lt-clerk", "bj-engineer", "v1-engineer", "sec-admin"):
        heard = {each["topic"] for each in heard_by(world, stranger, *everything(world))}
        assert heard <= {"notice"}, stranger


def test_a_vendor_hears_of_what_was_handed_to_it(world: World) -> None:
    to_vendor = Notice("ticket", "INC-9", frozenset({f"vendor:{world.units['V1']}"}))
    assert [each["key"] for each in heard_by(world, "v1-engineer", to_vendor)] == ["INC-9"]
    assert heard_by(world, "v2-engineer", to_vendor) == []


def test_a_stranger_gets_no_stream(world: World) -> None:
    assert authenticate(world.app, ["nothing", ""]) == {}
