"""Slow clients: a few connections that send or read next to nothing must not stop anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.web.patience import Patient
from tests.servers.taxops import TaxopsServer

Said = list[dict[str, Any]]
POST = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"9")]}


async def echo(
    _scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Answers with the body it got."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def asked(
    pieces: list[bytes], *, every_s: float = 0.0, most: int = 10**6, rate: float = 1000.0, scope: Any = None
) -> Said:
    said: Said = []
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(every_s)
        if not left:
            await asyncio.sleep(3600)
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or piece == b"stalls"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await Patient(echo, most=most, grace_s=0.2, least_rate=rate)(scope or POST, receive, send)
    return said


async def test_a_whole_body_arrives_as_it_was_sent() -> None:
    for pieces in ([b""], [b"abc"], [b"a" * 70_000, b"b" * 70_000], [b"x" * 65536], [b"x" * 65536 * 2, b""]):
        said = await asked(pieces)
        assert (said[0]["status"], said[1]["body"]) == (200, b"".join(pieces))


async def test_a_body_that_stalls_is_given_up() -> None:
    said = await asked([b"stalls"])
    assert said[0]["status"] == 408


async def test_a_body_that_drips_is_given_up() -> None:
    """A byte just before each time limit: the whole has a limit, too."""
    said = await asked([b"x"] * 50, every_s=0.05)
    assert said[0]["status"] == 408


async def test_a_slow_line_that_keeps_coming_is_waited_for() -> None:
    said = await asked([b"x" * 100] * 10, every_s=0.05)
    assert (said[0]["status"], len(said[1]["body"])) == (200, 1000)


async def test_a_body_without_an_end_is_cut_off() -> None:
    said = await asked([b"x" * 1000] * 20, most=5000)
    assert said[0]["status"] == 413


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async def never(_message: dict[str, Any]) -> None:
        await asyncio.sleep(3600)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    began = time.monotonic()
    async with asyncio.timeout(30):
        await Patient(echo, most=10, grace_s=0.2)(POST, receive, never)
    assert time.monotonic() - began < 20


@contextlib.contextmanager
def stalled(server: TaxopsServer, count: int, text: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as all_of_them:
        made = []
        for _ in range(count):
            one = all_of_them.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            one.sendall(text)
            made.append(one)
        yield made


@pytest.mark.slow
def test_the_program_answers_while_others_are_slow(tmp_path: Path) -> None:
    """More of them than the program has threads: half a head, and a head with no body."""
    server = TaxopsServer(tmp_path)
    server.start()
    try:
        head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nlogin="
        with stalled(server, 60, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "), stalled(server, 60, head):
            time.sleep(1)
            for path in ("/healthz", "/login"):
                with urllib.request.urlopen(f"{server.url}{path}", timeout=15) as answer:
                    assert answer.status == 200
    finally:
        server.stop()
