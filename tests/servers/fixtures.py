"""Pytest fixtures for the real servers. Each is private to its test, except the PostgreSQL cluster (one a session)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.servers import chromium
from tests.servers.base import owned_directory
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.nginx import Nginx
from tests.servers.nursery import Nursery
from tests.servers.postgresql import PostgreSQL, ordinary_account
from tests.servers.redis import Redis
from tests.servers.slapd import Slapd
from tests.servers.smtp import SmtpServer
from tests.servers.snmpd import Snmpd
from tests.servers.taxops import TaxopsServer
from tests.servers.tls import Authority


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The session's PostgreSQL cluster, without flushing; make a database with create_database()."""
    with owned_directory(ordinary_account()) as home, PostgreSQL(home) as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    url = postgresql.create_database()
    yield url
    postgresql.drop_database(url)


@pytest.fixture
def private_postgresql() -> Iterator[PostgreSQL]:
    """A durable cluster of the test's own, to be killed and restarted."""
    with owned_directory(ordinary_account()) as home, PostgreSQL(home, durable=True) as server:
        yield server


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Starts of the program for tests that start it many times; give it to taxops_server() or to an Installation."""
    with Nursery() as found:
        yield found


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """A running nginx: kill9(), restart(), page()."""
    with Nginx(tmp_path / "nginx") as server:
        yield server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority of the test's own."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def tls_nginx(tmp_path: Path, authority: Authority) -> Iterator[Nginx]:
    """A running nginx that speaks TLS, with a certificate of `authority`."""
    with Nginx(tmp_path / "tls-nginx", authority=authority) as server:
        yield server


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[Snmpd]:
    """A running SNMP agent."""
    with Snmpd(tmp_path / "snmpd") as server:
        yield server


@pytest.fixture(scope="session")
def elasticsearch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    """The session's Elasticsearch with TLS and security; each test takes an index prefix of its own."""
    authority = Authority(tmp_path_factory.mktemp("elasticsearch-authority"))
    with owned_directory(ordinary_account()) as home, Elasticsearch(home, authority) as server:
        yield server


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """The module's LDAP directory, without people: put() them there."""
    home = tmp_path_factory.mktemp("slapd")
    with Slapd(home / "server", Authority(home / "authority")) as server:
        server.begin()
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A running SMTP server that keeps what it is given."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A running Redis."""
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def taxops_server(tmp_path: Path) -> Iterator[Callable[..., TaxopsServer]]:
    """Makes taxops servers (not yet started) under the test's folder; ends those still running."""
    made: list[TaxopsServer] = []

    def make(name: str = "taxops", **options: object) -> TaxopsServer:
        server = TaxopsServer(tmp_path / name, **options)  # type: ignore[arg-type]
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started for the module and closed after it (Playwright holds the thread's event loop meanwhile)."""
    with chromium.browser() as started:
        yield started


@pytest.fixture
def complaints() -> Iterator[chromium.Complaints]:
    """What the browser complained about; the test fails on anything not allowed by `complaints.allow(pattern)`."""
    collected = chromium.Complaints()
    yield collected
    assert collected.left() == []


@pytest.fixture
def desktop(browser: Browser, complaints: chromium.Complaints) -> Iterator[Page]:
    """A page of 1440×900."""
    with chromium.open_page(browser, "desktop", complaints) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, complaints: chromium.Complaints) -> Iterator[Page]:
    """A page of 390×844 with touch."""
    with chromium.open_page(browser, "phone", complaints) as page:
        yield page


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, complaints: chromium.Complaints) -> Iterator[Page]:
    """A page at both sizes, one after the other."""
    with chromium.open_page(browser, request.param, complaints) as opened:
        yield opened


@pytest.fixture
def plain_page(browser: Browser, complaints: chromium.Complaints) -> Iterator[Page]:
    """A page of desktop size without JavaScript."""
    with chromium.open_page(browser, "desktop", complaints, javascript=False) as opened:
        yield opened
