"""What every probe is made of: declared parameters, one measurement at a time, one result.

A probe talks to one target and says what it saw. It stores nothing, knows no database and no web, and so runs as well
on a satellite. Anything that is the poller's own fault is UNKNOWN with what to do about it, never the target's DOWN.
"""

from __future__ import annotations

import builtins
import datetime as dt
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from core.i18n import LazyText, lazy

DEFAULT_TIMEOUT_S = 10.0


class State(StrEnum):
    """What a check may say; "no data" is not among them: it is the absence of a result."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


EXIT_CODES: Mapping[State, int] = MappingProxyType({State.OK: 0, State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3})
"""Source: Monitoring Plugins Development Guidelines, "Plugin Return Codes"."""

_BADNESS = {State.OK: 0, State.UNKNOWN: 1, State.WARNING: 2, State.CRITICAL: 3}


def worst(*states: State) -> State:
    """The state that matters most: critical, then warning, then unknown; none at all is unknown."""
    return max(states, key=_BADNESS.__getitem__, default=State.UNKNOWN)


@dataclass(frozen=True)
class Sample:
    """One number: `unit` is one of %, s, B, B/s, bit/s, 1/s, d or empty for a plain count."""

    metric: str
    value: int | float
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckResult:
    """One answer of one probe.

    `at` is when the measurement ended (aware UTC), `duration_s` its length on the monotonic clock. `evidence` is plain
    JSON for people: what was seen, the thresholds that judged it (`thresholds: {metric: [warning, critical]}`).
    """

    state: State
    output: str
    samples: tuple[Sample, ...]
    at: dt.datetime
    duration_s: float
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What a parameter means to a person; stands in its `Annotated[...]`."""

    text: LazyText
    unit: str = ""
    secret: bool = False


class Params(BaseModel):
    """Base of every probe's parameters; a name nobody declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


class PollerFault(Exception):
    """The poller itself could not look: the target is not to blame (M-10).

    `remedy` tells the administrator what to do.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Outcome:
    """What a probe found, before the runner adds when and how long."""

    state: State
    output: str
    samples: tuple[Sample, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


P = TypeVar("P", bound=Params)


class Probe(ABC, Generic[P]):
    """One kind of check.

    One instance serves all checks of its kind in a poller, so what it remembers between runs (counters, learned bulk
    sizes) is keyed by target.
    """

    type: ClassVar[str]
    label: ClassVar[LazyText]
    target_help: ClassVar[LazyText]
    example: ClassVar[str]
    params: builtins.type[P]
    lane: ClassVar[str] = "default"
    timeout_state: ClassVar[State] = State.CRITICAL
    timeout_text: ClassVar[LazyText] = lazy("超过 %(limit)s 秒没有答复")

    @abstractmethod
    async def measure(self, target: str, params: P, *, deadline: float) -> Outcome:
        """Look once, before `deadline` (an instant of time.monotonic()).

        Raises PollerFault when the poller can't look; any other exception counts as a bug of the probe.
        """

    async def run(self, target: str, params: P, *, deadline: float) -> CheckResult:
        """As measure, but never raises and never outlasts `deadline`."""
        from collectors.run import guarded

        return await guarded(self, target, params, deadline=deadline)


def remaining(deadline: float) -> float:
    """Seconds left until `deadline`, never below a millisecond, so that it can serve as a time limit."""
    return max(0.001, deadline - time.monotonic())
