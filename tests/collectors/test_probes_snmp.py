"""SNMP against net-snmp, and against an agent that misbehaves on request."""

from __future__ import annotations

import subprocess
import time

import pytest

from collectors.base import State
from collectors.registry import make_probes
from collectors.run import check
from collectors.snmp.device import LADDER, REGROW_AFTER, Memory
from tests.collectors.conftest import value
from tests.servers.base import free_port
from tests.servers.snmpd import V3_AUTH, V3_PRIV, V3_USER, Snmpd

V3 = {
    "version": "3",
    "user": V3_USER,
    "auth": "sha1",
    "auth_password": V3_AUTH,
    "priv": "aes128",
    "priv_password": V3_PRIV,
}


def gigabit(**rows: tuple[int, int]) -> dict[int, dict[str, object]]:
    """Index → row, from name=(in, out) in order."""
    return {i: {"name": name, "in": a, "out": b} for i, (name, (a, b)) in enumerate(rows.items(), start=1)}


# --- net-snmp
async def test_v2c_reads_system_interfaces_and_storage_of_a_real_agent(look, snmpd):
    result = await look("snmp", snmpd.target)
    assert result.state is State.OK, result.output
    assert result.evidence["system"]["name"] == "lantian-sw1"
    assert result.evidence["system"]["location"] == "蓝田县局机房"
    assert value(result, "uptime_seconds") >= 0
    assert 0 < value(result, "storage_percent", storage="/") < 100
    walked = subprocess.run(
        ["snmpwalk", "-v2c", "-cpublic", "-Oqv", snmpd.target, "1.3.6.1.2.1.31.1.1.1.1"],
        capture_output=True, text=True, check=True, env={"MIBS": "", "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    told = {line.strip('"') for line in walked.split()}
    assert {row["name"] for row in result.evidence["interfaces"]} == told - {"lo"}


async def test_v3_with_privacy_reads_the_same(look, snmpd):
    result = await look("snmp", snmpd.target, **V3)
    assert result.state is State.OK, result.output
    assert result.evidence["system"]["name"] == "lantian-sw1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"community": "wrong"},
        {**V3, "auth_password": "another-secret"},
        {**V3, "priv_password": "another-secret"},
        {**V3, "user": "stranger"},
    ],
)
async def test_M_10_wrong_snmp_credentials_are_unknown_not_down(look, snmpd, wrong):
    result = await look("snmp", snmpd.target, request_s=0.3, **wrong)
    assert result.state is State.UNKNOWN, result.output
    assert "凭据" in result.output
    for secret in ("another-secret", V3_AUTH, V3_PRIV, "wrong"):
        assert secret not in repr(result)


@pytest.mark.parametrize("access", [{}, V3])
async def test_an_agent_that_is_gone_is_critical_and_comes_back(look, snmpd, access):
    assert (await look("snmp", snmpd.target, request_s=0.3, **access)).state is State.OK
    snmpd.kill9()
    assert (await look("snmp", snmpd.target, request_s=0.3, **access)).state is State.CRITICAL
    snmpd.start()
    assert (await look("snmp", snmpd.target, request_s=0.3, **access)).state is State.OK


async def test_M_14_a_restarted_v3_engine_is_discovered_anew_within_the_same_check(look, snmpd):
    """Boots rise with each start: our kept time is refused as not in the window; once the engine id changes too."""
    assert (await look("snmp", snmpd.target, **V3)).state is State.OK
    for extra in ("", "engineID another-engine"):
        snmpd.configure(extra=extra)
        snmpd.restart()
        result = await look("snmp", snmpd.target, **V3)
        assert result.state is State.OK, result.output


async def test_M_14_duplicate_engine_ids_are_alarmed(look, snmpd, tmp_path):
    snmpd.configure(extra="engineID copied-image")
    snmpd.restart()
    with Snmpd(tmp_path / "second", extra="engineID copied-image") as second:
        assert (await look("snmp", snmpd.target)).state is State.OK
        result = await look("snmp", second.target)
    assert result.state is State.WARNING
    assert snmpd.target in result.output


