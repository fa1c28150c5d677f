"""R-01, R-02: the program is killed at random instants under load; what it answered stays, what was due is told."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable

import pytest

from tests.chaos.load import ALERTS, Client, Reporter, alert_of, comments, tickets
from tests.chaos.mails import check_mails, number_of
from tests.chaos.province import kept, settle
from tests.servers.base import wait_until
from tests.servers.nursery import Nursery
from tests.servers.smtp import SmtpServer
from tests.servers.taxops import TaxopsServer

#: How often the program is killed, on both databases together: `make chaos` asks for 500.
KILLS = int(os.environ.get("TAXOPS_CHAOS_KILLS", "50"))
pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(600 + 15 * KILLS)]
Make = Callable[..., TaxopsServer]

REPORTERS = 3
ON_POSTGRESQL = KILLS // 4


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", KILLS - ON_POSTGRESQL), ("postgresql", ON_POSTGRESQL)])
def test_R_01_kill_9_at_any_instant_loses_nothing_answered_and_no_notice(
    kind: str, kills: int, taxops_server: Make, nursery: Nursery, smtp: SmtpServer, request: pytest.FixtureRequest
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # shown when the test fails
    chance = random.Random(seed)
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else None
    server = taxops_server(
        database_url=url,
        settings={"TAXOPS_SMTP_URL": smtp.url, "TAXOPS_MAIL_FROM": "ops@taxops.test"},
        nursery=nursery,
    )
    token = settle(server, url)
    database = url or f"sqlite:///{server.state / 'taxops.db'}"
    server.start()
    reporters = [Reporter(server.port, token, f"r{number}", seed, alerts=True) for number in range(REPORTERS)]
    for _ in range(kills):
        run_until_killed(server, reporters, chance)
        reporters = [reporter.again() for reporter in reporters]
        server.start()
        check_answers(server, token, reporters)
    for reporter in reporters:  # what got no answer before the last death
        reporter.start()
        wait_until(lambda reporter=reporter: not reporter.open, "the last repeats")
        reporter.stop()
    requests = [each for reporter in reporters for each in reporter.done]
    assert [fault for reporter in reporters for fault in reporter.faults] == []
    assert len(tickets(requests)) > kills, "too little load to mean anything"
    check_database(database, requests)
    check_mails(smtp, tickets(requests))
    repeated = sum(each.tries > 1 for each in requests)
    print(f"{kills} kills, {len(requests)} answers, {repeated} of them after repeating, {len(smtp.mails)} mails")


def run_until_killed(server: TaxopsServer, reporters: list[Reporter], chance: random.Random) -> None:
    for reporter in reporters:
        reporter.start()
    if chance.random() < 0.7:  # in the middle of the work
        wanted = sum(len(reporter.done) for reporter in reporters) + chance.randint(2, 12)
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: sum(len(each.done) for each in reporters) >= wanted, "answers", seconds=6, every=0.01)
    time.sleep(chance.uniform(0, 0.3))
    server.kill9()
    for reporter in reporters:
        reporter.stop()
    if chance.random() < 0.25:  # and now and then while it is starting
        server.launch()
        time.sleep(chance.uniform(0.05, 2.0))
        server.kill9()


def check_answers(server: TaxopsServer, token: str, reporters: list[Reporter]) -> None:
    """The newest answers of each reporter, asked again through the API."""
    with Client(server.port, token) as client:
        for reporter in reporters:
            for number, request in list(tickets(reporter.done).items())[-3:]:
                answer = client.call("GET", f"/tickets/{number}")
                assert (answer.status, answer.body["title"]) == (200, request.body["title"])


def check_database(url: str, requests: list) -> None:
    """Every answered ticket and comment is there, once, however often it was sent."""
    found = kept(url)
    assert found.whole
    answered = {number: request.body["title"] for number, request in tickets(requests).items()}
    assert {number: found.tickets.get(number) for number in answered} == answered
    assert {title: count for title, count in found.titles.items() if count > 1} == {}
    sent = {alert_of(each) for each in requests if each.path == ALERTS}
    assert {text: found.alerts[text] for text in sent if found.alerts[text] != 1} == {}
    texts = {each.body["text"] for each in comments(requests)}
    assert {text: found.comments[text] for text in texts if found.comments[text] != 1} == {}
    assert max(each.tries for each in requests) > 1, "no request was repeated: nothing was proven about R-02"


def test_R_01_a_refusing_mail_server_loses_no_notice(taxops_server: Make, nursery: Nursery, smtp: SmtpServer) -> None:
    """The mail server is away, then refuses for now, then accepts: the notice arrives, with its attempts on record."""
    server = taxops_server(
        settings={"TAXOPS_SMTP_URL": smtp.url, "TAXOPS_MAIL_FROM": "ops@taxops.test"}, nursery=nursery
    )
    token = settle(server)
    smtp.stop()
    server.start()
    reporter = Reporter(server.port, token, "solo", 1, pause_s=60)
    reporter.start()
    wait_until(lambda: tickets(reporter.done), "the ticket")
    reporter.stop()
    (number,) = tickets(reporter.done)
    time.sleep(2)
    smtp.refuse_data("451 later")
    smtp.start()
    time.sleep(2)
    smtp.refuse_data(None)
    mail = smtp.wait_for(lambda each: number_of(each) == number, seconds=90)
    assert mail.message["X-Taxops-Key"]
