"""A PostgreSQL server: does it let us in, how full, how far behind, how stuck."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from collectors import net
from collectors.base import About, Outcome, Params, PollerFault, Probe, State, remaining
from collectors.findings import Findings
from collectors.text import bytes_text, duration_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy

POSTGRESQL_PORT = 5432
_REFUSED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied|role \S+ does not exist|not permitted to log in"
    r"|database \S+ does not exist|permission denied for database|certificate authentication"
    r"|认证失败|角色.*不存在|数据库.*不存在",
    re.IGNORECASE,
)
"""The server looked at who we are and said no: our settings are wrong, the server is well (M-10)."""


class PostgresqlParams(Params):
    """Whom to log in as, and what is too much."""

    database: Annotated[str, About(lazy("数据库名")), Field(max_length=63)] = "postgres"
    user: Annotated[str, About(lazy("用户名；授予 pg_monitor 即可")), Field(max_length=63)] = "postgres"
    password: Annotated[str, About(lazy("密码"), secret=True), Field(max_length=500, repr=False)] = ""
    sslmode: Annotated[Literal["disable", "prefer", "require", "verify-ca", "verify-full"], About(lazy("加密方式"))] = (
        "prefer"
    )
    connect_warning: Annotated[RangeText, About(lazy("登录用时警告阈值"), "s")] = "1"
    connect_critical: Annotated[RangeText, About(lazy("登录用时严重阈值"), "s")] = "5"
    connections_warning: Annotated[RangeText, About(lazy("连接数占上限的警告阈值"), "%")] = "80"
    connections_critical: Annotated[RangeText, About(lazy("连接数占上限的严重阈值"), "%")] = "95"
    lag_warning: Annotated[RangeText, About(lazy("复制延迟警告阈值"), "s")] = "60"
    lag_critical: Annotated[RangeText, About(lazy("复制延迟严重阈值"), "s")] = "600"
    transaction_warning: Annotated[RangeText, About(lazy("最长事务警告阈值"), "s")] = "900"
    transaction_critical: Annotated[RangeText, About(lazy("最长事务严重阈值"), "s")] = ""
    size_warning: Annotated[RangeText, About(lazy("数据库大小警告阈值"), "B")] = ""
    size_critical: Annotated[RangeText, About(lazy("数据库大小严重阈值"), "B")] = ""
    deadlocks_warning: Annotated[RangeText, About(lazy("自上次检查以来死锁数警告阈值"))] = "0"
    cache_warning: Annotated[RangeText, About(lazy("缓存命中率警告阈值，90: 表示低于 90%"), "%")] = ""


QUERY = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int AS max_connections,
       (SELECT coalesce(extract(epoch FROM max(now() - xact_start)), 0) FROM pg_stat_activity
         WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
       )::float8 AS longest,
       (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock') AS waiting,
       pg_database_size(current_database()) AS size,
       sum(deadlocks)::int8 AS deadlocks, sum(blks_hit)::int8 AS hits, sum(blks_read)::int8 AS reads,
       coalesce(extract(epoch FROM max(stats_reset)), 0)::float8 AS stats_reset,
       pg_is_in_recovery() AS standby,
       CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float8 AS standby_lag,
       (SELECT coalesce(extract(epoch FROM max(replay_lag)), 0) FROM pg_stat_replication)::float8 AS primary_lag,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       current_setting('server_version') AS version
  FROM pg_stat_database
"""
"""Source: PostgreSQL documentation, "The Cumulative Statistics System"."""


class PostgresqlProbe(Probe[PostgresqlParams]):
    """A PostgreSQL server seen through one login."""

    type = "postgresql"
    label = lazy("PostgreSQL 数据库")
    target_help = lazy("主机 或 主机:端口（默认 5432），或套接字目录的绝对路径:端口")
    example = "127.0.0.1:5432"
    params = PostgresqlParams

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], dict[str, Any]] = {}

    async def measure(self, target: str, params: PostgresqlParams, *, deadline: float) -> Outcome:
        """Log in, ask once, log out."""
        found = Findings()
        began = time.monotonic()
        try:
            row, connect_s = await _ask(target, params, deadline, began)
        except net.TargetDown as down:
            found.note(State.CRITICAL, str(down))
            return found.outcome()
        found.judged(
            "connect_seconds",
            connect_s,
            "s",
            warning=params.connect_warning,
            critical=params.connect_critical,
            text=_("登录用时 %(time)s", time=duration_text(connect_s)),
        )
        _judge(found, params, row)
        key = (target, params.database)
        self._since(found, params, self._before.get(key), row)
        self._before[key] = row
        found.evidence["version"] = row["version"]
        found.evidence["standby"] = row["standby"]
        return found.outcome()

    def _since(
        self, found: Findings, params: PostgresqlParams, before: dict[str, Any] | None, row: dict[str, Any]
    ) -> None:
        """Growth since the previous reading; none after the statistics were reset."""
        if before is None or before["stats_reset"] != row["stats_reset"] or row["deadlocks"] < before["deadlocks"]:
            return
        deadlocks = row["deadlocks"] - before["deadlocks"]
        found.judged(
            "pg_deadlocks",
            deadlocks,
            quiet=True,
            warning=params.deadlocks_warning,
            text=_("新发生死锁 %(count)d 次", count=deadlocks),
        )
        hits, reads = row["hits"] - before["hits"], row["reads"] - before["reads"]
        if hits >= 0 and reads >= 0 and hits + reads > 0:
            percent = 100 * hits / (hits + reads)
            found.judged(
                "pg_cache_hit_percent",
                percent,
                "%",
                quiet=True,
                warning=params.cache_warning,
                text=_("缓存命中率 %(value).1f%%", value=percent),
            )


