"""A file or directory: is it there, how large, how old, how full its disk; for SQLite also whether it is whole."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import Field

from collectors.base import About, Outcome, Params, PollerFault, Probe, State, remaining
from collectors.blocking import in_thread
from collectors.findings import Findings
from collectors.text import bytes_text, duration_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy


class FileParams(Params):
    """What is too large, too old, too full."""

    must_exist: Annotated[bool, About(lazy("不存在时告警；关闭则存在时告警"))] = True
    size_warning: Annotated[RangeText, About(lazy("大小警告阈值"), "B")] = ""
    size_critical: Annotated[RangeText, About(lazy("大小严重阈值"), "B")] = ""
    age_warning: Annotated[RangeText, About(lazy("距上次修改的时间警告阈值"), "s")] = ""
    age_critical: Annotated[RangeText, About(lazy("距上次修改的时间严重阈值"), "s")] = ""
    free_warning: Annotated[RangeText, About(lazy("所在磁盘剩余空间警告阈值，10: 表示少于 10%"), "%")] = "10:"
    free_critical: Annotated[RangeText, About(lazy("所在磁盘剩余空间严重阈值"), "%")] = "3:"


class SqliteParams(FileParams):
    """As of a file, and whether to look inside."""

    quick_check: Annotated[bool, About(lazy("是否核对数据库完整性；库很大时较慢"))] = False
    wal_warning: Annotated[RangeText, About(lazy("预写日志（-wal）大小警告阈值"), "B"), Field()] = "1000000000"


@dataclass(frozen=True)
class _Seen:
    size: int
    modified_at: float
    free: int
    total: int


class FileProbe(Probe[FileParams]):
    """A file on the poller's own machine."""

    type = "file"
    label = lazy("文件")
    target_help = lazy("文件或目录的绝对路径（采集端本机）")
    example = "/etc/hostname"
    params = FileParams
    timeout_state = State.UNKNOWN

    async def measure(self, target: str, params: FileParams, *, deadline: float) -> Outcome:
        """Look at the file."""
        found = Findings()
        seen = await in_thread(("file", target), lambda: _look(target))
        if seen is None or not params.must_exist:
            well = (seen is not None) is params.must_exist
            text = _("%(path)s 不存在", path=target) if seen is None else _("%(path)s 存在", path=target)
            found.note(State.OK if well else State.CRITICAL, text)
        if seen is not None:
            _judge(found, params, seen)
            await self._inside(target, params, found, deadline)
        return found.outcome()

    async def _inside(self, target: str, params: FileParams, found: Findings, deadline: float) -> None:
        """Nothing to look at inside a plain file."""


class SqliteProbe(FileProbe):
    """An SQLite database file, looked at without a lock and without writing."""

    type = "sqlite"
    label = lazy("SQLite 数据库文件")
    example = "/var/lib/app/data.db"
    params = SqliteParams

    async def _inside(self, target: str, params: FileParams, found: Findings, deadline: float) -> None:
        if not isinstance(params, SqliteParams):
            raise TypeError(type(params).__name__)
        wal = await in_thread(("file", f"{target}-wal"), lambda: _look(f"{target}-wal"))
        size = wal.size if wal else 0
        found.judged(
            "wal_bytes",
            size,
            "B",
            quiet=True,
            warning=params.wal_warning,
            text=_("预写日志 %(size)s", size=bytes_text(size)),
        )
        state, text = await in_thread(
            ("sqlite", target, params.quick_check), lambda: _open_sqlite(target, params.quick_check, deadline)
        )
        found.note(state, text)


def _look(path: str) -> _Seen | None:
    if not path.startswith("/"):
        raise PollerFault(_("%(path)s 不是绝对路径", path=path), _("写从 / 开始的路径"))
    try:
        stat, disk = os.stat(path), os.statvfs(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise PollerFault(_("没有权限查看 %(path)s", path=path), _("给采集端账号读权限")) from None
    usable = disk.f_blocks - disk.f_bfree + disk.f_bavail  # without what only root may use, as the disk probe counts
    return _Seen(stat.st_size, stat.st_mtime, disk.f_bavail * disk.f_frsize, usable * disk.f_frsize)


def _judge(found: Findings, params: FileParams, seen: _Seen) -> None:
    found.judged(
        "file_bytes",
        seen.size,
        "B",
        warning=params.size_warning,
        critical=params.size_critical,
        text=_("大小 %(size)s", size=bytes_text(seen.size)),
    )
    age = max(0.0, time.time() - seen.modified_at)
    found.judged(
        "file_age_seconds",
        age,
        "s",
        warning=params.age_warning,
        critical=params.age_critical,
        text=_("%(time)s前修改", time=duration_text(age)),
    )
    if seen.total:
        percent = 100 * seen.free / seen.total
        found.judged(
            "disk_free_percent",
            percent,
            "%",
            warning=params.free_warning,
            critical=params.free_critical,
            text=_("所在磁盘剩余 %(value).0f%%（%(free)s）", value=percent, free=bytes_text(seen.free)),
        )


def _open_sqlite(path: str, thorough: bool, deadline: float) -> tuple[State, str]:
    """Read the schema, and with `thorough` every page, until the deadline."""
    try:
        with sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=min(2.0, remaining(deadline))) as db:
            db.set_progress_handler(lambda: int(remaining(deadline) < 0.5), 10_000)  # noqa: PLR2004  leave time to answer
            try:
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
                answer = db.execute("PRAGMA quick_check(3)").fetchall() if thorough else [("ok",)]
            finally:
                db.set_progress_handler(None, 0)
        db.close()
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return State.UNKNOWN, _("完整性核对没能在时限内完成")
        if "locked" in str(error):
            return State.WARNING, _("数据库被锁住")
        return State.CRITICAL, _("打不开：%(why)s", why=error)
    except sqlite3.DatabaseError as error:
        return State.CRITICAL, _("已损坏：%(why)s", why=error)
    problems = [str(row[0]) for row in answer if row[0] != "ok"]
    if problems:
        return State.CRITICAL, _("已损坏：%(why)s", why=problems[0][:200])
    return State.OK, _("完整性正常") if thorough else _("可以读取 %(name)s", name=Path(path).name)
