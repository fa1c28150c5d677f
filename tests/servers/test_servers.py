"""The tests' own servers start, answer, die and come back on the same port."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest

from tests.servers import loopback
from tests.servers.base import HOST, SERVER_PATH, Daemon, accepts_tcp, free_port, require_program, wait_until
from tests.servers.nginx import Nginx
from tests.servers.postgresql import PostgreSQL
from tests.servers.prometheus import Amtool, Prometheus
from tests.servers.redis import Redis
from tests.servers.smtp import SmtpServer
from tests.servers.snmpd import COMMUNITY, V3_AUTH, V3_PRIV, V3_USER, Snmpd
from tests.servers.tls import Authority


def fetch(url: str, **options: object) -> str:
    with urllib.request.urlopen(url, timeout=5, **options) as answer:
        return answer.read().decode()


def snmpget(target: str, *credentials: str) -> str:
    command = [require_program("snmpget"), *credentials, "-t", "1", "-r", "0", target, ".1.3.6.1.2.1.1.5.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": SERVER_PATH, "MIBS": ""})
    return done.stdout + done.stderr


def test_nginx_answers_dies_and_comes_back_on_its_port(nginx: Nginx) -> None:
    assert "正常" in fetch(nginx.url)
    nginx.kill9()
    with pytest.raises(urllib.error.URLError):
        fetch(nginx.url)
    nginx.start()
    assert "正常" in fetch(nginx.url)


def test_nginx_with_tls_is_trusted_only_through_its_authority(tls_nginx: Nginx, authority: Authority) -> None:
    trusting = ssl.create_default_context(cafile=str(authority.ca_file))
    assert "正常" in fetch(tls_nginx.url, context=trusting)
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(tls_nginx.url, context=ssl.create_default_context())


def test_two_databases_of_the_cluster_know_nothing_of_each_other(postgresql: PostgreSQL) -> None:
    template = postgresql.ensure_template(
        "template_servers", lambda url: _run(postgresql, url, "CREATE TABLE t (n int)")
    )
    first, second = (postgresql.create_database(template) for _ in range(2))
    _run(postgresql, first, "INSERT INTO t VALUES (1)")
    with postgresql.connect(second.rsplit("/", 1)[-1]) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    postgresql.drop_database(first)
    postgresql.drop_database(second)


def _run(server: PostgreSQL, url: str, statement: str) -> None:
    with server.connect(url.rsplit("/", 1)[-1]) as connection:
        connection.execute(statement.encode())


def test_postgresql_keeps_what_it_committed_through_a_kill(private_postgresql: PostgreSQL) -> None:
    with private_postgresql.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    private_postgresql.kill9()
    with pytest.raises(psycopg.OperationalError):
        private_postgresql.connect()
    private_postgresql.start()
    with private_postgresql.connect() as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_snmpd_speaks_both_versions_and_restarts_on_its_port(snmpd: Snmpd) -> None:
    version2 = ("-v2c", "-c", COMMUNITY)
    version3 = ("-v3", "-l", "authPriv", "-u", V3_USER, "-a", "SHA", "-A", V3_AUTH, "-x", "AES", "-X", V3_PRIV)
    assert "lantian-sw1" in snmpget(snmpd.target, *version2)
    assert "lantian-sw1" in snmpget(snmpd.target, *version3)
    assert "Timeout" in snmpget(snmpd.target, "-v2c", "-c", "wrong")
    snmpd.kill9()
    assert "Timeout" in snmpget(snmpd.target, *version2)
    snmpd.configure(system_name="zhouzhi-sw1")
    snmpd.start()
    assert "zhouzhi-sw1" in snmpget(snmpd.target, *version3)


def test_prometheus_evaluates_rules_and_reads_targets(tmp_path: Path) -> None:
    rules = [{"alert": "always", "expr": "vector(1)", "labels": {"severity": "critical"}}]
    with Prometheus(tmp_path / "prometheus", rules=rules, alertmanagers=[f"http://{HOST}:{free_port()}"]) as server:
        wait_until(lambda: server.query('ALERTS{alertname="always",alertstate="firing"}'), "the alert to fire")


def test_amtool_says_why_it_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="connection refused"):
        Amtool(tmp_path, f"http://{HOST}:{free_port()}")("alert", "query")


def test_redis_answers(redis: Redis) -> None:
    assert redis.ask("SET a 1") == "+OK"
    redis.restart()
    assert redis.ask("EXISTS a") == ":0"


def test_smtp_keeps_refuses_and_vanishes(smtp: SmtpServer) -> None:
    def send(text: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "ops@example.invalid", "a@example.invalid", "工单已受理"
        message.set_content(text)
        with smtplib.SMTP(smtp.host, smtp.port, timeout=5) as client:
            client.send_message(message)

    send("第一封")
    assert smtp.wait_for(lambda mail: mail.subject == "工单已受理").text.strip() == "第一封"
    smtp.refuse_data("451 later")
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send("第二封")
    smtp.refuse_data(None)
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        send("第三封")
    smtp.start()
    send("第四封")
    assert [mail.text.strip() for mail in smtp.to("a@example.invalid")] == ["第一封", "第四封"]


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    class Broken(Daemon):
        name = "broken"

        def command(self) -> list[str]:
            return ["/bin/sh", "-c", "echo no such setting >&2; exit 3"]

    with pytest.raises(RuntimeError, match="no such setting"):
        Broken(tmp_path).start()


def test_kill9_ends_the_children_too(tmp_path: Path) -> None:
    class Parent(Daemon):
        name = "parent"

        def command(self) -> list[str]:
            return ["/bin/sh", "-c", "sleep 300 & echo $! > child; wait"]

        def is_ready(self) -> bool:
            return bool((tmp_path / "child").read_text().strip())

    parent = Parent(tmp_path).start()
    child = int((tmp_path / "child").read_text())
    parent.kill9()
    wait_until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), "the child to end", seconds=3)


def _is_zombie(pid: int) -> bool:
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80), ("10.0.0.1", 53)])
def test_a_test_cannot_leave_the_machine(address: tuple[str, int]) -> None:
    with pytest.raises(loopback.LeftTheMachineError):
        socket.create_connection(address, timeout=1)


def test_a_test_can_reach_this_machine() -> None:
    with socket.create_server((HOST, free_port())) as server:
        assert accepts_tcp(server.getsockname()[1])


def test_waiting_ends_with_what_was_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="the moon"):
        wait_until(lambda: False, "the moon", seconds=0.3)
    assert time.monotonic() - began < 2
