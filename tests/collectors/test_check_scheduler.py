"""M-11 in real time, with short intervals; what is asserted holds on a slow machine too."""

from __future__ import annotations

import asyncio
import collections
import time

import pytest
from prometheus_client import REGISTRY

from collectors.base import CheckResult, State
from collectors.scheduler import ScheduledCheck, Scheduler
from core import clock


class Bench:
    """Counts runs, and sees when two of the same check overlap."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.runs: collections.Counter[str] = collections.Counter()
        self.payloads: list[object] = []
        self.running: collections.Counter[str] = collections.Counter()
        self.most_at_once = 0
        self.overlapped = False
        self.results: list[tuple[str, CheckResult]] = []
        self.again: float | None = None
        self.failure: Exception | None = None
        self.event = asyncio.Event()

    async def run(self, check: ScheduledCheck) -> CheckResult:
        self.running[check.id] += 1
        self.overlapped |= self.running[check.id] > 1
        self.most_at_once = max(self.most_at_once, sum(self.running.values()))
        try:
            await asyncio.sleep(self.takes_s)
            self.runs[check.id] += 1
            self.payloads.append(check.payload)
            if self.failure:
                raise self.failure
        finally:
            self.running[check.id] -= 1
        return CheckResult(State.OK, "", (), clock.now(), self.takes_s)

    async def taken(self, check: ScheduledCheck, result: CheckResult) -> float | None:
        self.results.append((check.id, result))
        self.event.set()
        return self.again

    async def until(self, condition, seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.event.clear()
                if not condition():
                    try:
                        await asyncio.wait_for(self.event.wait(), 0.2)
                    except TimeoutError:
                        continue


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch):
    monkeypatch.setattr("collectors.agenda.WARM_UP_S", 0.5)


@pytest.fixture
async def bench():
    bench = Bench()
    bench.scheduler = Scheduler(bench.run, bench.taken)
    bench.scheduler.start()
    yield bench
    await bench.scheduler.stop(0.1)


def every(seconds: float, name: str = "a", **more) -> ScheduledCheck:
    return ScheduledCheck(name, seconds, **more)


async def test_M_11_checks_run_again_and_again_and_never_overlap(bench):
    bench.takes_s = 0.05
    for n in range(20):
        bench.scheduler.put(every(0.1, str(n)))
    await bench.until(lambda: len(bench.runs) == 20 and min(bench.runs.values()) >= 5)
    assert not bench.overlapped


async def test_M_11_a_check_slower_than_its_interval_does_not_pile_up(bench):
    bench.takes_s = 0.3
    bench.scheduler.put(every(0.05))
    await bench.until(lambda: bench.runs["a"] >= 3)
    assert not bench.overlapped
    assert bench.most_at_once == 1


async def test_M_11_the_lag_is_exported(bench):
    bench.scheduler.put(every(0.05))
    await bench.until(lambda: bench.runs["a"] >= 2)
    lag = REGISTRY.get_sample_value("taxops_scheduler_lag_seconds", {"lane": "default"})
    assert lag is not None
    assert 0 <= lag < 10
    assert REGISTRY.get_sample_value("taxops_scheduler_start_delay_seconds_count", {"lane": "default"}) >= 2


async def test_run_now_answers_with_the_result_and_does_not_wait_for_the_interval(bench):
    bench.scheduler.put(every(3600))
    result = await asyncio.wait_for(bench.scheduler.run_now("a"), 10)
    assert result.state is State.OK
    before = bench.runs["a"]
    await asyncio.wait_for(bench.scheduler.run_now("a"), 10)
    assert bench.runs["a"] == before + 1
    with pytest.raises(KeyError):
        await bench.scheduler.run_now("unknown")


async def test_run_now_joins_a_run_under_way(bench):
    bench.takes_s = 0.3
    bench.scheduler.put(every(3600))
    results = await asyncio.wait_for(asyncio.gather(*(bench.scheduler.run_now("a") for _ in range(5))), 10)
    assert len(set(map(id, results))) == 1
    assert bench.runs["a"] == 1


async def test_the_sink_decides_when_to_look_again(bench):
    bench.again = 0.05
    bench.scheduler.put(every(3600))
    await bench.until(lambda: bench.runs["a"] >= 4)
    bench.again = None
    seen = bench.runs["a"]
    await asyncio.sleep(0.4)
    assert bench.runs["a"] <= seen + 1


async def test_asking_brings_a_check_forward(bench):
    bench.scheduler.put(every(3600))
    await bench.until(lambda: bench.runs["a"] == 1)
    bench.scheduler.ask("a", 0.05)
    bench.scheduler.ask("unknown")
    await bench.until(lambda: bench.runs["a"] == 2)


async def test_checks_come_change_and_go_while_running(bench):
    bench.scheduler.keep_only([every(0.05, "a", payload=1), every(0.05, "b")])
    await bench.until(lambda: bench.runs["a"] and bench.runs["b"])
    bench.scheduler.keep_only([every(0.05, "a", payload=2), every(0.05, "c")])
    b = bench.runs["b"]
    bench.payloads.clear()
    await bench.until(lambda: bench.runs["c"] >= 3 and 2 in bench.payloads)
    assert 1 not in bench.payloads
    assert bench.runs["b"] <= b + 1
    assert len(bench.scheduler) == 2


async def test_a_run_of_an_old_definition_gives_no_result(bench):
    bench.takes_s = 0.4
    bench.scheduler.put(every(3600, payload="old"))
    await bench.until(lambda: bench.running["a"] == 1)
    bench.scheduler.put(every(3600, payload="new"))
    await bench.until(lambda: bench.results)
    assert bench.payloads == ["new"]
    assert not bench.overlapped


async def test_a_check_replaced_between_due_and_its_first_step_still_runs(bench):
    """A task cancelled before it ever ran sees no `finally`; the check must come round all the same."""
    bench.scheduler.put(every(3600, payload=0))
    await bench.until(lambda: bench.runs["a"] == 1)
    for turn in range(1, 6):
        bench.scheduler.ask("a")
        job = bench.scheduler._jobs["a"]
        while job.task is None:
            await asyncio.sleep(0)
        bench.scheduler.put(every(3600, payload=turn))
        await bench.until(lambda turn=turn: turn in bench.payloads)
    assert not bench.overlapped


async def test_removing_a_running_check_ends_it_and_disappoints_who_waits(bench):
    bench.takes_s = 5
    bench.scheduler.put(every(3600))
    waiting = asyncio.ensure_future(bench.scheduler.run_now("a"))
    await bench.until(lambda: bench.running["a"] == 1)
    bench.scheduler.remove("a")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await bench.until(lambda: bench.running["a"] == 0)
    assert bench.results == []


async def test_concurrency_is_bounded_by_lane():
    bench = Bench(takes_s=0.05)
    scheduler = Scheduler(bench.run, bench.taken, lanes={"default": 3})
    scheduler.start()
    for n in range(30):
        scheduler.put(every(0.1, str(n)))
    await bench.until(lambda: len(bench.runs) == 30)
    await scheduler.stop()
    assert bench.most_at_once == 3


async def test_M_14_slow_snmp_devices_have_a_lane_of_their_own(monkeypatch):
    """Thirty slow devices, one place for the slow: a quick device goes on being read."""
    monkeypatch.setattr("collectors.scheduler.SLOW_AFTER_S", 0.3)
    runs: collections.Counter[str] = collections.Counter()

    async def run(check: ScheduledCheck) -> CheckResult:
        await asyncio.sleep(0.5 if check.id.startswith("slow") else 0)
        runs[check.id] += 1
        return CheckResult(State.OK, "", (), clock.now(), 0)

    bench = Bench()
    scheduler = Scheduler(run, bench.taken, lanes={"snmp": 4, "slow": 1})
    scheduler.start()
    for n in range(12):
        scheduler.put(every(0.2, f"slow{n}", lane="snmp"))
    await bench.until(lambda: len(runs) == 12)
    scheduler.put(every(0.2, "quick", lane="snmp"))
    began, before = time.monotonic(), sum(runs[f"slow{n}"] for n in range(12))
    await bench.until(lambda: runs["quick"] >= 8)
    slow = sum(runs[f"slow{n}"] for n in range(12)) - before
    elapsed = time.monotonic() - began
    await scheduler.stop(0.1)
    assert slow <= elapsed / 0.5 + 2, "the slow ones took turns"


async def test_a_check_that_outlasts_every_limit_or_breaks_is_unknown_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("collectors.scheduler.GRACE_S", 0.1)
    bench = Bench(takes_s=60)
    scheduler = Scheduler(bench.run, bench.taken)
    scheduler.start()
    scheduler.put(every(3600, timeout_s=0.1))
    await bench.until(lambda: bench.results)
    assert bench.results[0][1].state is State.UNKNOWN
    bench.takes_s, bench.failure = 0, RuntimeError("x")
    scheduler.put(every(3600, "b"))
    await bench.until(lambda: len(bench.results) == 2)
    assert bench.results[1][1].evidence["fault"] == "poller"
    await scheduler.stop()


async def test_a_sink_that_fails_does_not_end_the_checking():
    bench = Bench()

    async def refuse(check: ScheduledCheck, result: CheckResult) -> float | None:
        raise RuntimeError("the sink is broken")

    scheduler = Scheduler(bench.run, refuse)
    scheduler.start()
    scheduler.put(every(0.05))
    await bench.until(lambda: bench.runs["a"] >= 3)
    await scheduler.stop()


async def test_stopping_waits_for_what_runs_and_starts_nothing_more():
    bench = Bench(takes_s=0.3)
    scheduler = Scheduler(bench.run, bench.taken)
    scheduler.start()
    with pytest.raises(RuntimeError):
        scheduler.start()
    scheduler.put(every(0.5))
    await bench.until(lambda: bench.running["a"] == 1)
    await scheduler.stop(grace_s=10)
    assert len(bench.results) == 1
    await asyncio.sleep(0.3)
    assert bench.runs["a"] == 1


async def test_M_11_the_clock_is_injected_and_monotonic():
    """With a clock that a test holds, nothing is due until it moves."""
    now = [1000.0]
    bench = Bench()
    scheduler = Scheduler(bench.run, bench.taken, monotonic=lambda: now[0])
    scheduler.start()
    scheduler.put(every(60))
    await asyncio.sleep(0.05)
    assert bench.runs["a"] == 0
    for turn in range(1, 4):
        now[0] += 75
        scheduler.ask("nobody")  # wakes the loop
        await bench.until(lambda turn=turn: bench.runs["a"] == turn)
    await scheduler.stop()
