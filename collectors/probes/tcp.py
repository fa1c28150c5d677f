"""Connect to a TCP port; optionally say something and look at the answer."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from pydantic import Field

from collectors import net
from collectors.base import About, Outcome, Params, Probe, State, remaining
from collectors.findings import Findings
from collectors.text import duration_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy

READ_LIMIT = 64 * 1024


class TcpParams(Params):
    """What to say and to hear; thresholds are seconds."""

    send: Annotated[str, About(lazy("连上后发送的文字；\\r \\n \\t 可写成转义")), Field(max_length=4096)] = ""
    expect: Annotated[str, About(lazy("回答里必须出现的文字；空表示不看回答")), Field(max_length=4096)] = ""
    connect_warning: Annotated[RangeText, About(lazy("连接用时警告阈值"), "s")] = "1"
    connect_critical: Annotated[RangeText, About(lazy("连接用时严重阈值"), "s")] = "5"


class TcpProbe(Probe[TcpParams]):
    """A port that answers."""

    type = "tcp"
    label = lazy("TCP 端口")
    target_help = lazy("主机:端口")
    example = "127.0.0.1:22"
    params = TcpParams

    async def measure(self, target: str, params: TcpParams, *, deadline: float) -> Outcome:
        """Connect, speak, listen."""
        host, port = net.split_target(target)
        addresses = await net.resolve(host, port)
        found = Findings()
        began = time.monotonic()
        try:
            reader, writer = await net.connect(addresses, port, deadline=deadline)
            took = time.monotonic() - began
            found.judged(
                "connect_seconds",
                took,
                "s",
                text=_("端口 %(port)d 已连上，用时 %(time)s", port=port, time=duration_text(took)),
                warning=params.connect_warning,
                critical=params.connect_critical,
            )
            try:
                await _talk(reader, writer, params, deadline, found)
            finally:
                await net.close(writer)
        except net.TargetDown as down:
            found.note(State.CRITICAL, str(down))
        except OSError as error:
            verdict = net.down_or_fault(error, host, port)
            if not isinstance(verdict, net.TargetDown):
                raise verdict from None
            found.note(State.CRITICAL, str(verdict))
        return found.outcome()


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, params: TcpParams, deadline: float, found: Findings
) -> None:
    if params.send:
        writer.write(_unescape(params.send))
        await writer.drain()
    if not params.expect:
        return
    heard = bytearray()
    wanted = _unescape(params.expect)
    try:
        async with asyncio.timeout(remaining(deadline - 0.1)):
            while wanted not in heard and len(heard) < READ_LIMIT and (chunk := await reader.read(4096)):
                heard += chunk
    except TimeoutError:
        pass  # what was heard until now decides
    found.evidence["answer"] = heard[:500].decode("utf-8", "replace")
    if wanted in heard:
        found.note(State.OK, _("回答符合预期"))
    elif heard:
        found.note(State.CRITICAL, _("回答里没有“%(wanted)s”", wanted=params.expect))
    else:
        found.note(State.CRITICAL, _("连上了，但没有回答"))


def _unescape(text: str) -> bytes:
    return text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t").encode()
