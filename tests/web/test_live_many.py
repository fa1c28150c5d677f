"""The live feed with many pages: one look at all of them, a page that does not read, and the limit of open files."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from accounts import service
from accounts.models import Grant
from accounts.signin import queries
from core import clock
from tests.fixtures.world import World
from tests.web.test_live import OFTEN, Stream, sign_out, until
from web.live import MOST_CONNECTIONS_A_PERSON, QUEUE, LiveFeed, Notice, hub


def opened(world: World, feed: LiveFeed, client: FlaskClient, count: int) -> list[Stream]:
    return [Stream(world, client, feed=feed) for _ in range(count)]


def mine(world: World, login: str = "lt-engineer", key: str = "x") -> Notice:
    return Notice("inbox", key, frozenset({f"person:{world.people[login]}"}))


def keeping_alive(stream: Stream) -> int:
    """How many looks the page has been through, by the signs of life it got."""
    return stream.body.decode().split("\n\n").count(": ")


def test_one_look_ends_the_pages_of_an_ended_session_and_leaves_all_others_open(world: World) -> None:
    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=OFTEN)
        gone, stays, colleague = world.client("lt-engineer"), world.client("lt-engineer"), world.client("lt-head")
        ending = opened(world, feed, gone, 3)
        staying = opened(world, feed, stays, 3) + opened(world, feed, colleague, 3)
        for stream in ending + staying:
            await stream.opened()
        await asyncio.to_thread(sign_out, world, gone)
        await until(lambda: all(stream.ended for stream in ending))
        rounds = [keeping_alive(stream) for stream in staying]
        await until(lambda: all(keeping_alive(s) > n for s, n in zip(staying, rounds, strict=True)))
        assert not any(stream.ended for stream in staying), "the same person's other session, and others', stay"
        for stream in staying:
            await stream.leave()

    asyncio.run(scene())
    assert not hub.connections


def test_a_revoked_right_is_not_heard_by_any_page_after_the_look_at_all(world: World) -> None:
    audience = frozenset({f"unit:{world.units['610122']}"})

    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=OFTEN)
        revoked = opened(world, feed, world.client("lt-engineer"), 3)
        kept = opened(world, feed, world.client("lt-head"), 2)
        for stream in revoked + kept:
            await stream.opened()
        hub.publish(Notice("ticket", "INC-1", audience))
        await until(lambda: all(len(stream.heard) == 1 for stream in revoked + kept))
        with world.write() as session:
            grant = session.scalars(sa.select(Grant).where(Grant.person_id == world.people["lt-engineer"])).one()
            service.revoke(session, grant.id, now=clock.now())
        rounds = keeping_alive(revoked[0])
        await until(lambda: keeping_alive(revoked[0]) > rounds + 1)
        hub.publish(Notice("ticket", "INC-2", audience))
        await until(lambda: all(len(stream.heard) == 2 for stream in kept))
        assert [[each["key"] for each in stream.heard] for stream in revoked] == [["INC-1"]] * 3
        for stream in revoked + kept:
            await stream.leave()

    asyncio.run(scene())


def test_a_look_at_many_pages_is_one_statement(world: World) -> None:
    """However many pages of however many sessions; the viewers are kept a minute and cost nothing meanwhile."""
    asked: list[str] = []
    rounds: list[int] = []

    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=10 * OFTEN)
        people = ("lt-engineer", "lt-head", "zz-head")
        streams = [stream for login in people for stream in opened(world, feed, world.client(login), 4)]
        for stream in streams:
            await stream.opened()
        await until(lambda: all(keeping_alive(stream) for stream in streams))
        sa.event.listen(world.engine, "before_cursor_execute", listener)
        before = min(keeping_alive(stream) for stream in streams)
        await until(lambda: min(keeping_alive(stream) for stream in streams) >= before + 2)
        rounds.append(min(keeping_alive(stream) for stream in streams) - before)
        sa.event.remove(world.engine, "before_cursor_execute", listener)
        for stream in streams:
            await stream.leave()

    def listener(*args: Any) -> None:
        asked.append(args[2])

    asyncio.run(scene())
    assert len([statement for statement in asked if statement != "BEGIN"]) == rounds[0], asked


def test_more_cookies_than_fit_one_statement_are_asked_in_pieces(world: World) -> None:
    client = world.client("lt-engineer")
    cookie = client.get_cookie("taxops_session")
    assert cookie is not None
    strangers = [f"stranger-{n}" for n in range(queries.AT_ONCE)]
    with world.read() as session:
        found = queries.by_cookies(session, [*strangers, cookie.value], now=clock.now())
    assert {value: person.login for value, (_one, person) in found.items()} == {cookie.value: "lt-engineer"}


def test_a_page_that_comes_as_the_last_one_leaves_is_looked_at(world: World) -> None:
    """The round of the page that left is still ending when the next one enters."""

    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=OFTEN)
        client = world.client("lt-engineer")
        (first,) = opened(world, feed, client, 1)
        await first.opened()
        connection = next(iter(hub.connections))
        feed._leave(connection)
        feed._enter(connection)
        rounds = keeping_alive(first)
        await until(lambda: keeping_alive(first) > rounds + 1)
        await first.leave()

    asyncio.run(scene())


def test_a_page_that_does_not_read_is_told_to_ask_anew_and_holds_up_no_other(world: World) -> None:
    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=60)
        slow, quick = opened(world, feed, world.client("lt-engineer"), 2)
        await slow.opened()
        await quick.opened()
        slow.reads.clear()
        for number in range(3 * QUEUE):
            hub.publish(mine(world, key=f"INC-{number}"))
            await until(lambda n=number: len(quick.heard) == n + 1)  # type: ignore[misc]
        assert max(connection.queue.qsize() for connection in hub.connections) <= QUEUE + 2
        assert len(slow.heard) <= 1, "it waits for the network alone"
        slow.reads.set()
        await until(lambda: bool(slow.heard) and slow.heard[-1]["key"] == f"INC-{3 * QUEUE - 1}")
        heard = [each["topic"] for each in slow.heard]
        assert heard.count("resync") == 1
        assert len(heard) <= QUEUE + 3
        assert "resync" not in [each["topic"] for each in quick.heard]
        hub.publish(mine(world, key="INC-after"))
        await until(lambda: slow.heard[-1]["key"] == "INC-after")
        await slow.leave()
        await quick.leave()

    asyncio.run(scene())


def test_a_page_that_does_not_read_hears_nothing_more_once_its_session_ended(world: World) -> None:
    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=OFTEN)
        client = world.client("lt-engineer")
        slow, other = opened(world, feed, client, 1) + opened(world, feed, world.client("lt-engineer"), 1)
        await slow.opened()
        await other.opened()
        slow.reads.clear()
        hub.publish(mine(world, key="INC-1"))
        await until(lambda: len(other.heard) == 1)
        await asyncio.to_thread(sign_out, world, client)
        rounds = keeping_alive(other)
        await until(lambda: keeping_alive(other) > rounds + 1)
        hub.publish(mine(world, key="INC-2"))
        await until(lambda: len(other.heard) == 2)
        slow.reads.set()
        await until(lambda: slow.ended)
        assert [each["key"] for each in slow.heard] == ["INC-1"]
        await other.leave()

    asyncio.run(scene())


def test_a_person_has_so_many_pages_and_a_place_again_when_one_leaves(world: World) -> None:
    async def scene() -> None:
        feed = LiveFeed(world.app, check_s=60)
        client = world.client("lt-engineer")
        streams = opened(world, feed, client, MOST_CONNECTIONS_A_PERSON)
        for stream in streams:
            await stream.opened()
        (refused,) = opened(world, feed, client, 1)
        await until(lambda: refused.ended)
        assert refused.sent[0]["status"] == 429
        await streams.pop().leave()
        streams += opened(world, feed, client, 1)
        for stream in streams:
            await stream.opened()
            await stream.leave()

    asyncio.run(scene())


LIMIT = """
import resource
from app.run import memory
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
memory.allow_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits_after(soft: int, hard: int) -> tuple[int, int]:
    code = LIMIT.format(soft=soft, hard=hard)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    first, second = out.split()
    return int(first), int(second)


def test_the_limit_of_open_files_is_raised_to_what_is_granted_and_never_lowered() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 2048, "this machine grants fewer files than the test lowers to"
    assert limits_after(256, 2048) == (2048, 2048), "as far as the system grants without asking"
    assert limits_after(2048, 2048) == (2048, 2048)