# --- M-14 bulk
async def test_M_14_bulk_size_is_halved_on_time_out_and_learned_per_device(look, agent):
    agent.interfaces({i: {"name": f"Gi0/{i}", "in": i, "out": i} for i in range(1, 31)})
    agent.drop_bulk_above = 8
    first = await look("snmp", agent.target, collect="interfaces", request_s=0.25)
    assert len(first.evidence["interfaces"]) == 30
    assert agent.bulk_sizes[:4] == [50, 25, 12, 6]
    assert first.evidence["bulk"] == 6
    agent.bulk_sizes.clear()
    await look("snmp", agent.target, collect="interfaces", request_s=0.25)
    assert set(agent.bulk_sizes) == {6}


async def test_M_14_getnext_is_the_fall_back(look, agent):
    agent.interfaces(gigabit(a=(1, 1), b=(2, 2)))
    agent.no_bulk = True
    result = await look("snmp", agent.target, collect="interfaces", request_s=0.2)
    assert [row["name"] for row in result.evidence["interfaces"]] == ["a", "b"]
    assert result.evidence["bulk"] == 0


async def test_M_14_a_walk_stops_at_an_oid_that_does_not_increase(look, agent):
    agent.interfaces({i: {"name": f"Gi0/{i}", "in": i, "out": i} for i in range(1, 31)})
    agent.circle = True
    result = await look("snmp", agent.target, collect="interfaces", request_s=0.5)
    assert result.duration_s < 5
    assert result.state is State.WARNING
    assert "不递增" in result.output
    assert agent.requests < 100


async def test_M_14_the_deadline_holds_for_a_device_that_answers_slowly(look, agent):
    agent.interfaces({i: {"name": f"Gi0/{i}", "in": i, "out": i} for i in range(1, 41)})
    agent.delay_s = 0.2
    began = time.monotonic()
    result = await look("snmp", agent.target, timeout_s=1.5)
    assert time.monotonic() - began < 4
    assert result.state is State.WARNING
    assert "太慢" in result.output


def test_M_14_one_lost_packet_does_not_slow_a_device_for_ever():
    def long_good_run(memory: Memory) -> None:
        for _ in range(REGROW_AFTER * 3):
            memory.answered()

    memory = Memory()
    memory.timed_out()
    assert memory.bulk == LADDER[0] // 2
    long_good_run(memory)
    assert memory.bulk == LADDER[0]
    memory.timed_out()
    long_good_run(memory)
    assert memory.bulk == LADDER[1], "a size that timed out twice is not tried again"


def test_M_14_halving_ends_with_getnext():
    memory, sizes = Memory(), [LADDER[0]]
    while memory.timed_out():
        sizes.append(memory.bulk)
    assert sizes == [50, 25, 12, 6, 3, 1, 0]


async def test_a_silent_device_is_critical(look):
    result = await look("snmp", f"127.0.0.1:{free_port()}", request_s=0.2)
    assert result.state is State.CRITICAL


# --- M-12 and M-13 end to end
async def test_M_12_rates_come_from_two_readings_of_64_bit_counters(look, agent):
    agent.interfaces(gigabit(uplink=(10**15, 5)))
    first = await look("snmp", agent.target, collect="interfaces")
    assert not [s for s in first.samples if s.metric.endswith("bps")]
    began = time.monotonic()
    time.sleep(0.3)
    agent.interfaces(gigabit(uplink=(10**15 + 1_000_000, 5)))
    second = await look("snmp", agent.target, collect="interfaces")
    elapsed = time.monotonic() - began
    assert 8_000_000 / (elapsed + 0.5) < value(second, "if_in_bps", interface="uplink") < 8_000_000 / 0.3
    assert value(second, "if_out_bps", interface="uplink") == 0


async def test_M_12_a_reset_of_a_64_bit_counter_gives_no_sample(look, agent):
    agent.interfaces(gigabit(uplink=(10**15, 10**15)))
    await look("snmp", agent.target, collect="interfaces")
    agent.interfaces(gigabit(uplink=(5, 10**15)))
    result = await look("snmp", agent.target, collect="interfaces")
    with pytest.raises(LookupError):
        value(result, "if_in_bps", interface="uplink")
    assert value(result, "if_out_bps", interface="uplink") == 0


