"""What a poller sees of its own machine."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from collectors.base import State
from tests.collectors.conftest import value


# --- host and disk
async def test_host_measures_this_machine(look):
    result = await look("host", "localhost")
    assert result.state in (State.OK, State.WARNING, State.CRITICAL), result.output
    assert 0 <= value(result, "cpu_percent") <= 100
    assert 0 < value(result, "memory_percent") < 100
    assert value(result, "uptime_seconds") > 0
    usage = shutil.disk_usage("/")
    assert value(result, "disk_free_bytes", mount="/") == pytest.approx(usage.free, rel=0.2)
    assert value(result, "disk_percent", mount="/") == pytest.approx(psutil.disk_usage("/").percent, abs=5)


async def test_host_rates_need_no_waiting_from_the_second_run_on(look):
    await look("host", "localhost")
    time.sleep(0.6)
    began = time.monotonic()
    result = await look("host", "localhost")
    assert time.monotonic() - began < 0.45, "no half-second pause this time"
    assert 0 <= value(result, "cpu_percent") <= 100


@pytest.mark.parametrize(
    ("params", "state", "word"),
    [
        ({"memory_warning": "0"}, State.WARNING, "内存"),
        ({"disk_critical": "0"}, State.CRITICAL, "磁盘 /"),
        ({"uptime_warning": "@0:"}, State.WARNING, "已运行"),
        ({"load_critical": "@0:"}, State.CRITICAL, "负载"),
    ],
)
async def test_host_each_number_has_its_thresholds(look, params, state, word):
    quiet = dict.fromkeys(
        (f"{name}_{level}" for name in ("cpu", "load", "memory", "swap", "disk", "inode") for level in ("warning", "critical")), ""
    )  # fmt: skip
    result = await look("host", "localhost", **{**quiet, **params})
    assert result.state is state, result.output
    assert word in result.output


async def test_host_mounts_can_be_left_out(look):
    result = await look("host", "localhost", ignore_mounts="*")
    assert not [s for s in result.samples if s.metric == "disk_percent"]


async def test_M_10_host_of_another_machine_is_unknown_with_what_to_do(look):
    result = await look("host", "10.1.2.3")
    assert result.state is State.UNKNOWN
    assert "snmp" in result.output
    assert (await look("host", socket.gethostname())).state is not State.UNKNOWN


async def test_disk_of_a_mount_and_of_one_that_is_gone(look):
    result = await look("disk", "/", disk_warning="", disk_critical="", inode_warning="", inode_critical="")
    assert result.state is State.OK
    assert value(result, "disk_free_bytes") > 0
    assert (await look("disk", "/", disk_critical="0")).state is State.CRITICAL
    assert (await look("disk", "/nowhere")).state is State.CRITICAL


# --- file and sqlite
async def test_file_size_age_and_space(look, tmp_path):
    file = tmp_path / "backup.tar"
    file.write_bytes(b"x" * 1000)
    os.utime(file, (time.time() - 7200, time.time() - 7200))
    space = {"free_warning": "", "free_critical": ""}
    result = await look("file", str(file), **space)
    assert result.state is State.OK
    assert value(result, "file_bytes") == 1000
    assert 7190 < value(result, "file_age_seconds") < 7300
    assert (await look("file", str(file), age_critical="3600", **space)).state is State.CRITICAL
    assert (await look("file", str(file), size_warning="2000:", **space)).state is State.WARNING
    assert (await look("file", str(file), free_critical="101:", free_warning="")).state is State.CRITICAL


async def test_file_that_should_or_should_not_be_there(look, tmp_path):
    absent = str(tmp_path / "absent")
    assert (await look("file", absent)).state is State.CRITICAL
    assert (await look("file", absent, must_exist=False)).state is State.OK
    (tmp_path / "lock").touch()
    assert (await look("file", str(tmp_path / "lock"), must_exist=False)).state is State.CRITICAL
    assert (await look("file", "relative/path")).state is State.UNKNOWN


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data 50%.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (a TEXT)")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 2000)
    db.close()
    return path


SPACE = {"free_warning": "", "free_critical": ""}


async def test_sqlite_that_is_whole(look, database):
    result = await look("sqlite", str(database), quick_check=True, **SPACE)
    assert result.state is State.OK, result.output
    assert "完整性正常" in result.output


async def test_sqlite_that_is_damaged(look, database):
    with database.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(os.urandom(4096 * 5))
    result = await look("sqlite", str(database), quick_check=True, **SPACE)
    assert result.state is State.CRITICAL
    assert "损坏" in result.output
    database.write_bytes(b"this is no database" * 500)
    assert (await look("sqlite", str(database), **SPACE)).state is State.CRITICAL


async def test_sqlite_is_read_while_another_writes(look, database):
    writer = sqlite3.connect(database)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES ('y')")
    try:
        assert (await look("sqlite", str(database), **SPACE)).state is State.OK
    finally:
        writer.rollback()
        writer.close()


# --- process
async def test_process_by_name_and_arguments(look):
    sleeper = subprocess.Popen(["sleep", "47.25"])
    try:
        result = await look("process", "sleep", arguments="47.25")
        assert result.state is State.OK, result.output
        assert value(result, "process_count") == 1
        assert value(result, "process_memory_bytes") > 0
        assert (await look("process", "sleep", arguments="47.25", count_warning="2:")).state is State.WARNING
    finally:
        sleeper.kill()
        sleeper.wait()
    assert (await look("process", "sleep", arguments="47.25")).state is State.CRITICAL
