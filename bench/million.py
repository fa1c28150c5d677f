"""p50 and p95 of lists, ticket, board, search and homes over a history of 1,000,000 tickets. Peer of the floor: 50 ms.

One client at a time. Beside the time by the clock stands the CPU a request took, of the program and of its database: on a
machine with other work, the clock tells of that. `BENCH_TICKETS` sets the size; `BENCH_KEEP` names a folder in which
what was loaded is kept for the next run; `BENCH_POSTGRESQL_URL` a database that is loaded already. The index of so many
takes long to build and is waited for: `BENCH_INDEX_S` seconds at most, then the pages that need it tell what they cost
without it.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psutil
import sqlalchemy as sa

from bench import databases, peers
from bench.program import Program
from core.db import make_engine
from servicedesk.tickets.models import Ticket
from web.paging import encode

TICKETS = int(os.environ.get("BENCH_TICKETS", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "40"))
INDEX_S = float(os.environ.get("BENCH_INDEX_S", "7200"))
FLOOR_MS = 50
WARM = 3
LISTS = ("county-engineer", "province-engineer", "leader")
WORDS = ("打印机", "ORA-01653", "网上申报 提交失败", "量子纠缠")


def pages(client: httpx.Client, role: str, deep: str, longest: str) -> Iterator[tuple[str, str]]:
    """What somebody of this role opens, as (name, path)."""
    homes = {"county-clerk": "/desk/mine", "county-engineer": "/desk/work", "province-engineer": "/desk/work"}
    yield "home", homes.get(role, "/overview")
    if role in LISTS:
        tabs = re.findall(r'href="(/desk/tickets\?view=[^"]+)"', client.get("/desk/filters/tabs?view=all").text)
        for tab in dict.fromkeys(tab.replace("&amp;", "&") for tab in tabs):
            yield f"list {re.findall('view=([^&]+)', tab)[0]}", tab
        yield "list, counts", "/desk/filters/tabs?view=all"
        yield "list, deep", f"/desk/tickets?{urlencode({'view': 'all', 'cursor': deep})}"
        for word in WORDS:
            yield f"list q={word}", f"/desk/tickets?{urlencode({'view': 'all', 'q': word})}"
        yield "list q, open", f"/desk/tickets?{urlencode({'q': WORDS[0], 'open': 'true'})}"
        newest = re.search(r'href="(/desk/tickets/INC-[^"]+)"', client.get("/desk/tickets?view=all").text)
        if newest:
            yield "ticket", newest[1]
            yield "ticket, similar", f"{newest[1]}/similar"
    if role == "province-engineer":
        yield "ticket, longest", f"/desk/tickets/{longest}"
    if role in {"county-engineer", "province-engineer"}:
        yield "board", "/desk/triage"
    for word in WORDS:
        yield f"search {word}", f"/search?{urlencode({'q': word})}"


def main() -> None:
    """Each database in turn."""
    for name in databases.WANTED:
        with _home(name) as (folder, url):
            print(f"## {name}")
            run(Program(folder / "home", database_url=url))


@contextlib.contextmanager
def _home(name: str) -> Iterator[tuple[Path, str]]:
    with contextlib.ExitStack() as stack:
        kept = os.environ.get("BENCH_KEEP")
        folder = Path(kept) / name if kept else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "home").mkdir(parents=True, exist_ok=True)
        given = os.environ.get("BENCH_POSTGRESQL_URL") if name == "postgresql" else None
        yield folder, given or stack.enter_context(databases.url(name, folder / "home"))


def run(program: Program) -> None:
    """Load what is missing, start, measure, stop."""
    began, before = time.monotonic(), _of_children()
    told = program.command("demo", "load", "--tickets", str(TICKETS))
    print(
        f"{told.strip()}; {time.monotonic() - began:.0f} s, {_of_children() - before:.0f} s of CPU without the database's own"
    )
    engine = make_engine(program.environment["TAXOPS_DATABASE_URL"])
    with engine.connect() as connection:
        middle, ident, longest = _places(connection)
        server = _server(connection)
    engine.dispose()
    print(f"started in {program.start():.2f} s")
    try:
        _await_index(program)
        measure(program, server, deep=encode([middle, ident]), longest=longest)
        print(f"PSS of all processes {program.pss_mib():.0f} MiB")
    finally:
        program.stop()


def _places(connection: sa.Connection) -> tuple[object, int, str]:
    """A place in the middle of the list (when, id), and the number of the ticket with the longest story."""
    middle = sa.select(Ticket.opened_at, Ticket.id).where(Ticket.id >= TICKETS // 2).order_by(Ticket.id).limit(1)
    longest = sa.select(Ticket.number).order_by(Ticket.facts.desc()).limit(1)
    at, ident = connection.execute(middle).one()
    return at, ident, connection.execute(longest).scalar_one()


def _of_children() -> float:
    used = os.times()
    return used.children_user + used.children_system


def _await_index(program: Program) -> None:
    began = time.monotonic()
    folder = Path(program.environment["TAXOPS_HOME"]) / "search"
    while time.monotonic() - began < INDEX_S:
        current = folder / "current"
        if current.exists() and not current.read_text().endswith("-empty"):
            print(f"index built {time.monotonic() - began:.0f} s after the start")
            return
        time.sleep(1)
    print("the index is not built yet")


def _server(connection: sa.Connection) -> int | None:
    """The pid of PostgreSQL, where it runs on this machine."""
    if connection.dialect.name != "postgresql":
        return None
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()).parent()
        return parent.pid if parent else None
    return None


def measure(program: Program, server: int | None, *, deep: str, longest: str) -> None:
    """Every page of every role."""
    people = program.people()
    print(
        f"{'role':<18} {'page':<28} {'status':>6} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7} {'database':>8} {'floor/p95':>9}"
    )
    for role in ("county-clerk", *LISTS):
        client = program.browser(*people[role])
        for name, path in list(pages(client, role, deep, longest)):
            took, status, own, servers = _timed(program, server, client, path)
            p95 = statistics.quantiles(took, n=20)[-1]
            print(
                f"{role:<18} {name:<28} {status:>6} {statistics.median(took):>7.1f} {p95:>7.1f} {own:>7.1f} {servers:>8.1f}"
                f" {FLOOR_MS / p95:>8.1f}×",
                flush=True,
            )
        client.close()


def _timed(
    program: Program, server: int | None, client: httpx.Client, path: str
) -> tuple[list[float], int, float, float]:
    """Milliseconds of each round, the status, and CPU milliseconds a round of the program and of PostgreSQL."""
    if program.process is None:
        raise RuntimeError("the program does not run")
    pids = (program.process.pid, server)
    status, found = 0, []
    for _ in range(WARM):
        status = client.get(path).status_code
    before = [peers.cpu_seconds(pid) if pid else 0.0 for pid in pids]
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path)
        found.append((time.perf_counter() - began) * 1000)
    after = [peers.cpu_seconds(pid) if pid else 0.0 for pid in pids]
    own, servers = ((b - a) / ROUNDS * 1000 for a, b in zip(before, after, strict=True))
    return found, status, own, servers
