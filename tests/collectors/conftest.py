"""Runs one probe as the poller does, kept between calls so that it can remember."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest

from collectors.base import CheckResult
from collectors.registry import make_probes
from collectors.run import check
from tests.collectors.snmp_agent import Agent

Look = Callable[..., Awaitable[CheckResult]]


@pytest.fixture
def look() -> Look:
    """`await look("tcp", target, send="x")`."""
    probes = make_probes()

    async def one(type_name: str, target: str, *, timeout_s: float = 10.0, **params: object) -> CheckResult:
        return await check(probes[type_name], target, params, timeout_s=timeout_s)

    return one


@pytest.fixture
def agent() -> Iterator[Agent]:
    """An SNMP agent that does what the test wants."""
    with Agent() as running:
        yield running


def value(result: CheckResult, metric: str, **labels: str) -> int | float:
    """The one sample of that name and labels; LookupError when there is none."""
    found = [s.value for s in result.samples if s.metric == metric and labels.items() <= dict(s.labels).items()]
    if len(found) != 1:
        raise LookupError(f"{metric} {labels}: {len(found)} samples in {[s.metric for s in result.samples]}")
    return found[0]
