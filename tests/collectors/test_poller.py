"""A poller with real probes, a sink that can be cut off, and a disk."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors import poller as poller_module
from collectors.base import CheckResult, State
from collectors.canary import Canary, CanaryTarget, default_gateway, is_local
from collectors.poller import BatchRefusedError, Poller
from collectors.poller_thread import PollerThread
from collectors.report import CheckDefinition, Report
from collectors.source_cache import remembered
from collectors.spool import Spool
from core import clock
from tests.servers.base import free_port, wait_until

ROOT = Path(__file__).parents[2]


class Centre:
    """Takes results in order; can be cut off."""

    def __init__(self, checks: Sequence[CheckDefinition] = ()) -> None:
        self.checks = list(checks)
        self.is_cut = self.refuses = False
        self.taken: list[Report] = []
        self.batches = 0
        self.again: dict[str, float] = {}

    async def source(self) -> list[CheckDefinition]:
        if self.is_cut:
            raise ConnectionError("cut off")
        return self.checks

    async def deliver(self, reports: Sequence[Report]) -> dict[str, float]:
        if self.refuses:
            raise BatchRefusedError("never")
        if self.is_cut:
            raise ConnectionError("cut off")
        self.batches += 1
        self.taken += reports
        return dict(self.again)

    def of(self, check_id: str) -> list[CheckResult]:
        return [r.result for r in self.taken if r.check_id == check_id]


async def until(condition, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


def file_check(path: Path, check_id: str = "f", **more) -> CheckDefinition:
    params = {"free_warning": "", "free_critical": ""}
    return CheckDefinition(check_id, "file", str(path), params, **{"interval_s": 0.3, **more})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(poller_module, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(poller_module, "LONGEST_PAUSE_S", 0.3)
    monkeypatch.setattr("collectors.agenda.WARM_UP_S", 0.3)


@pytest.fixture
async def station(tmp_path):
    """(centre, poller) with one file check."""
    (tmp_path / "watched").touch()
    centre = Centre([file_check(tmp_path / "watched")])
    poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"), refresh_s=0.3)
    await poller.start()
    yield centre, poller
    centre.is_cut = False
    await poller.stop()


async def test_results_arrive_in_batches(station, tmp_path):
    centre, _poller = station
    centre.checks += [file_check(tmp_path / "watched", f"n{n}", interval_s=3600) for n in range(40)]
    await until(lambda: len({r.check_id for r in centre.taken}) == 41)
    assert centre.batches < len(centre.taken)
    assert {r.result.state for r in centre.taken} == {State.OK}


async def test_M_15_a_cut_is_replayed_in_order_with_own_times(station, tmp_path):
    centre, poller = station
    await until(lambda: len(centre.taken) >= 2)
    before = len(centre.taken)
    centre.is_cut = True
    cut_at = clock.now()
    await until(lambda: not poller.is_connected)
    (tmp_path / "watched").unlink()
    await asyncio.sleep(1.2)
    (tmp_path / "watched").touch()
    await asyncio.sleep(0.8)
    healed_at = clock.now()
    centre.is_cut = False
    await until(lambda: centre.taken and centre.taken[-1].result.at > healed_at)
    times = [r.result.at for r in centre.taken]
    assert times == sorted(times), "in order"
    during = [r.result.state for r in centre.taken[before:] if cut_at < r.result.at < healed_at]
    assert len(during) >= 3, "it went on checking"
    assert State.CRITICAL in during
    first_bad = during.index(State.CRITICAL)
    assert State.OK in during[first_bad:], "a recovery during the cut is not lost"
    gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert max(gaps) < 1.5, "nothing is missing"


async def test_M_15_while_cut_off_retries_are_decided_here(tmp_path):
    centre = Centre([file_check(tmp_path / "absent", interval_s=3600, retry_s=0.05, max_attempts=3)])
    poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"))
    await poller.refresh()
    centre.is_cut = True
    poller.is_connected = False
    await poller.start()
    await until(lambda: poller._attempts.get("f") == 3)
    await asyncio.sleep(0.5)
    centre.is_cut = False
    await until(lambda: len(centre.of("f")) >= 3)
    await poller.stop()
    assert len(centre.of("f")) == 3, "three attempts, and then the interval again"


async def test_M_15_what_the_sink_did_not_take_survives_a_stop(tmp_path):
    (tmp_path / "watched").touch()
    centre = Centre([file_check(tmp_path / "watched")])
    for is_cut in (True, False):
        poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"))
        await poller.refresh()
        centre.is_cut = is_cut
        await poller.start()
        if is_cut:
            await asyncio.sleep(1.5)
            centre_was = list(centre.taken)
            centre.is_cut = True
        else:
            await until(lambda: len(centre.taken) >= 3)
        await poller.stop()
        centre.is_cut = False
    assert centre_was == []
    times = [r.result.at for r in centre.taken]
    assert times == sorted(times)


async def test_the_sink_asks_for_a_retry_and_gets_it(station):
    centre, _poller = station
    centre.checks = [CheckDefinition("slow", "host", "localhost", interval_s=3600)]
    centre.again = {"slow": 0.05, "unknown": 0.1}
    await until(lambda: len(centre.of("slow")) >= 3)


async def test_run_now_answers_and_is_delivered_too(station, tmp_path):
    centre, poller = station
    centre.checks = [file_check(tmp_path / "watched", "rare", interval_s=3600)]
    await poller.refresh()
    result = await asyncio.wait_for(poller.run_now("rare"), 20)
    assert result.state is State.OK
    await until(lambda: centre.of("rare"))
    with pytest.raises(KeyError):
        await poller.run_now("f")


async def test_a_source_that_can_not_be_asked_changes_nothing(station):
    centre, poller = station
    await until(lambda: len(poller) == 1)
    centre.is_cut = True
    with pytest.raises(ConnectionError):
        await poller.refresh()
    assert len(poller) == 1


async def test_a_batch_that_is_never_taken_does_not_block_the_rest(station):
    centre, _poller = station
    centre.refuses = True
    await asyncio.sleep(1)
    centre.refuses = False
    before = len(centre.taken)
    await until(lambda: len(centre.taken) > before)


@pytest.mark.parametrize("alone", [True, False])
async def test_a_result_the_sink_chokes_on_is_dropped_and_the_rest_goes_on(tmp_path, alone):
    """An error for each batch that holds it, as a database would give; the sink itself is well."""

    class Choking(Centre):
        async def deliver(self, reports: Sequence[Report]) -> dict[str, float]:
            if any(r.check_id == "poison" for r in reports):
                raise ValueError("can't digest")
            return await super().deliver(reports)

    (tmp_path / "watched").touch()
    centre = Choking([file_check(tmp_path / "watched", "poison", interval_s=3600)])
    if not alone:
        centre.checks += [file_check(tmp_path / "watched", f"good{n}", interval_s=3600) for n in range(5)]
    poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"), refresh_s=0.3)
    await poller.start()
    if alone:
        await until(lambda: len(poller) == 1 and not poller.is_connected)
        centre.checks += [file_check(tmp_path / "watched", f"good{n}", interval_s=3600) for n in range(5)]
    await until(lambda: len({r.check_id for r in centre.taken}) == 5)
    await until(
        lambda: poller.is_connected and Spool(tmp_path / "spool").is_empty
    )  # ended before that, what waits is tried again next time
    await poller.stop()
    assert Spool(tmp_path / "spool").is_empty


async def test_M_15_a_cut_is_no_reason_to_drop_anything(tmp_path):
    centre = Centre([file_check(tmp_path / "absent", interval_s=0.2)])
    poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"))
    await poller.refresh()
    centre.is_cut = True
    await poller.start()
    await asyncio.sleep(4)  # far more tries than STUCK_AFTER
    first = clock.now()
    centre.is_cut = False
    await until(lambda: centre.taken and centre.taken[-1].result.at > first)
    await poller.stop()
    assert len([r for r in centre.taken if r.result.at < first]) > 8


async def test_M_10_an_unknown_type_or_wrong_parameters_are_unknown(tmp_path):
    centre = Centre([
        CheckDefinition("a", "quantum", "x", interval_s=3600), CheckDefinition("b", "tcp", "127.0.0.1:1", {"x": 1}, 3600),
    ])  # fmt: skip
    poller = Poller(centre.source, centre, spool=Spool(tmp_path / "spool"))
    await poller.start()
    await until(lambda: centre.of("a") and centre.of("b"))
    await poller.stop()
    assert {r.result.state for r in centre.taken} == {State.UNKNOWN}


def test_M_15_kill_minus_9_loses_nothing_that_was_on_disk(tmp_path):
    """A poller process that is cut off from its centre is killed; the next one delivers what it had kept."""
    program = """