async def test_M_12_a_32_bit_wrap_is_corrected_and_a_restart_is_not(look, agent):
    row = {"name": "serial0", "bits": 32, "speed": 1000, "out": 0}
    agent.interfaces({1: {**row, "in": 2**32 - 1000}})
    await look("snmp", agent.target, collect="interfaces")
    agent.system(uptime_ticks=1_000_100)
    agent.interfaces({1: {**row, "in": 1000}})
    time.sleep(0.05)
    wrapped = await look("snmp", agent.target, collect="interfaces")
    assert 0 < value(wrapped, "if_in_bps", interface="serial0") < 2000 * 8 / 0.05
    agent.system(uptime_ticks=10)
    agent.interfaces({1: {**row, "in": 500}})
    restarted = await look("snmp", agent.target, collect="interfaces")
    with pytest.raises(LookupError):
        value(restarted, "if_in_bps", interface="serial0")


async def test_M_13_renumbering_moves_no_history(look, agent):
    """The indexes of two interfaces are swapped, as after adding a line card; each keeps its own counters."""
    agent.interfaces({1: {"name": "Gi0/1", "in": 10**12, "out": 0}, 2: {"name": "Gi0/2", "in": 7, "out": 0}})
    await look("snmp", agent.target, collect="interfaces")
    agent.interfaces({1: {"name": "Gi0/2", "in": 7, "out": 0}, 2: {"name": "Gi0/1", "in": 10**12, "out": 0}})
    result = await look("snmp", agent.target, collect="interfaces")
    assert value(result, "if_in_bps", interface="Gi0/1") == 0
    assert value(result, "if_in_bps", interface="Gi0/2") == 0
    assert {row["name"]: row["index"] for row in result.evidence["interfaces"]} == {"Gi0/2": "1", "Gi0/1": "2"}


async def test_M_13_renumbering_moves_no_settings(look, agent):
    agent.interfaces({1: {"name": "Gi0/1", "in": 1, "out": 0}, 2: {"name": "Gi0/2", "in": 7, "out": 0, "up": False}})
    assert (await look("snmp", agent.target, collect="interfaces", watch="Gi0/1")).state is State.OK
    agent.interfaces({1: {"name": "Gi0/2", "in": 7, "out": 0, "up": False}, 2: {"name": "Gi0/1", "in": 1, "out": 0}})
    assert (await look("snmp", agent.target, collect="interfaces", watch="Gi0/1")).state is State.OK
    agent.interfaces({1: {"name": "Gi0/2", "in": 7, "out": 0}, 2: {"name": "Gi0/1", "in": 1, "out": 0, "up": False}})
    broken = await look("snmp", agent.target, collect="interfaces", watch="Gi0/1")
    assert broken.state is State.CRITICAL
    assert "Gi0/1" in broken.output


async def test_M_13_names_that_several_interfaces_share_are_told_apart(look, agent):
    rows = {3: {"name": "port", "descr": "slot 1", "in": 0, "out": 0}, 4: {"name": "port", "descr": "slot 2", "in": 0, "out": 0},
            5: {"descr": "eth-old", "in": 0, "out": 0}}  # fmt: skip
    agent.interfaces(rows)
    result = await look("snmp", agent.target, collect="interfaces")
    assert [row["name"] for row in result.evidence["interfaces"]] == ["port (slot 1)", "port (slot 2)", "eth-old"]


async def test_two_pollers_share_nothing_and_two_checks_of_one_device_take_turns(agent):
    agent.interfaces(gigabit(a=(1, 1)))
    import asyncio

    probes = make_probes()
    results = await asyncio.gather(*(check(probes["snmp"], agent.target, {}) for _ in range(4)))
    assert {r.state for r in results} == {State.OK}


async def test_incomplete_v3_settings_are_refused_with_the_reason(look):
    result = await look("snmp", "127.0.0.1:1", version="3", user="x", auth="sha1", auth_password="short")
    assert result.state is State.UNKNOWN
    assert "auth_password" in result.output
    assert "short" not in result.output