def _judge(found: Findings, params: PostgresqlParams, row: dict[str, Any]) -> None:
    percent = 100 * row["connections"] / max(1, row["max_connections"])
    found.judged(
        "pg_connections_percent",
        percent,
        "%",
        warning=params.connections_warning,
        critical=params.connections_critical,
        text=_("连接 %(used)d/%(max)d", used=row["connections"], max=row["max_connections"]),
    )
    found.sample("pg_connections", row["connections"])
    found.sample("pg_waiting_locks", row["waiting"])
    found.judged(
        "pg_longest_transaction_seconds",
        row["longest"],
        "s",
        quiet=True,
        warning=params.transaction_warning,
        critical=params.transaction_critical,
        text=_("最长事务 %(time)s", time=duration_text(row["longest"])),
    )
    found.judged(
        "pg_database_bytes",
        row["size"],
        "B",
        warning=params.size_warning,
        critical=params.size_critical,
        text=_("大小 %(size)s", size=bytes_text(row["size"])),
    )
    if row["standby"] or row["standbys"]:
        lag = row["standby_lag"] if row["standby"] else row["primary_lag"]
        found.judged(
            "pg_replication_lag_seconds",
            lag or 0.0,
            "s",
            warning=params.lag_warning,
            critical=params.lag_critical,
            text=_("复制延迟 %(time)s", time=duration_text(lag or 0.0)),
        )


async def _ask(target: str, params: PostgresqlParams, deadline: float, began: float) -> tuple[dict[str, Any], float]:
    """The row of QUERY and the seconds until we were in. Raises TargetDown and PollerFault."""
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError:
        raise PollerFault(_("没有 PostgreSQL 驱动"), _("安装 psycopg[binary]")) from None
    place = await _place(target)
    try:
        connection = await psycopg.AsyncConnection.connect(
            **place.for_driver(),
            dbname=params.database,
            user=params.user,
            password=params.password or None,
            sslmode=params.sslmode,
            connect_timeout=max(1, round(remaining(deadline))),
            row_factory=dict_row,
            autocommit=True,
            application_name="taxops-check",
            passfile=f"{os.devnull}/none",  # no stray password file
        )
    except psycopg.OperationalError as error:
        raise await _why(error, place, params, deadline) from None
    connect_s = time.monotonic() - began
    try:
        row = await (await connection.execute(QUERY)).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raise PollerFault(
            _("用户 %(user)s 看不到统计信息", user=params.user), _("GRANT pg_monitor TO 该用户")
        ) from None
    except psycopg.Error as error:
        raise net.TargetDown(_("查询失败：%(why)s", why=_first_line(error))) from None
    finally:
        await connection.close()
    return dict(row or {}), connect_s


@dataclass(frozen=True)
class _Place:
    """Where to connect: a name with its addresses, or the directory of a socket."""

    host: str
    port: int
    addresses: tuple[str, ...] = ()

    def for_driver(self) -> dict[str, Any]:
        """What libpq wants: the name (for the certificate) once for each address."""
        if not self.addresses:
            return {"host": self.host, "port": self.port}
        names = ",".join([self.host] * len(self.addresses))
        return {"host": names, "hostaddr": ",".join(self.addresses), "port": self.port}


async def _place(target: str) -> _Place:
    if target.startswith("/"):
        path, _colon, port = target.partition(":")
        return _Place(path, int(port) if port.isdecimal() else POSTGRESQL_PORT)
    host, port_number = net.split_target(target, POSTGRESQL_PORT)
    return _Place(host, port_number, tuple(await net.resolve(host, port_number)))


async def _why(error: Exception, place: _Place, params: PostgresqlParams, deadline: float) -> Exception:
    """Whose fault a failed login is; the driver's text names no password."""
    words = str(error)
    if _REFUSED.search(words):
        return PollerFault(
            _("数据库不接受用户 %(user)s 登录 %(database)s", user=params.user, database=params.database),
            _("核对检查的用户名、密码、库名和服务器的 pg_hba.conf"),
        )
    if "too many clients" in words or "remaining connection slots" in words:
        return net.TargetDown(_("连接数已满，登录不了"))
    if place.addresses:
        try:  # the driver hides the system's error behind words, so ask the system itself
            _reader, writer = await net.connect(place.addresses, place.port, deadline=deadline)
            await net.close(writer)
        except (net.TargetDown, PollerFault) as found:
            return found
    return net.TargetDown(_("登录失败：%(why)s", why=_first_line(error)))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