import asyncio, sys
from pathlib import Path
from collectors.poller import Poller
from collectors.report import CheckDefinition
from collectors.spool import Spool
class Cut:
    async def deliver(self, reports): raise ConnectionError
async def source(): return [CheckDefinition("h", "file", "/etc/hostname", interval_s=0.2)]
async def main():
    await Poller(source, Cut(), spool=Spool(Path(sys.argv[1]))).start()
    await asyncio.sleep(600)
asyncio.run(main())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "spool")], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        wait_until(
            lambda: sum(f.stat().st_size for f in (tmp_path / "spool").glob("*.spool")) > 1500, "a spool to fill"
        )
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    spool, kept = Spool(tmp_path / "spool"), []
    while (waiting := spool.peek()) is not None:
        kept += waiting.reports
        spool.confirm(waiting)
    assert len(kept) >= 3
    assert [r.result.at for r in kept] == sorted(r.result.at for r in kept)


# --- canary
FAR = CheckDefinition("far", "tcp", "10.9.9.9:80")
DOWN = CheckResult(State.CRITICAL, "拒绝连接", (), clock.now(), 0.1)


async def test_M_10_a_target_is_only_down_when_the_canary_is_reached():
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    canary = Canary(CanaryTarget("tcp", f"127.0.0.1:{port}"))
    assert (await canary.judge(FAR, DOWN)).state is State.CRITICAL
    server.close()
    await server.wait_closed()
    assert not await canary.is_up(fresh_s=0)
    judged = await canary.judge(FAR, DOWN)
    assert judged.state is State.UNKNOWN
    assert f"127.0.0.1:{port}" in judged.output
    assert "拒绝连接" in judged.output
    near = CheckDefinition("near", "tcp", "127.0.0.1:80")
    assert (await canary.judge(near, DOWN)).state is State.CRITICAL, "this machine needs no network"


