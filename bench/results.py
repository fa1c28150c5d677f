"""Results of checks a second through `POST /api/v1/results`, judged and answered, token and disk included; on both databases.

Floor: 50,000 a second in batches of 1,000. Phases: the first results of all checks (each begins a state), a calm (all
is well, each with one number), and a storm (of each hundred checks three stand in trouble and say so in other words each
time, and one of three hundred falters). Beside it VictoriaMetrics takes the same numbers, which it does not judge.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from accounts.models import Unit
from bench import databases, load, peers
from bench.program import Program
from cmdb import service as cmdb
from core import clock
from core.db import make_engine, transaction
from monitor.models import Check, CheckState

CHECKS = int(os.environ.get("BENCH_RESULTS_CHECKS", "10000"))
TOTAL = int(os.environ.get("BENCH_RESULTS", "300000"))
BATCH = int(os.environ.get("BENCH_RESULTS_BATCH", "1000"))
CONNECTIONS = int(os.environ.get("BENCH_RESULTS_CONNECTIONS", "4"))
QUIET_WITHIN_S = int(os.environ.get("BENCH_QUIET", "90"))
PER_ITEM = 10


def checks(program: Program) -> list[int]:
    """Passive checks on machines of the province, ten each; returns their ids."""
    engine, now = make_engine(program.environment["TAXOPS_DATABASE_URL"]), clock.now()
    with transaction(engine) as session:
        unit = session.scalars(sa.select(Unit)).one()
        items = [
            cmdb.create_item(session, name=f"主机{n}", type_code="server", unit=unit, now=now)
            for n in range(-(-CHECKS // PER_ITEM))
        ]
        session.flush()
        ids = list(range(1, CHECKS + 1))
        session.execute(sa.insert(Check), [_check(n, items[(n - 1) // PER_ITEM].id, now) for n in ids])
        session.execute(sa.insert(CheckState), [_state(n) for n in ids])
    engine.dispose()
    return ids


def _check(n: int, item_id: int, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": n, "item_id": item_id, "type": "agent", "name": f"检查{n % PER_ITEM}", "target": "", "params": {}, "secrets": {},
        "active": False, "freshness_s": 86_400, "created_at": now, "version": 1,
    }  # fmt: skip


def _state(n: int) -> dict[str, Any]:
    return {
        "check_id": n,
        "attempt": 0,
        "output": "",
        "evidence": {},
        "digest": "",
        "reachable": True,
        "flapping": False,
    }


def batches(ids: list[int], rounds: range, begin: dt.datetime, *, storm: bool) -> Iterator[list[dict[str, Any]]]:
    for turn in rounds:
        at = (begin + dt.timedelta(seconds=turn)).isoformat().replace("+00:00", "Z")
        for start in range(0, len(ids), BATCH):
            yield [_result(n, turn, at, storm) for n in ids[start : start + BATCH]]


def _result(n: int, turn: int, at: str, storm: bool) -> dict[str, Any]:
    rtt = 10 + (n * 31 + turn * 7) % 90 / 10
    state, output = "ok", f"200 OK，{rtt} 毫秒"
    if storm and n % 100 < 3:
        state, output = "critical", f"超时：{5000 + (n + turn) % 97} 毫秒没有回答"
    elif storm and (n + turn) % 300 == 0:
        state, output = "warning", f"慢：{rtt} 毫秒"
    return {
        "check": n,
        "at": at,
        "state": state,
        "output": output,
        "samples": [{"metric": "rtt_ms", "value": rtt, "unit": "ms"}],
    }


def measure(name: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    with databases.url(name, folder) as url:
        program = Program(folder / "home", database_url=url)
        token = program.prepare()
        ids = checks(program)
        program.start()
        try:
            _phases(name, program, token, ids)
        finally:
            program.stop()


def _phases(name: str, program: Program, token: str, ids: list[int]) -> None:
    rounds = max(1, TOTAL // len(ids))
    begin = clock.now() - dt.timedelta(seconds=3 * rounds)
    for phase, turns, storm in (
        ("first", range(1), False),
        ("calm", range(1, 1 + rounds), False),
        ("into trouble", range(1 + rounds, 5 + rounds), True),
        ("storm", range(5 + rounds, 5 + 2 * rounds), True),
    ):
        requests = [
            load.post("/api/v1/results", {"results": batch}, token=token)
            for batch in batches(ids, turns, begin, storm=storm)
        ]
        _run(f"taxops on {name}, {phase}", program, requests, len(turns) * len(ids))
        _calm_down(program)


def _calm_down(program: Program) -> None:
    """Wait until what a phase left to be worked off (events, incidents) no longer takes a share in the next one's CPU."""
    assert program.process
    for _second in range(QUIET_WITHIN_S):
        before = peers.cpu_seconds(program.process.pid)
        time.sleep(1)
        if peers.cpu_seconds(program.process.pid) - before < 0.2:
            return


def _run(what: str, program: Program, requests: list[bytes], count: int) -> None:
    assert program.process
    pid, before = program.process.pid, _accepted(program)
    cpu, result = peers.cpu_seconds(pid), load.run(program.port, requests, connections=CONNECTIONS)
    used = peers.cpu_seconds(pid) - cpu
    assert set(result.statuses) == {200}, result.statuses
    taken = _accepted(program) - before
    print(
        f"{what:<34} {count / result.seconds:>9,.0f} results/s  CPU {used / count * 1e6:>7.1f} µs each (client "
        f"{result.client_cpu / count * 1e6:.1f})  p50 {result.quantile(0.5):.0f} p99 {result.quantile(0.99):.0f} ms  "
        f"taken {taken / count:.1%}  {peers.resident_mib(pid):.0f} MiB",
        flush=True,
    )


def _accepted(program: Program) -> float:
    text = httpx.get(f"{program.url}/metrics").text
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("taxops_results_accepted_total"))


def victoria(folder: Path) -> None:
    """The same numbers, one request a batch; not synced, not judged, nobody asked who he is."""
    from tests.servers.victoria import VictoriaMetrics

    requests = []
    for batch in batches(
        list(range(1, CHECKS + 1)), range(max(1, TOTAL // CHECKS)), clock.now() - dt.timedelta(hours=1), storm=False
    ):
        text = "".join(
            f'rtt_ms{{check="{r["check"]}"}} {r["samples"][0]["value"]} '
            f"{int(dt.datetime.fromisoformat(r['at']).timestamp() * 1000)}\n"
            for r in batch
        ).encode()
        head = f"POST /api/v1/import/prometheus HTTP/1.1\r\nHost: {load.HOST}\r\nContent-Length: {len(text)}\r\n\r\n"
        requests.append(head.encode() + text)
    server = VictoriaMetrics(folder).start()
    try:
        result = load.run(int(server.url.rpartition(":")[2]), requests, connections=CONNECTIONS)
        print(
            f"{'VictoriaMetrics, numbers only':<34} {len(requests) * BATCH / result.seconds:>9,.0f} numbers/s  p99 {result.quantile(0.99):.0f} ms"
        )
    finally:
        server.stop(60)


def main() -> None:
    print(json.dumps({"checks": CHECKS, "results": TOTAL, "batch": BATCH, "connections": CONNECTIONS}))
    with tempfile.TemporaryDirectory() as folder:
        for name in databases.WANTED:
            measure(name, Path(folder) / name)
        victoria(Path(folder) / "victoria")
