"""PostgreSQL seen through a login."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from collectors.base import State
from tests.collectors.conftest import value
from tests.servers.postgresql import SUPERUSER


@pytest.fixture
def target(postgresql) -> str:
    return f"127.0.0.1:{postgresql.port}"


AS = {"user": SUPERUSER, "database": "postgres"}


async def test_postgresql_measures_a_real_server(look, target):
    result = await look("postgresql", target, **AS)
    assert result.state is State.OK, result.output
    assert 0 < value(result, "pg_connections_percent") < 100
    assert value(result, "pg_database_bytes") > 1_000_000
    assert value(result, "connect_seconds") < 5
    assert result.evidence["version"].startswith("15")


async def test_postgresql_sees_long_transactions_and_full_connections(look, postgresql, target):
    with psycopg.connect(host="127.0.0.1", port=postgresql.port, user=SUPERUSER, dbname="postgres") as held:
        held.execute("SELECT 1")
        time.sleep(0.3)
        result = await look("postgresql", target, transaction_warning="0.2", **AS)
        assert result.state is State.WARNING
        assert value(result, "pg_longest_transaction_seconds") > 0.2
    assert (await look("postgresql", target, connections_critical="0", **AS)).state is State.CRITICAL


async def test_postgresql_counts_new_deadlocks(look, postgresql, target, postgresql_url):
    name = postgresql_url.rsplit("/", 1)[-1]
    place = {"user": SUPERUSER, "database": name}
    first = await look("postgresql", target, **place)
    assert first.state is State.OK
    _deadlock(postgresql.port, name)
    for _ in range(50):
        result = await look("postgresql", target, **place)
        if result.state is not State.OK:
            break
        time.sleep(0.2)  # the server publishes its counters with a delay
    assert result.state is State.WARNING
    assert "死锁" in result.output


def _deadlock(port: int, name: str) -> None:
    def connect() -> psycopg.Connection:
        return psycopg.connect(host="127.0.0.1", port=port, user=SUPERUSER, dbname=name)

    with connect() as one, connect() as two:
        one.execute("CREATE TABLE d AS SELECT i FROM generate_series(1, 2) i")
        one.commit()
        one.execute("UPDATE d SET i = i WHERE i = 1")
        two.execute("UPDATE d SET i = i WHERE i = 2")
        failed = []

        def cross(connection: psycopg.Connection, row: int) -> None:
            try:
                connection.execute("UPDATE d SET i = i WHERE i = %s", [row])
            except psycopg.errors.DeadlockDetected:
                failed.append(row)
            connection.rollback()

        threads = [threading.Thread(target=cross, args=pair) for pair in ((one, 2), (two, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed


async def test_M_10_wrong_postgresql_credentials_are_unknown(look, postgresql, target):
    for wrong in ({"user": "stranger"}, {**AS, "database": "nowhere"}):
        result = await look("postgresql", target, password="hidden-word", **wrong)
        assert result.state is State.UNKNOWN, result.output
        assert "hidden-word" not in repr(result)


async def test_M_10_a_wrong_password_is_unknown(look, private_postgresql):
    with private_postgresql.connect() as connection:
        connection.execute("CREATE ROLE clerk LOGIN PASSWORD 'right'")
    hba = private_postgresql.data / "pg_hba.conf"
    hba.write_text("host all clerk 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
    private_postgresql.restart()
    place = f"127.0.0.1:{private_postgresql.port}"
    right = await look("postgresql", place, user="clerk", password="right", database="postgres")
    assert right.state is State.OK, right.output
    for password in ("wrong-one", ""):
        result = await look("postgresql", place, user="clerk", password=password, database="postgres")
        assert result.state is State.UNKNOWN, result.output
        assert "凭据" in result.output or "密码" in result.output


async def test_postgresql_that_is_killed_is_critical_and_comes_back(look, private_postgresql):
    place = f"127.0.0.1:{private_postgresql.port}"
    assert (await look("postgresql", place, **AS)).state is State.OK
    private_postgresql.kill9()
    result = await look("postgresql", place, **AS)
    assert result.state is State.CRITICAL
    assert "拒绝连接" in result.output
    private_postgresql.start()
    assert (await look("postgresql", place, **AS)).state is State.OK


def _is_full(port: int, held: list[psycopg.Connection]) -> bool:
    try:
        held.append(psycopg.connect(host="127.0.0.1", port=port, user="clerk", dbname="postgres"))
    except psycopg.OperationalError:
        return True
    return False


async def test_postgresql_all_connections_taken_is_critical(look, private_postgresql):
    place = f"127.0.0.1:{private_postgresql.port}"
    with private_postgresql.connect() as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
    held = []
    try:
        while not _is_full(private_postgresql.port, held):
            assert len(held) < 200
        result = await look("postgresql", place, user="clerk", database="postgres")
        assert result.state is State.CRITICAL
        assert "已满" in result.output
    finally:
        for connection in held:
            connection.close()


async def test_postgresql_behind_a_port_that_says_nothing_times_out(look):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = await look("postgresql", f"127.0.0.1:{listener.getsockname()[1]}", timeout_s=1.5, **AS)
    assert result.state is State.CRITICAL
    assert result.duration_s < 4
