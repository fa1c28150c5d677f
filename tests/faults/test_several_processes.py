"""An installation of several processes under load: its database, its broker, and one of each process are killed."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.mails import check_mails
from tests.faults.conftest import Note
from tests.faults.load import Load
from tests.faults.person import SECRETS, Visitor, token_of
from tests.fixtures.database import prepare_world
from tests.servers.base import HOST, owned_directory, wait_until
from tests.servers.installation import Installation
from tests.servers.nursery import Nursery
from tests.servers.postgresql import PostgreSQL, ordinary_account
from tests.servers.proxy import Proxy
from tests.servers.redis import Redis
from tests.servers.smtp import SmtpServer
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROLES = ("web", "worker", "poller", "live")


@dataclass
class Site:
    """One process of each role behind nginx, with a broker and a mail server."""

    installation: Installation
    database: PostgreSQL
    broker: Redis
    smtp: SmtpServer
    proxy: Proxy
    roles: dict[str, TaxopsServer]
    token: str
    person: Visitor

    @property
    def url(self) -> str:
        return self.installation.database_url

    def doctor(self) -> str:
        """What the doctor says, as the administrator of the worker's machine."""
        return self.roles["worker"].run("doctor", check=False).stdout

    def beats(self) -> int:
        """Periodic duties done so far."""
        return int(str(self.installation.ask("SELECT count(*) FROM job_run WHERE outcome = 'done'")[0][0]))


@pytest.fixture(scope="module")
def site(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home: Path = tmp_path_factory.mktemp("site")
    with (
        owned_directory(ordinary_account()) as data,
        PostgreSQL(data, durable=True) as database,
        Redis(home / "redis") as broker,
        SmtpServer() as smtp,
    ):
        url = database.create_database()
        prepare_world(url)
        settings = {
            "TAXOPS_BROKER_URL": broker.url,
            "TAXOPS_SMTP_URL": smtp.url,
            "TAXOPS_MAIL_FROM": "ops@taxops.test",
            "TAXOPS_TRUSTED_PROXIES": HOST,
        }
        installation = Installation(home, url, settings, nursery=nursery)
        roles = {role: installation.add(role) for role in ROLES}
        installation.start()
        with Proxy(home / "proxy-1", [roles["web"]], [roles["live"]]) as proxy:
            person = Visitor(proxy.port, url)
            person.prepares()
            yield Site(installation, database, broker, smtp, proxy, roles, token_of(url), person)
        assert installation.stop() == [0] * len(ROLES), "what was in hand was finished"


def live_answers(site: Site) -> bool:
    """Whether a page can connect its feed."""
    connection = http.client.HTTPConnection(HOST, site.proxy.port, timeout=5)
    try:
        connection.request("GET", "/live", headers={"Cookie": site.person.cookie})
        return connection.getresponse().status == 200
    finally:
        connection.close()


def test_the_database_is_killed_and_comes_back(site: Site, note: Note) -> None:
    with Load([site.proxy.port], site.token, "database") as load:
        site.database.kill9()
        page = site.person.opens("/desk/mine")
        sent = site.person.reports("打印机脱机", "while-away")
        assert page.is_told("数据库暂时不可用", "什么都没有保存", "请过一两分钟刷新")
        assert sent.is_told("数据库暂时不可用")
        assert site.person.opens("/login").is_told("数据库暂时不可用")
        assert site.roles["web"].readiness()[0] == 503
        said = site.doctor()
        assert "Connection refused" in said
        assert "nothing is saved" in said
        wait_until(lambda: len(load.refusals()) > 5, "the load to be refused")
        site.database.start()
        well = load.wait_well("the load to be taken again")
        before, began = site.beats(), time.monotonic()
        wait_until(lambda: site.beats() > before, "duties to go on", seconds=60)
        note(seen=page.words, took_s=page.took_s, refused=len(load.refusals()), well_s=well,
             duties_s=time.monotonic() - began)  # fmt: skip
    for answer in load.refusals():
        assert answer.status == 503, answer
        assert answer.body["detail"].startswith("数据库暂时不可用"), answer
        assert answer.headers["retry-after"].isdigit()
        assert not SECRETS.search(str(answer.body))
    assert load.check(site.url) >= 6
    check_mails(site.smtp, [each.number for each in load.done if each.number])


def test_the_broker_is_killed_and_comes_back(site: Site, note: Note) -> None:
    with Load([site.proxy.port], site.token, "broker") as load:
        site.broker.kill9()
        asked, before = time.monotonic(), site.beats()
        well = load.wait_well("the load not to notice")
        wait_until(lambda: site.beats() > before + 3, "duties to go on without it", seconds=60)
        duties = time.monotonic() - asked
        said = site.doctor()
        assert "TAXOPS_BROKER_URL" in said
        assert "workers" in said
        assert site.person.opens("/desk/mine").status == 200
        site.broker.start()
        back = time.monotonic()
        ready = site.roles["worker"].readiness
        wait_until(lambda: ready()[1]["dependencies"]["broker"]["ok"], "the broker to be found", seconds=60)
        note(seen="nothing", requests_s=well, duties_s=duties, broker_found_s=time.monotonic() - back)
    assert load.refusals() == []
    load.check(site.url)


def test_one_of_each_process_is_killed_and_started_again(site: Site, note: Note) -> None:
    seen = {}
    with Load([site.proxy.port], site.token, "killed") as load:
        for role in ("poller", "live", "worker"):
            site.roles[role].kill9()
            load.wait_well(f"tickets and alerts to be taken without {role}")
            seen[role] = site.person.opens("/desk/mine").status
        assert seen == {"poller": 200, "live": 200, "worker": 200}
        assert load.refusals() == []
        site.roles["web"].kill9()
        page = site.person.reports("打印机脱机", "nobody-there")
        assert page.is_told("服务正在恢复", "没有保存", "请过一两分钟刷新")
        wait_until(lambda: load.refusals(503), "a machine to be told")
        told = load.refusals(503)[0]
        assert "服务正在恢复" in told.body["detail"]
        assert told.headers["Retry-After"] == "30"
        alive = "SELECT count(*) FROM lease WHERE name LIKE 'process:%%' AND until > clock_timestamp()"
        wait_until(lambda: site.installation.ask(alive)[0][0] == 0, "their leases to end", seconds=60)
        said = site.doctor()
        for role in ROLES:
            assert f"{role}-1 " in said, said
        assert "did not end in order" in said
        began = time.monotonic()
        site.installation.start()
        started = time.monotonic() - began
        well = load.wait_well("the load to be taken again", since=began)
        wait_until(lambda: live_answers(site), "pages to be told again", seconds=30)
        live = time.monotonic() - began
        before = site.beats()
        wait_until(lambda: site.beats() > before, "duties to go on", seconds=60)
        duties = time.monotonic() - began
    load.check(site.url)
    numbers = [each.number for each in load.done if each.number]
    check_mails(site.smtp, numbers)
    note(seen=page.words, started_s=started, web_well_s=well, live_s=live, duties_s=duties)


def test_the_doctor_names_a_role_that_nobody_runs(site: Site) -> None:
    site.roles["poller"].stop()
    said = site.doctor()
    site.roles["poller"].start()
    assert "poller" in said
    assert "no data" in said
