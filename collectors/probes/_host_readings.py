"""Reads the machine through psutil; blocking, so the probe calls it in a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

PSEUDO = frozenset(
    {
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "nsfs",
        "overlay",
        "proc",
        "pstore",
        "ramfs",
        "rpc_pipefs",
        "securityfs",
        "squashfs",
        "sysfs",
        "tmpfs",
        "tracefs",
    }
)
"""File systems that hold nobody's data and can't fill up in a way worth an alert; the root is always looked at."""

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "afs", "9p"}
)
"""File systems of other machines: asking them can block for minutes."""


@dataclass(frozen=True)
class Disk:
    """One mounted file system; sizes in bytes, `inodes_percent` None where it counts none."""

    mount: str
    device: str
    total: int
    free: int
    used_percent: float
    inodes_percent: float | None


@dataclass(frozen=True)
class Counters:
    """What only makes sense as a difference: CPU times in seconds, network bytes by interface."""

    at_s: float
    busy_s: float
    iowait_s: float
    total_s: float
    network: dict[str, tuple[int, int]]
    network_errors: dict[str, int]


@dataclass(frozen=True)
class Snapshot:
    """The machine at one instant; memory in bytes."""

    counters: Counters
    load: tuple[float, float, float]
    cores: int
    memory_total: int
    memory_available: int
    swap_total: int
    swap_used: int
    uptime_s: float
    processes: int
    disks: list[Disk] = field(default_factory=list)


def counters() -> Counters:
    """Read CPU times and network counters now."""
    cpu = psutil.cpu_times()
    waiting = float(getattr(cpu, "iowait", 0.0))
    # guest time is already inside user time
    total = sum(value for name, value in cpu._asdict().items() if name not in ("guest", "guest_nice"))
    nics = psutil.net_io_counters(pernic=True)
    return Counters(
        at_s=time.monotonic(),
        busy_s=total - cpu.idle - waiting,
        iowait_s=waiting,
        total_s=total,
        network={name: (n.bytes_recv, n.bytes_sent) for name, n in nics.items() if name != "lo"},
        network_errors={name: n.errin + n.errout + n.dropin + n.dropout for name, n in nics.items() if name != "lo"},
    )


def snapshot() -> Snapshot:
    """Read everything now."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return Snapshot(
        counters=counters(),
        load=os.getloadavg(),
        cores=psutil.cpu_count() or 1,
        memory_total=memory.total,
        memory_available=memory.available,
        swap_total=swap.total,
        swap_used=swap.used,
        uptime_s=max(0.0, time.time() - psutil.boot_time()),
        processes=len(psutil.pids()),
        disks=list(disks()),
    )


def disks() -> Iterator[Disk]:
    """Every local file system with data of its own, once each; a mount that can't be read is skipped.

    File servers are left out: one that hangs would hold up all others. They get disk checks of their own.
    """
    seen: set[int] = set()
    for part in psutil.disk_partitions(all=True):
        if part.mountpoint != "/" and (part.fstype in PSEUDO | NETWORK or not part.fstype):
            continue
        try:
            found, device = os.statvfs(part.mountpoint), os.stat(part.mountpoint).st_dev  # noqa: PTH116
        except OSError:
            continue
        if found.f_blocks and device not in seen:  # bind mounts show one disk several times
            seen.add(device)
            yield _disk(part.mountpoint, part.device, found)


def disk_at(mount: str) -> Disk | None:
    """The file system mounted there, or None when none is. Raises OSError when it can't be read."""
    parts = [part for part in psutil.disk_partitions(all=True) if part.mountpoint == mount]
    return _disk(mount, parts[-1].device, os.statvfs(mount)) if parts else None


def network_mounts() -> list[str]:
    """Mounts of file servers, none of them touched."""
    return sorted({part.mountpoint for part in psutil.disk_partitions(all=True) if part.fstype in NETWORK})


def _disk(mount: str, device: str, found: os.statvfs_result) -> Disk:
    used = found.f_blocks - found.f_bfree
    usable = used + found.f_bavail  # as df counts: root's reserve is not for others
    inodes = 100 * (found.f_files - found.f_ffree) / found.f_files if found.f_files else None
    return Disk(
        mount,
        device,
        total=found.f_blocks * found.f_frsize,
        free=found.f_bavail * found.f_frsize,
        used_percent=100 * used / usable if usable else 0.0,
        inodes_percent=inodes,
    )
