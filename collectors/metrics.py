"""What each metric is called on a page and in a chart."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.i18n import LazyText, lazy

LABELS: Mapping[str, LazyText] = MappingProxyType(
    {
        "certificate_days": lazy("证书剩余天数"),
        "connect_seconds": lazy("连接用时"),
        "cpu_percent": lazy("处理器使用率"),
        "disk_free_bytes": lazy("磁盘剩余空间"),
        "disk_free_percent": lazy("磁盘剩余比例"),
        "disk_percent": lazy("磁盘使用率"),
        "file_age_seconds": lazy("距上次修改"),
        "file_bytes": lazy("文件大小"),
        "http_status": lazy("HTTP 状态码"),
        "if_in_bps": lazy("接口入流量"),
        "if_in_discards": lazy("接口入丢弃"),
        "if_in_errors": lazy("接口入错包"),
        "if_out_bps": lazy("接口出流量"),
        "if_out_discards": lazy("接口出丢弃"),
        "if_out_errors": lazy("接口出错包"),
        "if_up": lazy("接口连通"),
        "if_utilisation_percent": lazy("接口利用率"),
        "inode_percent": lazy("索引节点使用率"),
        "iowait_percent": lazy("等待磁盘的时间"),
        "jitter_ms": lazy("抖动"),
        "json_value": lazy("接口返回值"),
        "load1": lazy("一分钟负载"),
        "load15": lazy("十五分钟负载"),
        "load5": lazy("五分钟负载"),
        "load_per_core": lazy("每核负载"),
        "loss_percent": lazy("丢包率"),
        "memory_available_bytes": lazy("可用内存"),
        "memory_percent": lazy("内存使用率"),
        "net_errors": lazy("网卡错包"),
        "net_in_bytes": lazy("网卡入流量"),
        "net_out_bytes": lazy("网卡出流量"),
        "pg_cache_hit_percent": lazy("缓存命中率"),
        "pg_connections": lazy("连接数"),
        "pg_connections_percent": lazy("连接使用率"),
        "pg_database_bytes": lazy("数据库大小"),
        "pg_deadlocks": lazy("新发生的死锁"),
        "pg_longest_transaction_seconds": lazy("最长事务"),
        "pg_replication_lag_seconds": lazy("复制延迟"),
        "pg_waiting_locks": lazy("等待锁的会话"),
        "phase_seconds": lazy("各阶段用时"),
        "process_count": lazy("进程数"),
        "process_memory_bytes": lazy("进程内存"),
        "processes": lazy("进程总数"),
        "response_bytes": lazy("回答大小"),
        "response_seconds": lazy("响应时间"),
        "rtt_max_ms": lazy("最长往返时间"),
        "rtt_ms": lazy("往返时间"),
        "storage_percent": lazy("存储使用率"),
        "storage_used_bytes": lazy("存储已用空间"),
        "swap_percent": lazy("交换区使用率"),
        "uptime_seconds": lazy("运行时长"),
        "wal_bytes": lazy("预写日志大小"),
    }
)
PHASES: Mapping[str, LazyText] = MappingProxyType(
    {
        "name": lazy("域名解析"),
        "connect": lazy("建立连接"),
        "tls": lazy("TLS 握手"),
        "first_byte": lazy("等待回答"),
        "body": lazy("接收内容"),
    }
)
"""Values of the label `phase` of phase_seconds."""


def label(metric: str) -> str:
    """The metric's name in the reader's language; one that others send keeps its own."""
    return str(LABELS.get(metric, metric))


def series_label(metric: str, labels: Mapping[str, str]) -> str:
    """The name of one series: the metric and what it is of, such as 磁盘使用率 /var."""
    parts = [str(PHASES.get(value, value)) if name == "phase" else value for name, value in sorted(labels.items())]
    return " ".join((label(metric), *parts))
