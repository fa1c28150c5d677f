"""The clock of the program's machine is set an hour forward and back while it runs: nothing is told twice, late or not at all.

libfaketime shifts the wall clock of this one process; what has elapsed since it started (CLOCK_BOOTTIME) stays.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from accounts.models import Person, Team, Unit
from app.run.clockwatch import BOOT_S
from core.db import make_engine, transaction
from escalation.oncall.models import Policy
from tests.chaos.load import Client
from tests.chaos.mails import check_mails
from tests.chaos.province import settle
from tests.faults.conftest import Note
from tests.faults.load import Load
from tests.faults.person import Visitor
from tests.servers.base import require_program, wait_until
from tests.servers.nursery import Nursery
from tests.servers.smtp import SmtpServer
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
HOUR = 3600
PAGES_IN_S = 12


class ShiftedTaxops(TaxopsServer):
    """`taxops run` whose wall clock can be set."""

    name = "shifted-taxops"
    born_of_nursery = False  # the library is loaded at a program's start

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "LD_PRELOAD": require_program("libfaketime", globs=(LIBRARY,)),
            "FAKETIME_TIMESTAMP_FILE": str(self.home / "clock"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # nothing monotonic is faked, so no wait has to be mended
            "NO_FAKE_STAT": "1",
        }

    def set_clock(self, seconds: int) -> None:
        """The wall clock from now on, against the true one."""
        new = self.home / "clock.new"
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.home / "clock")


class Chain:
    """The paging of one incident, in the program's database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with sqlite3.connect(self._path, timeout=20) as database:
            return database.execute(sql, values).fetchall()

    def pages(self) -> int:
        return int(str(self.ask("SELECT count(*) FROM paging_entry WHERE what = 'paged'")[0][0]))

    def due_in(self, seconds: int, shift: int) -> None:
        """The next step so many seconds from now, by the program's clock."""
        at = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(time.time() + shift + seconds))
        self.ask("UPDATE paging_chain SET next_at = ?", at)

    def jumps(self) -> int:
        return int(str(self.ask("SELECT count(*) FROM clock_jump")[0][0]))


def write_policy(url: str) -> None:
    """Three people of one county, one after the other."""
    engine = make_engine(url)
    with transaction(engine) as session:
        who = [
            session.scalars(sa.select(Person.id).where(Person.login == login)).one()
            for login in ("zz-engineer", "zz-head", "xa-head")
        ]
        session.add(
            Policy(
                code="zz",
                name="周至",
                unit_id=session.scalars(sa.select(Unit.id).where(Unit.code == "610124")).one(),
                team_id=session.scalars(sa.select(Team.id).where(Team.code == "X-ZZ")).one(),
                steps=[{"delay_minutes": 30, "targets": [{"kind": "person", "id": each}]} for each in who],
                loops=0,
                max_priority=5,
            )
        )
    engine.dispose()


def test_the_clock_is_set_an_hour_forward_and_back(
    tmp_path: Path, nursery: Nursery, smtp: SmtpServer, note: Note
) -> None:
    # on a machine that has only just started a jump is the clock being set, and moves nothing
    up = BOOT_S - time.clock_gettime(time.CLOCK_BOOTTIME)
    wait_until(
        lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > BOOT_S,
        "a machine that has been up a while",
        seconds=max(1, up + 1),
    )
    server = ShiftedTaxops(
        tmp_path / "taxops",
        settings={"TAXOPS_SMTP_URL": smtp.url, "TAXOPS_MAIL_FROM": "ops@taxops.test"},
        nursery=nursery,
    )
    server.set_clock(0)
    token = settle(server)
    url = f"sqlite:///{server.state / 'taxops.db'}"
    write_policy(url)
    chain = Chain(server.state / "taxops.db")
    with server:
        with Load([server.port], token, "clock") as load:
            person = Visitor(server.port, url)
            with Client(server.port, token) as client:
                body = {
                    "kind": "incident",
                    "title": "专线中断",
                    "category": "wan",
                    "unit": "610124",
                    "reporter": "zz-clerk",
                }
                assert client.call("POST", "/tickets", body, "paged").status == 201
            wait_until(lambda: chain.pages() == 1, "the first page", seconds=60, every=0.3)
            seen = {}
            shift = 0
            for number, (to, word) in enumerate(((HOUR, "forward"), (0, "back")), 1):
                chain.due_in(PAGES_IN_S, shift)
                set_at = time.monotonic()
                server.set_clock(to)
                shift = to
                wait_until(
                    lambda number=number: chain.jumps() == number,
                    f"the jump {word} to be followed",
                    seconds=40,
                    every=0.3,
                )
                seen[f"{word}_followed_s"] = time.monotonic() - set_at
                assert chain.pages() == number, "nothing is told early"
                page = person.opens("/desk/mine")
                assert page.status == 200, "the session lives"
                seen[f"{word}_well_s"] = load.wait_well("tickets and alerts to be taken", since=set_at)
                wait_until(
                    lambda number=number: chain.pages() == number + 1,
                    "the next page",
                    seconds=PAGES_IN_S + 20,
                    every=0.3,
                )
                seen[f"{word}_paged_after_s"] = time.monotonic() - set_at
                assert f"set {word} by 60 minutes" in server.run("doctor", check=False).stdout
            note(**seen)
        check_mails(smtp, [each.number for each in load.done if each.number], seconds=60)
    assert load.refusals() == []
    load.check(url)
    assert chain.ask("SELECT count(*) FROM alert WHERE resolved_at IS NOT NULL") == [(0,)], "none ended by the jump"
    assert chain.pages() == 3, "each step once"
