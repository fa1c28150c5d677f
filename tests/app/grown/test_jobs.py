"""Periodic duties of several workers on a real broker: a killed leader is replaced, nothing is lost or done twice."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from core import clock
from core.db import make_engine, transaction
from servicedesk.tickets import service
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from tests.fixtures.world import World, as_world
from tests.servers.base import wait_until
from tests.servers.installation import Installation
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.redis import Redis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
REPLACED_WITHIN_S = 30


@pytest.fixture(scope="module", params=[RabbitMQ, Redis], ids=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ | Redis]:
    """The same tests on both."""
    with request.param(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(scope="module")
def workers(make_installation: Callable[..., Installation], broker: RabbitMQ | Redis) -> Iterator[Installation]:
    """Two workers on the broker. In the end they finish what they have in hand, and give back what they held."""
    found = make_installation(TAXOPS_BROKER_URL=broker.url)
    for _ in range(2):
        found.add("worker")
    found.start()
    yield found
    assert found.stop() == [0, 0]
    assert found.ask("SELECT name FROM lease WHERE until > clock_timestamp()") == []
    for process in found.processes:
        assert '"level": "error"' not in process.log_tail(2000)


@pytest.fixture
def engine_of(workers: Installation) -> Iterator[sa.Engine]:
    """The installation's database."""
    engine = make_engine(workers.database_url)
    yield engine
    engine.dispose()


def unanswered(world: World, count: int) -> list[int]:
    """So many incidents that were solved long enough ago to be closed by the next run of that duty."""
    engineer = world.viewer("lt-engineer")
    ids = []
    with transaction(world.engine) as session:
        for n in range(count):
            report = Report(
                title=f"打印机脱机 {n}", category="desktop", unit_id=world.units["610122"],
                reporter_id=world.people["lt-clerk"],
            )  # fmt: skip
            ticket = open_ticket(session, report, by=world.people["lt-clerk"], now=clock.now())
            service.accept(session, engineer, ticket, now=clock.now())
            service.resolve(session, engineer, ticket, solution="换了硒鼓", now=clock.now())
            session.get_one(Ticket, ticket.id).auto_close_at = clock.now() - dt.timedelta(hours=1)
            ids.append(ticket.id)
    return ids


def closings(installation: Installation, ids: list[int]) -> list[int]:
    """How many times each was closed."""
    rows = installation.ask(
        "SELECT ticket_id, count(*) FROM ticket_fact WHERE kind = 'closed' AND ticket_id = ANY(%s) GROUP BY 1", ids
    )
    found = {int(str(ticket)): int(str(count)) for ticket, count in rows}
    return [found.get(ticket, 0) for ticket in ids]


def waiting(installation: Installation, seconds: int) -> int:
    """Moments that nobody has done so long after they were due and written down."""
    rows = installation.ask(
        "SELECT count(*) FROM job_run WHERE done_at IS NULL"
        " AND created_at < clock_timestamp() - make_interval(secs => %s)",
        seconds,
    )
    return int(str(rows[0][0]))


def newest(installation: Installation, job: str = "monitor.heartbeats") -> dt.datetime:
    """The last moment done of a duty that is due every three seconds."""
    rows = installation.ask("SELECT max(due_at) FROM job_run WHERE job = %s AND outcome = 'done'", job)
    assert isinstance(rows[0][0], dt.datetime)
    return rows[0][0]


def test_the_broker_brings_the_duties_to_both_workers(workers: Installation, broker: RabbitMQ | Redis) -> None:
    def shared() -> bool:
        rows = workers.ask("SELECT count(DISTINCT worker), count(sent_at) FROM job_run WHERE outcome = 'done'")
        return int(str(rows[0][0])) == 2 and int(str(rows[0][1])) >= 10

    wait_until(shared, "both workers to run what the broker brought", seconds=60, every=0.5)
    assert workers.processes[0].readiness()[1]["dependencies"]["broker"]["ok"] is True


def test_a_killed_leader_is_replaced_and_no_duty_is_lost_or_done_twice(
    workers: Installation, engine_of: sa.Engine
) -> None:
    world = as_world(engine_of)
    first = unanswered(world, 10)
    leader = workers.leader()
    other = next(p for p in workers.processes if p is not leader)
    leader.kill9()
    killed = time.monotonic()
    second = unanswered(world, 10)
    workers.tell("DELETE FROM job_run WHERE job = 'tickets.auto_close'")  # a moment came that nobody wrote down
    wait_until(
        lambda: workers.holder("schedule") == workers.name_of(other), "another leader", seconds=REPLACED_WITHIN_S
    )
    took = time.monotonic() - killed
    leader.start()
    wait_until(lambda: min(closings(workers, first + second)) >= 1, "all to be closed", seconds=100, every=0.5)
    wait_until(lambda: waiting(workers, 20) == 0, "everything left in hand to be done", seconds=60, every=0.5)
    assert closings(workers, first + second) == [1] * 20
    assert took < REPLACED_WITHIN_S


def test_with_the_broker_gone_duties_go_on_and_it_is_said(workers: Installation, broker: RabbitMQ | Redis) -> None:
    broker.kill9()
    gone = clock.now()
    process = workers.processes[0]
    wait_until(lambda: not process.readiness()[1]["dependencies"]["broker"]["ok"], "/readyz to say so", seconds=30)
    assert process.readiness()[0] == 200, "it is not needed"
    wait_until(lambda: newest(workers) > gone + dt.timedelta(seconds=6), "duties to go on", seconds=60, every=0.5)
    said = process.run("doctor", check=False).stdout
    assert "TAXOPS_BROKER_URL" in said
    broker.start()
    wait_until(lambda: process.readiness()[1]["dependencies"]["broker"]["ok"], "the broker to be found", seconds=60)
    back = clock.now()
    sent = "SELECT count(*) FROM job_run WHERE sent_at > %s AND outcome = 'done'"
    wait_until(
        lambda: int(str(workers.ask(sent, back)[0][0])) > 3, "the broker to be used again", seconds=60, every=0.5
    )
