"""Runs a probe for somebody who waits: 立即检查 and 试运行. Holds no database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collectors.base import CheckResult
from collectors.registry import probe_class
from collectors.run import check as run_check
from monitor.checks import definition
from monitor.intake import Number, Result
from monitor.models import Check
from monitor.states import State


@dataclass(frozen=True, slots=True)
class Order:
    """What to run; holds secrets, so it is never logged (repr shows none)."""

    type: str
    target: str
    params: Mapping[str, Any]
    timeout_s: float

    def __repr__(self) -> str:
        return f"Order({self.type!r}, {self.target!r})"

    @classmethod
    def of(cls, check: Check) -> Order:
        """The order of a stored check."""
        return cls(check.type, check.target, definition.whole(check), check.timeout_s)


def run_now(order: Order) -> CheckResult:
    """Run it once in this thread. Raises Invalid for an unknown type; everything else becomes a result."""
    probe = probe_class(order.type)()
    return asyncio.run(run_check(probe, order.target, order.params, timeout_s=order.timeout_s))


def as_result(check_id: int, found: CheckResult) -> Result:
    """A probe's answer as the intake takes it."""
    numbers = [Number(n.metric, n.value, n.unit, dict(n.labels)) for n in found.samples]
    return Result(check_id, found.at, State(found.state.value), found.output, numbers, dict(found.evidence))
