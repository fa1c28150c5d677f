"""Blocking calls: one thread for each thing asked, and none of the loop's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from collectors import net
from collectors.base import PollerFault
from collectors.blocking import in_thread
from core.i18n import current_locale, use_locale


async def test_what_hangs_costs_one_thread_however_often_it_is_asked():
    stuck = threading.Event()
    before = threading.active_count()
    for _ in range(30):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_thread("hung mount", stuck.wait)
    assert threading.active_count() == before + 1
    began = time.monotonic()
    assert await asyncio.gather(*(in_thread(("well", n), lambda n=n: n) for n in range(50))) == list(range(50))
    assert time.monotonic() - began < 5, "others go on meanwhile"
    stuck.set()
    assert await in_thread("hung mount", lambda: True)


async def test_callers_of_the_same_thing_share_one_answer_and_its_error():
    calls = []

    def fail() -> None:
        calls.append(1)
        time.sleep(0.1)
        raise LookupError("none")

    results = await asyncio.gather(*(in_thread("same", fail) for _ in range(5)), return_exceptions=True)
    assert [type(r) for r in results] == [LookupError] * 5
    assert len(calls) == 1
    with pytest.raises(LookupError):
        await in_thread("same", fail)
    assert len(calls) == 2, "asked anew once it has ended"


async def test_the_readers_language_goes_along():
    with use_locale("en"):
        assert await in_thread("locale", current_locale) == "en"


def test_a_hung_call_does_not_hold_up_the_end_of_the_program():
    program = """
import asyncio, threading
from collectors.blocking import in_thread
async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_thread("hung", threading.Event().wait)
    except TimeoutError:
        print("given up")
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (0, "given up\n"), done.stderr


async def test_a_name_with_several_addresses_is_reached_by_the_one_that_answers():
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        _reader, writer = await net.connect(["127.0.0.1", "127.0.0.2"], port, deadline=time.monotonic() + 5)
        assert writer.get_extra_info("peername")[0] == "127.0.0.2"
        await net.close(writer)
    with pytest.raises(net.TargetDown):
        await net.connect(["127.0.0.1", "127.0.0.2"], port, deadline=time.monotonic() + 5)


async def test_an_address_needs_no_resolver_and_a_name_may_have_none():
    assert await net.resolve("127.0.0.1", 1) == ["127.0.0.1"]
    assert await net.resolve("::1", 1) == ["::1"]
    assert "127.0.0.1" in await net.resolve("localhost", 1)
    with pytest.raises(PollerFault):
        await net.resolve("nowhere.invalid", 1)
