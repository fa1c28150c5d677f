"""What a metric is called and in which unit people read it. A metric nobody named here shows its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.i18n import LazyText, lazy
from monitor.samples import SeriesInfo, SeriesKey

TITLES: dict[str, LazyText] = {
    "cpu_percent": lazy("处理器使用率"),
    "load_per_core": lazy("每核负载"),
    "memory_percent": lazy("内存使用率"),
    "swap_percent": lazy("交换区使用率"),
    "disk_percent": lazy("磁盘使用率"),
    "inode_percent": lazy("索引节点使用率"),
    "disk_free_percent": lazy("磁盘剩余比例"),
    "response_seconds": lazy("响应时间"),
    "connect_seconds": lazy("连接时间"),
    "rtt_ms": lazy("往返时间"),
    "loss_percent": lazy("丢包率"),
    "certificate_days": lazy("证书剩余天数"),
    "pg_connections_percent": lazy("连接使用率"),
    "pg_cache_hit_percent": lazy("缓存命中率"),
    "pg_longest_transaction_seconds": lazy("最长事务"),
    "pg_replication_lag_seconds": lazy("复制延迟"),
    "pg_deadlocks": lazy("死锁"),
    "pg_database_bytes": lazy("数据库大小"),
    "if_utilisation_percent": lazy("接口利用率"),
    "if_in_bps": lazy("接口流入"),
    "if_out_bps": lazy("接口流出"),
    "storage_percent": lazy("存储使用率"),
    "storage_used_bytes": lazy("存储已用"),
    "file_bytes": lazy("文件大小"),
    "wal_bytes": lazy("日志文件大小"),
    "file_age_seconds": lazy("距上次修改"),
    "process_memory_bytes": lazy("进程内存"),
    "process_count": lazy("进程数量"),
    "if_in_errors": lazy("接口流入错误"),
    "if_out_errors": lazy("接口流出错误"),
    "if_in_discards": lazy("接口流入丢弃"),
    "if_out_discards": lazy("接口流出丢弃"),
    "net_in_bytes": lazy("网络流入"),
    "net_out_bytes": lazy("网络流出"),
    "disk_free_bytes": lazy("磁盘剩余空间"),
    "memory_available_bytes": lazy("可用内存"),
    "phase_seconds": lazy("各阶段用时"),
    "rtt_max_ms": lazy("最大往返时间"),
    "jitter_ms": lazy("抖动"),
    "pg_connections": lazy("连接数"),
    "pg_waiting_locks": lazy("等待的锁"),
    "iowait_percent": lazy("等待磁盘的时间"),
    "net_errors": lazy("网络错误"),
    "processes": lazy("进程数"),
    "response_bytes": lazy("页面大小"),
    "http_status": lazy("状态码"),
    "json_value": lazy("接口返回值"),
    "if_up": lazy("接口是否连通"),
    "load1": lazy("一分钟负载"),
    "load5": lazy("五分钟负载"),
    "load15": lazy("十五分钟负载"),
    "uptime_seconds": lazy("运行时间"),
}
_ORDER = {name: place for place, name in enumerate(TITLES)}
_PHASES = {
    "name": lazy("域名解析"),
    "connect": lazy("连接"),
    "tls": lazy("加密握手"),
    "first_byte": lazy("等待首字节"),
    "body": lazy("传输"),
    "transfer": lazy("传输"),
}
_UNITS = {"s": lazy("秒"), "d": lazy("天"), "1/s": lazy("次/秒")}
_STEPS = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_BITS = ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"))
_MILLI = 1.0


def title(metric: str) -> str:
    """What people call it."""
    return str(TITLES.get(metric, metric))


def order(metric: str) -> tuple[int, str]:
    """The telling ones first."""
    return _ORDER.get(metric, len(_ORDER)), metric


def shown_unit(unit: str) -> str:
    """The unit in words, where it has some."""
    return str(_UNITS.get(unit, unit))


def series_name(key: SeriesKey) -> str:
    """What tells a series from its neighbours: its labels, else the metric's own name."""
    return "，".join(str(_PHASES.get(value, value)) for _name, value in key.labels) or title(key.metric)


@dataclass(frozen=True, slots=True)
class Scale:
    """Divide by `divisor` to get `unit`."""

    divisor: float
    unit: str


def scale(infos: Sequence[SeriesInfo]) -> Scale:
    """A unit in which the newest values are easy to read, the same for all series of a chart."""
    unit = infos[0].unit if infos else ""
    values = [abs(i.latest.value) for i in infos if i.latest is not None and i.latest.value is not None]
    highest = max(values, default=0.0)
    if unit == "s" and 0 < highest < _MILLI:
        return Scale(0.001, "ms")
    if unit in ("B", "B/s"):
        for size, name in _STEPS:
            if highest >= size:
                return Scale(size, name + unit.removeprefix("B"))
    if unit == "bit/s":
        for step, name in _BITS:
            if highest >= step:
                return Scale(step, name)
    return Scale(1, shown_unit(unit))
