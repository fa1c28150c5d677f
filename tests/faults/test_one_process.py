"""The embedded default under load: no room on its disk, a refusing mail server, no search, a second program, a kill."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.mails import check_mails
from tests.chaos.province import settle
from tests.faults.conftest import Note
from tests.faults.load import Load
from tests.faults.person import SECRETS, Visitor
from tests.servers.base import HOST, free_port, wait_until
from tests.servers.nursery import Nursery
from tests.servers.smtp import SmtpServer
from tests.servers.taxops import TaxopsServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Make = Callable[..., TaxopsServer]
MIB = 1024 * 1024


class Program:
    """A started program, the token of its load and a person at it."""

    def __init__(self, server: TaxopsServer) -> None:
        self.server = server
        self.token = settle(server)
        self.url = f"sqlite:///{server.state / 'taxops.db'}"
        server.start()
        self.person = Visitor(server.port, self.url)
        self.person.prepares()

    def doctor(self) -> str:
        return self.server.run("doctor", check=False).stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 128 MiB."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own can only be mounted by root")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting is refused here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take every byte that is left."""
    ballast = place / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (MIB, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_the_disk_is_full_and_has_room_again(nursery: Nursery, small_disk: Path, note: Note) -> None:
    """With the log on the same disk: who has no room to complain must not die of it."""
    server = TaxopsServer(small_disk / "taxops", nursery=nursery)
    with contextlib.ExitStack() as end:
        end.callback(server.kill9)  # whatever happens, before the disk is taken away
        fill_and_free(Program(server), small_disk, note)


def fill_and_free(program: Program, small_disk: Path, note: Note) -> None:
    with Load([program.server.port], program.token, "disk") as load:
        ballast = fill(small_disk)
        wait_until(lambda: len(load.refusals()) > 5, "the load to be refused")
        fill(small_disk)
        page = program.person.reports("打印机脱机", "no-room")
        assert page.is_told("服务器磁盘已满", "什么都没有保存", "告诉管理员")
        assert program.person.opens("/desk/mine").status == 200, "what is there can be read"
        said = program.doctor()
        assert "■ Disk" in said
        assert "refused (503)" in said
        ballast.unlink()
        well = load.wait_well("the load to be taken again")
        note(seen=page.words, refused=len(load.refusals()), well_s=well)
    for answer in load.refusals():
        assert answer.status == 503, answer
        assert "磁盘已满" in answer.body["detail"]
        assert answer.headers["retry-after"].isdigit()
        assert not SECRETS.search(str(answer.body))
    load.check(program.url)
    assert program.server.stop() == 0, "no thread died of it"


def test_mail_and_search_are_gone_and_a_second_program_is_started(
    nursery: Nursery, taxops_server: Make, smtp: SmtpServer, note: Note
) -> None:
    dead = f"http://user:password@{HOST}:{free_port()}"
    settings = {"TAXOPS_SMTP_URL": smtp.url, "TAXOPS_MAIL_FROM": "ops@taxops.test", "TAXOPS_ELASTICSEARCH_URL": dead}
    program = Program(taxops_server(settings=settings, nursery=nursery))
    with Load([program.server.port], program.token, "alone") as load:
        smtp.refuse_data("451 try again later")
        load.wait_well("tickets to be taken while mail is refused and the search is away")
        wait_until(lambda: "try again later" in program.doctor(), "the doctor to tell the refusal", every=0.5)
        smtp.stop()
        load.wait_well("tickets to be taken while nobody takes mail")
        found = program.person.opens("/search?q=%E6%89%93%E5%8D%B0%E6%9C%BA")
        assert found.status == 200
        assert "搜索索引暂时不可用" in found.words
        assert "alone-ticket-" in found.words, "the database is searched instead, newest first"
        said = program.doctor()
        assert "■ Email" in said
        assert "sent once it is back" in said
        assert "▲ Search" in said
        assert "password" not in said
        second = taxops_server("second", settings={"TAXOPS_HOME": str(program.server.state)}, nursery=nursery)
        second.launch()
        wait_until(lambda: not second.alive(), "the second program to give up")
        assert "would do every duty twice" in second.log_tail()
        smtp.refuse_data(None)
        smtp.start()
        began = time.monotonic()
        load.wait_well("nothing to have changed for the first")
    assert load.refusals() == []
    assert load.broken == 0
    load.check(program.url)
    check_mails(smtp, [each.number for each in load.done if each.number])
    note(seen=found.words[:200], mails_s=time.monotonic() - began)
    program.server.kill9()
    said = program.doctor()
    assert "does not run" in said
    assert "taxops run" in said
    began = time.monotonic()
    program.server.start()
    note(fault_2="the one process is killed", started_s=time.monotonic() - began)
    assert "● Program" in program.doctor()
