"""Alerts a second through the whole program, token and disk included, beside Alertmanager and Alerta in the same run.

Floors: one a request 0.25 of Alertmanager and 40 times Alerta; 100 a request 0.5 of Alertmanager for new ones, 2 for
repeats. Alertmanager keeps them in memory and asks nobody who he is; Alerta is measured without sign-in and plug-ins.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from bench import databases, load, peers
from bench.program import Program

ONE = int(os.environ.get("BENCH_ALERTS_ONE", "6000"))
MANY = int(os.environ.get("BENCH_ALERTS_MANY", "30000"))
ALERTA = int(os.environ.get("BENCH_ALERTS_ALERTA", "600"))
ACTIVE = int(os.environ.get("BENCH_ALERTS_ACTIVE", "50000"))
CONNECTIONS = [int(n) for n in os.environ.get("BENCH_CONNECTIONS", "8,64").split(",")]
BATCH = 100
Target = Callable[[Path], AbstractContextManager[tuple[int, int, str | None]]]


def alert(n: int) -> dict[str, Any]:
    """As the exporters of a province send them."""
    return {
        "labels": {
            "alertname": f"Check{n % 50}", "instance": f"host{n // 50:04d}.example:9100",
            "severity": ("critical", "warning", "info")[n % 3], "service": f"svc{n % 20}",
        },
        "annotations": {"summary": f"host{n // 50} 检查 {n % 50} 异常", "description": "cpu usage is above threshold for 5 minutes"},
        "generatorURL": "http://127.0.0.1/x",
    }  # fmt: skip


def alerta_alert(n: int) -> dict[str, Any]:
    return {
        "environment": "Production", "event": f"Check{n % 50}", "resource": f"host{n // 50:04d}.example", "severity": "minor",
        "service": [f"svc{n % 20}"], "text": f"host{n // 50} 检查 {n % 50} 异常", "origin": "bench",
    }  # fmt: skip


@contextmanager
def alertmanager(folder: Path) -> Iterator[tuple[int, int, str | None]]:
    with peers.alertmanager(folder) as (port, pid):
        yield port, pid, None


def taxops(name: str) -> Target:
    @contextmanager
    def start(folder: Path) -> Iterator[tuple[int, int, str | None]]:
        folder.mkdir(parents=True)
        with databases.url(name, folder) as url:
            program = Program(folder / "home", database_url=url)
            token = program.prepare()
            program.start()
            assert program.process
            try:
                yield program.port, program.process.pid, token
            finally:
                program.stop()

    return start


def measure(start: Target, folder: Path, count: int, batch: int, connections: int) -> dict[str, float]:
    """Alerts a second, new and again, of one fresh server."""
    found: dict[str, float] = {}
    with start(folder) as (port, pid, token):
        requests = [
            load.post("/api/v2/alerts", [alert(n) for n in range(i, i + batch)], token=token)
            for i in range(0, count, batch)
        ]
        for phase in ("new", "again"):
            before, result = peers.cpu_seconds(pid), load.run(port, requests, connections=connections)
            assert set(result.statuses) == {200}, result.statuses
            found[phase] = count / result.seconds
            found[f"{phase} cpu µs"] = (peers.cpu_seconds(pid) - before) / count * 1e6
            found[f"{phase} p99 ms"] = result.quantile(0.99)
            found[f"{phase} client µs"] = result.client_cpu / count * 1e6
        found["MiB"] = peers.resident_mib(pid)
    return found


def show(name: str, found: dict[str, float]) -> None:
    print(f"{name:<44} " + "  ".join(f"{key} {value:,.0f}" for key, value in found.items()), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for connections in CONNECTIONS:
            for count, batch in ((ONE, 1), (MANY, BATCH)):
                beside(folder / f"{connections}-{batch}", count, batch, connections)
        with_alerta(folder / "alerta")
        memory(folder / "memory")


def beside(folder: Path, count: int, batch: int, connections: int) -> None:
    """Alertmanager, then taxops on each database, and the ratio."""
    what = f"{batch} a request, {connections} connections"
    peer = measure(alertmanager, folder / "am", count, batch, connections)
    show(f"Alertmanager, {what}", peer)
    for name in databases.WANTED:
        ours = measure(taxops(name), folder / name, count, batch, connections)
        show(f"taxops on {name}, {what}", ours)
        print(f"  ratio: new {ours['new'] / peer['new']:.2f}×, again {ours['again'] / peer['again']:.2f}×", flush=True)


def with_alerta(folder: Path) -> None:
    """One a request, as that is all Alerta takes."""
    requests = [load.post("/alert", alerta_alert(n)) for n in range(ALERTA)]
    with peers.alerta(folder / "alerta") as (port, pid):
        rates = []
        for _phase in ("new", "again"):
            result = load.run(port, requests, connections=8)
            assert set(result.statuses) <= {200, 201}, result.statuses
            rates.append(ALERTA / result.seconds)
        print(
            f"Alerta on PostgreSQL, 1 a request: new {rates[0]:,.0f}, again {rates[1]:,.0f} a second, {peers.resident_mib(pid):.0f} MiB"
        )
    ours = measure(taxops(databases.WANTED[0]), folder / "taxops", ONE, 1, CONNECTIONS[0])
    print(f"  ratio: new {ours['new'] / rates[0]:.0f}×, again {ours['again'] / rates[1]:.0f}×", flush=True)


def memory(folder: Path) -> None:
    """Resident memory with many alerts open, and how long the incidents of a storm take."""
    requests: list[bytes] = []
    with taxops(databases.WANTED[0])(folder) as (port, pid, token):
        print(f"taxops, no alert: {peers.resident_mib(pid):.0f} MiB")
        for i in range(0, ACTIVE, 1000):
            batch = [{**alert(n), "labels": {**alert(n)["labels"], "severity": "info"}} for n in range(i, i + 1000)]
            requests.append(load.post("/api/v2/alerts", batch, token=token))
        for _again in range(2):
            load.run(port, requests, connections=4)
        time.sleep(5)
        print(f"taxops, {ACTIVE:,} active alerts: {peers.resident_mib(pid):.0f} MiB", flush=True)
