"""One mounted file system of the poller's own machine, as a check of its own with its own thresholds and history."""

from __future__ import annotations

from typing import Annotated

from collectors.base import About, Outcome, Params, Probe, State
from collectors.blocking import in_thread
from collectors.findings import Findings
from collectors.probes import _host_readings as readings
from collectors.text import bytes_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy


class DiskParams(Params):
    """What is too full."""

    disk_warning: Annotated[RangeText, About(lazy("使用率警告阈值"), "%")] = "85"
    disk_critical: Annotated[RangeText, About(lazy("使用率严重阈值"), "%")] = "95"
    free_warning: Annotated[RangeText, About(lazy("剩余空间警告阈值，如 5000000000: 表示少于 5 GB"), "B")] = ""
    free_critical: Annotated[RangeText, About(lazy("剩余空间严重阈值"), "B")] = ""
    inode_warning: Annotated[RangeText, About(lazy("索引节点使用率警告阈值"), "%")] = "85"
    inode_critical: Annotated[RangeText, About(lazy("索引节点使用率严重阈值"), "%")] = "95"


class DiskProbe(Probe[DiskParams]):
    """How full a mount point is."""

    type = "disk"
    label = lazy("磁盘")
    target_help = lazy("挂载点的绝对路径（采集端本机）")
    example = "/"
    params = DiskParams
    timeout_state = State.UNKNOWN

    async def measure(self, target: str, params: DiskParams, *, deadline: float) -> Outcome:  # noqa: ARG002  the runner holds the limit
        """Look at the mount; one that is gone is critical."""
        found = Findings()
        disk = await in_thread(("disk", target), lambda: readings.disk_at(target))
        if disk is None:
            found.note(State.CRITICAL, _("%(mount)s 没有挂载", mount=target))
            return found.outcome()
        label = {"mount": disk.mount}
        found.judged(
            "disk_percent", disk.used_percent, "%", labels=label,
            warning=params.disk_warning, critical=params.disk_critical,
            text=_("%(mount)s 已用 %(value).0f%%", mount=disk.mount, value=disk.used_percent),
        )  # fmt: skip
        found.judged(
            "disk_free_bytes", disk.free, "B", labels=label, warning=params.free_warning, critical=params.free_critical,
            text=_("剩 %(free)s", free=bytes_text(disk.free)),
        )  # fmt: skip
        if disk.inodes_percent is not None:
            found.judged(
                "inode_percent", disk.inodes_percent, "%", labels=label, quiet=True,
                warning=params.inode_warning, critical=params.inode_critical,
                text=_("索引节点已用 %(value).0f%%", value=disk.inodes_percent),
            )  # fmt: skip
        found.evidence["device"] = disk.device
        return found.outcome()
