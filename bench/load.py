"""A closed-loop HTTP/1.1 load generator, light enough not to be what is measured.

Requests are bytes made beforehand; each connection sends the next one as soon as it has its answer. Answers are read as far
as their length; only Content-Length is understood, which is what the measured endpoints send.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
LIMIT_S = 300.0


def post(path: str, body: Any, *, token: str | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """One request, whole."""
    data = json.dumps(body, ensure_ascii=False).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return head.encode() + b"\r\n" + data


@dataclass
class Result:
    """What a run found: seconds it took, each answer's latency in seconds, statuses, and the client's own CPU seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    client_cpu: float = 0.0

    def quantile(self, q: float) -> float:
        """Latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], result: Result, over: asyncio.Future[None]) -> None:
        self._requests, self._result, self._over = requests, result, over
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._buffer, self._began = b"", time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(rest) < int(length or 0):
            return
        self._result.latencies.append(time.perf_counter() - self._began)
        self._result.statuses[int(head[9:12])] += 1
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)
        if error is not None:
            self._result.statuses[-1] += 1


def run(port: int, requests: Sequence[bytes], *, connections: int) -> Result:
    """Send all requests over so many connections; raises TimeoutError after five minutes."""
    return asyncio.run(_run(port, requests, connections))


async def _run(port: int, requests: Sequence[bytes], connections: int) -> Result:
    loop = asyncio.get_running_loop()
    result, each = Result(), iter(requests)
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    began, cpu = time.perf_counter(), sum(os.times()[:2])
    for over in ends:
        await loop.create_connection(lambda over=over: _Connection(each, result, over), HOST, port)  # type: ignore[misc]
    await asyncio.wait_for(asyncio.gather(*ends), LIMIT_S)
    result.seconds, result.client_cpu = time.perf_counter() - began, sum(os.times()[:2]) - cpu
    return result
