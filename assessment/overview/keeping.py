"""Figures of very many tickets are counted again only after a while; few are counted each time they are asked for."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from accounts.scope import Viewer

T = TypeVar("T")
R = TypeVar("R")
MANY = 2_000
"""Rows from which on figures are kept: counting so many takes as long as the rest of the page."""


@dataclass(frozen=True)
class _Kept:
    viewer: Viewer
    until: dt.datetime
    value: Any


_kept: dict[tuple[int, int, str], _Kept] = {}
_lock = threading.Lock()


def counted(
    session: Session,
    viewer: Viewer,
    name: str,
    rows: Callable[[], Sequence[R]],
    figures: Callable[[Sequence[R]], T],
    *,
    now: dt.datetime,
    keep: dt.timedelta,
) -> T:
    """`figures` of `rows`; of many rows those of at most `keep` ago.

    Kept for the very viewer they were counted for: with other rights there is another viewer (accounts/scope/load.py).
    """
    key = (id(session.get_bind().engine), viewer.person_id, name)
    with _lock:
        before = _kept.get(key)
    if before is not None and before.viewer is viewer and before.until - keep <= now < before.until:
        value: T = before.value
        return value
    found = rows()
    value = figures(found)
    with _lock:
        if len(found) >= MANY:
            _kept[key] = _Kept(viewer, now + keep, value)
        else:
            _kept.pop(key, None)
    return value
