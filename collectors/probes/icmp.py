"""Ping: loss and round-trip time."""

from __future__ import annotations

import asyncio
from typing import Annotated

import icmplib
from icmplib.utils import unique_identifier
from pydantic import Field

from collectors import net
from collectors.base import About, Outcome, Params, PollerFault, Probe, State, remaining
from collectors.findings import Findings
from collectors.run import poller_fault
from collectors.text import duration_text
from collectors.thresholds import RangeText
from core.i18n import gettext as _
from core.i18n import lazy


class IcmpParams(Params):
    """How to ping, and what is too slow or too lossy."""

    count: Annotated[int, About(lazy("每次发送的探测包数")), Field(ge=1, le=20)] = 5
    gap_s: Annotated[float, About(lazy("两个包的间隔"), "s"), Field(ge=0.05, le=2)] = 0.2
    size: Annotated[int, About(lazy("包内数据的字节数"), "B"), Field(ge=0, le=8000)] = 56
    loss_warning: Annotated[RangeText, About(lazy("丢包率警告阈值"), "%")] = "20"
    loss_critical: Annotated[RangeText, About(lazy("丢包率严重阈值"), "%")] = "60"
    rtt_warning: Annotated[RangeText, About(lazy("平均往返时间警告阈值"), "ms")] = "200"
    rtt_critical: Annotated[RangeText, About(lazy("平均往返时间严重阈值"), "ms")] = "500"


class IcmpProbe(Probe[IcmpParams]):
    """Reachability. Sends without privilege where the system allows it, else with a raw socket."""

    type = "icmp"
    label = lazy("连通性（ping）")
    target_help = lazy("主机名或 IP 地址")
    example = "127.0.0.1"
    params = IcmpParams

    async def measure(self, target: str, params: IcmpParams, *, deadline: float) -> Outcome:
        """Send the packets, the last one early enough to be answered."""
        address = (await net.resolve(net.check_host(target.strip("[]")), 0))[0]
        room = remaining(deadline) - 0.3
        gap = min(params.gap_s, room / 2 / params.count)
        wait = max(0.05, min(2.0, (room - gap * (params.count - 1)) / params.count))
        answer = await _ping(address, params, gap, wait)
        found = Findings()
        loss = 100 * answer.packet_loss
        found.judged(
            "loss_percent",
            loss,
            "%",
            warning=params.loss_warning,
            critical=params.loss_critical,
            text=_(
                "%(address)s 丢包 %(loss).0f%%（%(got)d/%(sent)d）",
                address=address,
                loss=loss,
                got=answer.packets_received,
                sent=answer.packets_sent,
            ),
        )
        if answer.is_alive:
            _round_trips(found, params, answer)
        else:
            found.note(State.CRITICAL, _("没有回应"))
        return found.outcome()


def _round_trips(found: Findings, params: IcmpParams, answer: icmplib.Host) -> None:
    mean = answer.avg_rtt
    found.judged(
        "rtt_ms",
        mean,
        "ms",
        text=_("往返 %(time)s", time=duration_text(mean / 1000)),
        warning=params.rtt_warning,
        critical=params.rtt_critical,
    )
    found.sample("rtt_max_ms", answer.max_rtt, "ms")
    found.sample("jitter_ms", answer.jitter, "ms")


def _socket(address: str) -> icmplib.AsyncSocket:
    """Unprivileged first: it needs nothing but the system's consent (net.ipv4.ping_group_range)."""
    kind = icmplib.ICMPv6Socket if ":" in address else icmplib.ICMPv4Socket
    for privileged in (False, True):
        try:
            return icmplib.AsyncSocket(kind(None, privileged))
        except icmplib.SocketPermissionError:
            continue
        except icmplib.ICMPSocketError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
    raise PollerFault(
        _("没有发送 ICMP 的权限"),
        _(
            '任选其一：sysctl -w net.ipv4.ping_group_range="0 2147483647"；'
            "或给 python 授权 setcap cap_net_raw+ep；或改用 tcp 检查"
        ),
    )


async def _ping(address: str, params: IcmpParams, gap: float, wait: float) -> icmplib.Host:
    """Like icmplib.async_ping, which however counts a packet that this machine could not send as lost."""
    ident, times = unique_identifier(), []
    with _socket(address) as sock:
        for sequence in range(params.count):
            if sequence:
                await asyncio.sleep(gap)
            request = icmplib.ICMPRequest(address, ident, sequence, payload_size=params.size)
            try:
                _send(sock, request)
                reply = await sock.receive(request, wait)
                reply.raise_for_status()
                times.append((reply.time - request.time) * 1000)
            except icmplib.ICMPLibError:
                continue  # lost
    return icmplib.Host(address, params.count, times)


def _send(sock: icmplib.AsyncSocket, request: icmplib.ICMPRequest) -> None:
    try:
        sock.send(request)
    except icmplib.ICMPSocketError as error:
        if isinstance(error.__context__, OSError) and poller_fault(error.__context__) is not None:
            raise error.__context__ from None
        raise
