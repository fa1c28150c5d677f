"""Calls that block, in threads of their own.

Not in the loop's pool: that has few threads, and a file server that hangs, or a name server that is silent, would take
them all, and with them everything else that needs one. Who asks for what is already being asked joins that call, so a
hung mount costs one thread, however often it is looked at; and the threads are daemons, so it can't hold up the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")

_calls: dict[tuple[int, Hashable], asyncio.Future[Any]] = {}


async def in_thread(key: Hashable, work: Callable[[], T]) -> T:
    """What `work` returns or raises. Calls with the same key share one run while it lasts."""
    loop = asyncio.get_running_loop()
    place = (id(loop), key)
    call = _calls.get(place)
    if call is None:
        call = _calls[place] = loop.create_future()
        call.add_done_callback(lambda done: _forget(place, done))
        context = contextvars.copy_context()
        threading.Thread(target=_body, args=(loop, call, context, work), name=f"blocking {key}", daemon=True).start()
    return cast("T", await asyncio.shield(call))


def _body(
    loop: asyncio.AbstractEventLoop, call: asyncio.Future[Any], context: contextvars.Context, work: Callable[[], T]
) -> None:
    value: T | None = None
    error: BaseException | None = None
    try:
        value = context.run(work)
    except BaseException as raised:  # noqa: BLE001  handed to whoever waits
        error = raised
    with contextlib.suppress(RuntimeError):  # the loop may be gone by now
        loop.call_soon_threadsafe(_settle, call, value, error)


def _settle(call: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if call.done():
        return
    if error is not None:
        call.set_exception(error)
    else:
        call.set_result(value)


def _forget(place: tuple[int, Hashable], call: asyncio.Future[Any]) -> None:
    _calls.pop(place, None)
    if not call.cancelled():
        call.exception()  # seen, even if everybody who waited has given up
