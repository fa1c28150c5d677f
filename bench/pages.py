"""p50 and p95 of each page, as its reader calls it, with the demo province and 10,000 tickets. Peer of the floor: 100 ms."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench import databases
from bench.program import Program

TICKETS = int(os.environ.get("BENCH_TICKETS", "10000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "60"))
#: Seconds between the start and the first round: the index of 10,000 tickets and the first checks are done by then.
WARM_S = float(os.environ.get("BENCH_WARM_S", "60"))
FLOOR_MS = 100
PAGES = {
    "county-clerk": ("/desk/report", "/desk/mine", "/kb", "/notices", "/search?q=打印机", "/inbox", "/services"),
    "county-engineer": ("/desk/work", "/desk/tickets?open=true", "/alerts"),
    "province-engineer": (
        "/desk/work", "/desk/triage", "/desk/tickets", "/desk/tickets?open=true", "/desk/tickets?q=打印机", "TICKET", "/alerts", "/checks",
        "/items", "ITEM", "/services", "/oncall", "/search?q=ORA-01653", "/kb",
    ),
    "leader": ("/overview", "/overview/trend.json"),
    "vendor": ("/vendor",),
    "wall": ("/wall",),
    "security-admin": ("/admin/units", "/admin/people", "/admin/teams"),
    "audit-admin": ("/admin/audit",),
    "system-admin": ("/admin/deliveries", "/admin/channels"),
}  # fmt: skip


def timed(client: httpx.Client, path: str) -> tuple[list[float], int]:
    """Milliseconds of each round, after two that warm up, and the status."""
    status = 0
    found = []
    for n in range(ROUNDS + 2):
        began = time.perf_counter()
        answer = client.get(path)
        took = (time.perf_counter() - began) * 1000
        status = answer.status_code
        if n >= 2:
            found.append(took)
    return found, status


def newest(client: httpx.Client, listing: str, prefix: str) -> str:
    """The first link with this prefix on a list page."""
    text = client.get(listing).text
    start = text.index(f'href="{prefix}')
    return text[start + 6 : text.index('"', start + 6)].replace("&amp;", "&")


STAND_INS: dict[str, Callable[[httpx.Client], str]] = {
    "TICKET": lambda client: newest(client, "/desk/tickets?open=true", "/desk/tickets/INC-"),
    "ITEM": lambda client: newest(client, "/items", "/items/1"),
}


def main() -> None:
    for name in databases.WANTED:
        with tempfile.TemporaryDirectory() as folder, databases.url(name, Path(folder)) as url:
            print(f"## {name}")
            run(Program(Path(folder) / "home", database_url=url))


def run(program: Program) -> None:
    """Load the province, start, measure, stop."""
    began = time.monotonic()
    program.command("demo", "load", "--tickets", str(TICKETS))
    print(f"demo province with {TICKETS} tickets loaded in {time.monotonic() - began:.1f} s")
    print(f"started in {program.start():.2f} s")
    time.sleep(WARM_S)  # the first index and the first checks are done
    try:
        measure(program)
        print(f"PSS of all processes {program.pss_mib():.0f} MiB")
    finally:
        program.stop()


def measure(program: Program) -> None:
    people = program.people()
    print(f"{'role':<18} {'page':<34} {'status':>6} {'p50 ms':>8} {'p95 ms':>8} {'floor/p95':>9}")
    for role, paths in PAGES.items():
        client = program.browser(*people[role])
        for name in paths:
            path = STAND_INS[name](client) if name in STAND_INS else name
            took, status = timed(client, path)
            p95 = statistics.quantiles(took, n=20)[-1]
            print(
                f"{role:<18} {path:<34} {status:>6} {statistics.median(took):>8.1f} {p95:>8.1f} {FLOOR_MS / p95:>8.1f}×",
                flush=True,
            )
        client.close()
