"""Two at once: one accepts, one incident per problem, numbers and ledgers stay whole (both databases)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from core import clock
from core.events.monitor import AlertRaised
from servicedesk import handlers
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket

NEW = {"kind": "incident", "title": "打印机脱机", "category": "desktop"}


def at_once(*calls):
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def test_two_people_accept_at_once_and_one_of_them_holds_it(world):
    number = world.api("lt-clerk").post("/tickets", NEW).json["number"]
    both = [world.api("lt-engineer"), world.api("lt-head")]
    answers = at_once(*(lambda c=c: c.post(f"/tickets/{number}/actions/accept").status_code for c in both))
    assert sorted(answers) == [200, 409]
    with world.read() as session:
        ticket = session.scalar(sa.select(Ticket))
        spans = [row.span() for row in custody.ledger(session, ticket.id)]
    assert custody_rules.faults(spans) == []
    assert len(spans) == 2


def test_A_07_the_same_problem_raised_at_once_is_one_incident(world):
    def raised(alert_id):
        with world.write() as session:
            handlers.alert_raised(
                session,
                AlertRaised(
                    alert_id=alert_id,
                    fingerprint=f"fp{alert_id}",
                    problem_key="check:7",
                    episode=alert_id,
                    severity="critical",
                    alertname="tcp",
                    summary="端口不通",
                    source="check",
                    at=clock.now(),
                    unit_id=world.units["61"],
                ),
                clock.now(),
            )

    at_once(*(lambda i=i: raised(i) for i in range(1, 5)))
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 1


def test_numbers_given_out_at_once_are_all_different(world):
    def opened():
        with world.write() as session:
            return open_ticket(
                session, Report(title="慢", category="desktop", unit_id=world.units["610122"]), by=None, now=clock.now()
            ).number

    numbers = at_once(*[opened] * 6)
    assert len(set(numbers)) == 6
