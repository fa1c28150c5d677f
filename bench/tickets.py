"""Incidents a second through the API, each with all that belongs to it (custody, readers, clocks, routing, audit, outbox).

Beside Request Tracker 5 by session cookie in the same run; floor: 8 times its rate. taxops asks for a token and is
durable before it answers; what is told afterwards (search, notices) is worked off meanwhile by the same process.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from bench import databases, load, peers
from bench.program import Program
from bench.request_tracker import request_tracker

COUNT = int(os.environ.get("BENCH_TICKETS", "1000"))
PEER = int(os.environ.get("BENCH_TICKETS_PEER", "200"))
CONNECTIONS = int(os.environ.get("BENCH_TICKETS_CONNECTIONS", "2"))
BATCHES = (1, 10, 100)
TEXT = "三楼打印机无法打印，提示卡纸。" * 10


def ticket(n: int) -> dict[str, Any]:
    """As an operator's script would file it."""
    return {"kind": "incident", "title": f"打印机故障 {n}", "category": "desktop", "description": TEXT, "unit": "61"}


def peer_ticket(n: int) -> dict[str, Any]:
    return {
        "Queue": "General", "Subject": f"打印机故障 {n}", "Content": TEXT, "ContentType": "text/plain",
        "Requestor": f"user{n % 40}@example.test", "Priority": n % 5,
    }  # fmt: skip


def of_peer(folder: Path) -> float:
    """Tickets a second of Request Tracker, one a request, which is all its REST takes."""
    with request_tracker(folder) as (port, pid, headers):
        path = "/REST/2.0/ticket"
        load.run(port, [load.post(path, peer_ticket(n), headers=headers) for n in range(10)], connections=2)
        before = peers.cpu_seconds(pid)
        requests = [load.post(path, peer_ticket(n), headers=headers) for n in range(PEER)]
        result = load.run(port, requests, connections=2)  # as many as it has workers: more would wait
        assert set(result.statuses) == {201}, result.statuses
        cpu = (peers.cpu_seconds(pid) - before) / PEER * 1000
        rate = PEER / result.seconds
        print(
            f"Request Tracker 5, 1 a request: {rate:,.1f} a second, p50 {result.quantile(0.5):.0f} ms, {cpu:.0f} ms CPU"
        )
    return rate


def of_taxops(folder: Path, database: str, batch: int) -> tuple[float, float, float]:
    """(tickets a second, p50 in ms, CPU ms a ticket with what follows it) of a fresh taxops."""
    folder.mkdir(parents=True)
    with databases.url(database, folder) as url:
        program = Program(folder / "home", database_url=url)
        token = program.prepare()
        program.start()
        assert program.process
        try:
            requests = []
            for first in range(0, COUNT, batch):
                some = [ticket(n) for n in range(first, first + batch)]
                requests.append(load.post("/api/v1/tickets", some[0] if batch == 1 else {"items": some}, token=token))
            load.run(program.port, requests[:4], connections=2)
            before = peers.cpu_seconds(program.process.pid)
            result = load.run(program.port, requests, connections=CONNECTIONS)
            assert set(result.statuses) == {201}, result.statuses
            cpu = (peers.cpu_seconds(program.process.pid) - before) / COUNT * 1000
            return COUNT / result.seconds, result.quantile(0.5), cpu
        finally:
            program.stop()


def main() -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        peer = of_peer(folder / "rt")
        for database in databases.WANTED:
            for batch in BATCHES:
                rate, p50, cpu = of_taxops(folder / f"{database}-{batch}", database, batch)
                print(
                    f"taxops on {database}, {batch} a request: {rate:,.0f} a second, p50 {p50:.0f} ms, {cpu:.1f} ms CPU a ticket"
                    f"  ratio {rate / peer:.1f}×",
                    flush=True,
                )
