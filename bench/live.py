"""Open `/live` connections: how many, how much memory each, how soon a change is told.

Real sessions of people of the demo, ten pages each, over TCP, each with a right to read the whole province. What is told
is real too: a clerk reports a matter, and the time runs from the answer to the report until each page hears of it first,
so the outbox and its relay are in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from bench.program import Program
from core import clock
from core.db import make_engine, transaction

COUNTS = [int(n) for n in os.environ.get("BENCH_LIVE", "250,1000").split(",")]
A_PERSON = 10
EVENTS = 30


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536) if hard > 0 else 65_536, hard))
    with tempfile.TemporaryDirectory() as folder:
        program = Program(Path(folder) / "home")
        program.command("demo", "load")
        cookies = signed_in(f"sqlite:///{folder}/home/taxops.db", -(-max(COUNTS) // A_PERSON))
        program.start()
        try:
            time.sleep(float(os.environ.get("BENCH_WARM_S", "30")))
            asyncio.run(measure(program, cookies))
        finally:
            program.stop()


def signed_in(url: str, people: int) -> list[str]:
    """Cookies of that many people's sessions, the province's own first, so that they hear of the whole province."""
    import sqlalchemy as sa

    from accounts.models import Grant, Person, Unit, UnitLevel
    from accounts.signin import service

    engine, cookies = make_engine(url), []
    with transaction(engine) as session:
        province = session.scalars(sa.select(Unit).where(Unit.level == UnitLevel.PROVINCE)).first()
        assert province is not None
        for person in session.scalars(sa.select(Person).where(Person.active).order_by(Person.id).limit(people)).all():
            session.add(
                Grant(
                    person_id=person.id,
                    role_code="leader",
                    unit_id=province.id,
                    valid_from=clock.now(),
                    valid_until=None,
                )
            )
            person.access_version += 1
            cookies.append(
                service.begin(session, person, address="127.0.0.1", user_agent="bench", now=clock.now()).token
            )
    engine.dispose()
    return cookies


class Page:
    """One open connection; `heard` holds the moments of its changes."""

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self, port: int, cookie: str) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 14)
        request = f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: taxops_session={cookie}\r\n\r\n"
        self.writer.write(request.encode())
        status = await asyncio.wait_for(self.reader.readline(), 60)
        assert b" 200 " in status, status
        while b"hello" not in await asyncio.wait_for(self.reader.readline(), 60):
            pass

    async def listen(self) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await self.reader.readline():
                if line.startswith(b"event: change"):
                    self.heard.append(time.perf_counter())


async def measure(program: Program, cookies: list[str]) -> None:
    login, password = (await asyncio.to_thread(program.people))["county-clerk"]
    browser = await asyncio.to_thread(program.browser, login, password)
    before, pages, listening = program.pss_mib(), [], []
    print(
        f"{'open':>6} {'opened/s':>9} {'KiB each':>9} {'told p50 ms':>12} {'p95 ms':>8} {'max ms':>8}  (from the answer to the report)"
    )
    for count in COUNTS:
        began, already = time.perf_counter(), len(pages)
        while len(pages) < count:
            some = [(Page(), cookies[(len(pages) + n) // A_PERSON]) for n in range(min(20, count - len(pages)))]
            await asyncio.gather(*(page.open(program.port, cookie) for page, cookie in some))
            pages += [page for page, _cookie in some]
            listening += [asyncio.create_task(page.listen()) for page, _cookie in some]
        rate = (count - already) / (time.perf_counter() - began)
        await asyncio.sleep(20)  # one round of keep-alives
        each = (program.pss_mib() - before) * 1024 / len(pages)
        told = await changes(browser, pages)
        print(
            f"{count:>6} {rate:>9.0f} {each:>9.1f} {statistics.median(told) * 1000:>12.0f} "
            f"{statistics.quantiles(told, n=20)[-1] * 1000:>8.0f} {max(told) * 1000:>8.0f}",
            flush=True,
        )
    for task in listening:
        task.cancel()
    for page in pages:
        page.writer.close()


def report(browser: httpx.Client, number: int) -> float:
    """Report a matter; returns the moment of the answer."""
    form = browser.get("/desk/report").text
    hidden = {name: field(form, name) for name in ("csrf_token", "key")}
    answer = browser.post("/desk/report", data={**hidden, "text": f"打印机第 {number} 次卡纸", "category": "desktop"})
    assert answer.status_code == 303, answer.text[:2000]
    return time.perf_counter()


def field(form: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', form)
    assert found, name
    return found[1]


async def changes(browser: httpx.Client, pages: list[Page]) -> list[float]:
    """Seconds from each change's answer to each page's hearing of it first."""
    told: list[float] = []
    for number in range(EVENTS):
        for page in pages:
            page.heard.clear()
        at = await asyncio.to_thread(report, browser, number)
        for _again in range(200):
            if all(page.heard for page in pages):
                break
            await asyncio.sleep(0.02)
        missing = sum(not page.heard for page in pages)
        assert not missing, f"{missing} pages were not told within four seconds"
        told += [max(0.0, page.heard[0] - at) for page in pages]
        await asyncio.sleep(0.3)
    return told