async def test_M_10_a_guessed_canary_counts_only_after_it_has_answered():
    port = free_port()
    canary = Canary(CanaryTarget("tcp", f"127.0.0.1:{port}", is_sure=False))
    assert (await canary.judge(FAR, DOWN)).state is State.CRITICAL
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    assert await canary.is_up(fresh_s=0)
    server.close()
    await server.wait_closed()
    await canary.is_up(fresh_s=0)
    assert (await canary.judge(FAR, DOWN)).state is State.UNKNOWN


@pytest.mark.parametrize(("type_name", "target", "local"), [
    ("host", "localhost", True), ("disk", "/", True), ("tcp", "127.0.0.1:80", True), ("tcp", "[::1]:80", True),
    ("http", "http://localhost:8000/x", True), ("http", "https://10.1.1.1/", False), ("tcp", "10.1.1.1:80", False),
    ("icmp", "2001:db8::1", False), ("tls", "/etc/x.pem", True), ("snmp", "router.example", False),
    ("postgresql", "/run/postgresql", True), ("http", "http://[2001:db8::1]:80/", False),
])  # fmt: skip
def test_what_is_local_needs_no_network(type_name, target, local):
    assert is_local(CheckDefinition("x", type_name, target)) is local


def test_the_gateway_is_read_from_the_system():
    found = default_gateway()
    assert found is None or found.is_sure is False


# --- thread and memory
def test_a_poller_in_a_thread_serves_any_thread(tmp_path):
    (tmp_path / "watched").touch()
    centre = Centre([file_check(tmp_path / "watched", interval_s=3600)])
    thread = PollerThread(lambda: Poller(centre.source, centre, spool=Spool(tmp_path / "spool")))
    thread.start()
    try:
        wait_until(lambda: centre.of("f"), "the first result")
        assert thread.run_now("f").state is State.OK
        with pytest.raises(KeyError):
            thread.run_now("unknown")
        (tmp_path / "watched").unlink()
        thread.ask("f")
        wait_until(lambda: centre.of("f")[-1].state is State.CRITICAL, "the result asked for")
        centre.checks = []
        thread.refresh()
        wait_until(lambda: _is_unknown(thread), "the check to go")
        assert thread.is_connected
    finally:
        thread.stop()
        thread.stop()


def _is_unknown(thread: PollerThread) -> bool:
    try:
        thread.run_now("f", timeout_s=5)
    except KeyError:
        return True
    return False


def test_a_poller_that_can_not_start_says_why(tmp_path):
    def make() -> Poller:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        PollerThread(make).start()


async def test_M_15_a_satellite_restarted_during_a_cut_knows_its_checks(tmp_path):
    centre = Centre([CheckDefinition("a", "snmp", "10.0.0.1", {"community": "hidden-word"}, 30)])
    file = tmp_path / "checks.json"
    assert await remembered(centre.source, file)() == centre.checks
    assert file.stat().st_mode & 0o077 == 0
    centre.is_cut = True
    assert await remembered(centre.source, file)() == centre.checks
    with pytest.raises(ConnectionError):
        await remembered(centre.source, tmp_path / "none.json")()
    assert json.loads(file.read_text("utf-8"))[0]["id"] == "a"


def test_collectors_run_without_database_and_flask():
    """What a satellite loads: nothing of the rooms above, no SQLAlchemy, no Flask."""
    program = """
import sys
import collectors.cli, collectors.poller_thread, collectors.discover, collectors.source_cache
heavy = {"flask", "sqlalchemy", "werkzeug", "app", "monitor", "cmdb", "accounts", "web", "kb", "servicedesk", "escalation"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
