"""Is a process running on this machine, how many, how big."""

from __future__ import annotations

from typing import Annotated

import psutil
from pydantic import Field

from collectors.base import About, Outcome, Params, Probe, State
from collectors.blocking import in_thread
from collectors.findings import Findings
from collectors.text import bytes_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy


class ProcessParams(Params):
    """How many there should be, and what is too much."""

    arguments: Annotated[str, About(lazy("命令行里还应出现的文字")), Field(max_length=500)] = ""
    count_warning: Annotated[RangeText, About(lazy("进程数警告阈值"))] = ""
    count_critical: Annotated[RangeText, About(lazy("进程数严重阈值，1: 表示一个也没有时"))] = "1:"
    memory_warning: Annotated[RangeText, About(lazy("内存合计警告阈值"), "B")] = ""
    memory_critical: Annotated[RangeText, About(lazy("内存合计严重阈值"), "B")] = ""


class ProcessProbe(Probe[ProcessParams]):
    """A named process of the poller's own machine."""

    type = "process"
    label = lazy("进程")
    target_help = lazy("进程名，如 nginx（采集端本机）")
    example = "nginx"
    params = ProcessParams
    timeout_state = State.UNKNOWN

    async def measure(self, target: str, params: ProcessParams, *, deadline: float) -> Outcome:  # noqa: ARG002  the runner holds the limit
        """Count the processes of that name."""
        sizes = await in_thread(("process", target, params.arguments), lambda: _sizes(target, params.arguments))
        found = Findings()
        found.judged(
            "process_count",
            len(sizes),
            warning=params.count_warning,
            critical=params.count_critical,
            text=_("%(name)s 有 %(count)d 个进程", name=target, count=len(sizes)),
        )
        if sizes:
            found.judged(
                "process_memory_bytes",
                sum(sizes),
                "B",
                warning=params.memory_warning,
                critical=params.memory_critical,
                text=_("内存 %(size)s", size=bytes_text(sum(sizes))),
            )
        return found.outcome()


def _sizes(name: str, arguments: str) -> list[int]:
    """Resident bytes of each match; a process that ends meanwhile or hides its size counts with 0."""
    found = []
    for process in psutil.process_iter(["name", "cmdline", "memory_info", "status"]):
        info = process.info
        words = info["cmdline"] or []
        program = words[0].rsplit("/", 1)[-1].removesuffix(":") if words else ""
        if name not in (info["name"], program) or info["status"] == psutil.STATUS_ZOMBIE:
            continue  # the kernel cuts names at 15 characters, so the command line counts too
        if not arguments or arguments in " ".join(words):
            found.append(info["memory_info"].rss if info["memory_info"] else 0)
    return found
