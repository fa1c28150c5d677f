"""The program as its user starts it: it answers, dies, comes back with its state, and stops cleanly."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guards import source
from tests.servers.base import HOST, SERVER_PATH, Daemon, answers, free_port, wait_until
from tests.servers.postgresql import PostgreSQL
from tests.servers.taxops import TaxopsServer

pytestmark = pytest.mark.slow
Make = Callable[..., TaxopsServer]


def test_it_answers_dies_and_comes_back_with_its_state(taxops_server: Make) -> None:
    server = taxops_server().start()
    assert server.readiness()[1]["dependencies"]["database"]["ok"] is True
    secret = (server.state / "secret.key").read_bytes()
    server.kill9()
    with pytest.raises(OSError, match="refused"):
        server.readiness()
    server.start()
    assert (server.state / "secret.key").read_bytes() == secret


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_when_asked(taxops_server: Make, with_signal: signal.Signals) -> None:
    server = taxops_server().start()
    assert server._end(with_signal, seconds=15) == 0
    log = server.log_tail(200)
    assert "Traceback" not in log
    assert '"level": "error"' not in log


def test_it_runs_on_postgresql_and_says_when_that_is_gone(taxops_server: Make, private_postgresql: PostgreSQL) -> None:
    server = taxops_server(database_url=private_postgresql.create_database()).start()
    assert server.readiness()[1]["dependencies"]["database"]["detail"] == "postgresql"
    private_postgresql.kill9()
    status, body = server.readiness()
    assert status == 503
    assert body["dependencies"]["database"]["ok"] is False
    with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as answer:
        assert answer.status == 200, "alive all the same"
    private_postgresql.start()
    wait_until(server.is_ready, "taxops to find its database again")


def test_two_on_one_port_are_refused_in_words(taxops_server: Make) -> None:
    first = taxops_server("first").start()
    second = taxops_server("second", port=first.port)
    second.launch()
    wait_until(lambda: not second.alive(), "the second to give up")
    assert second.stop() == 2
    assert "TAXOPS_BIND" in second.log_tail()
    assert "Traceback" not in second.log_tail()
    assert first.is_ready()


def test_the_state_is_closed_to_other_accounts(taxops_server: Make) -> None:
    server = taxops_server().start()
    assert (server.state / "secret.key").stat().st_mode & 0o077 == 0
    assert server.state.stat().st_mode & 0o077 == 0


class MakeRun(Daemon):
    """`make run` in the checkout, with its state elsewhere."""

    name = "make-run"
    start_seconds = 180.0

    def command(self) -> list[str]:
        return ["make", "-C", str(source.ROOT), "run", f"PORT={self.port}", f"TAXOPS_HOME={self.home / 'state'}"]

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PATH": SERVER_PATH}

    def is_ready(self) -> bool:
        return answers(f"http://{HOST}:{self.port}/readyz")


@pytest.mark.timeout(300)
def test_make_run_answers_within_five_seconds_the_second_time_and_ctrl_c_stops_it(tmp_path: Path) -> None:
    installed = Path(source.ROOT / ".venv/.installed-run")
    if not installed.exists():
        subprocess.run(["tools/install-python", "run"], cwd=source.ROOT, check=True)
    server = MakeRun(tmp_path, port=free_port())
    took = []
    for _ in range(4):
        began = time.monotonic()
        server.start()
        took.append(time.monotonic() - began)
        subprocess.run(["kill", "-INT", "--", f"-{server.pid}"], check=True)  # the terminal's Ctrl-C reaches the group
        wait_until(lambda: not server.alive(), "make run to end", seconds=20)
        server.stop()
    # Five seconds where a core is free; with three times as many wanting to run as there are cores, three times that.
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert min(took[1:]) < 5 * crowd, (took, crowd)
    log = server.log_tail(400)
    assert f"http://{HOST}:{server.port}" in log
    assert "Traceback" not in log
    with sqlite3.connect(tmp_path / "state" / "taxops.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
