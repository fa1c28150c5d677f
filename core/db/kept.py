"""Values as SQLite keeps them, for statements that go past the unit of work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec


class Kept(dict[type, Callable[[Any], Any] | None]):
    """How SQLite keeps a value of each type, as the column types do: most values go as they are.

    Most times of a batch are one and the same, so what was worded once is remembered; by identity, since hashing a time
    takes longer than wording it. So one of these is for values that stay alive as long as it does.
    """

    def __init__(self) -> None:
        super().__init__({dt.datetime: self._time, dict: _json, list: _json})
        self._times: dict[int, str] = {}

    def __missing__(self, kind: type) -> Callable[[Any], Any] | None:
        keep = str if issubclass(kind, StrEnum) else None
        self[kind] = keep
        return keep

    def __call__(self, value: Any) -> Any:
        keep = self[type(value)]
        return value if keep is None else keep(value)

    def _time(self, value: dt.datetime) -> str:
        text = self._times.get(id(value))
        if text is None:
            utc = value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)
            text = self._times[id(value)] = utc.isoformat(" ", "microseconds")[:26]
        return text


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
