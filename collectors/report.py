"""What a poller says of a check, as it travels and as it waits on disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.base import DEFAULT_TIMEOUT_S, CheckResult, Sample, State


@dataclass(frozen=True)
class CheckDefinition:
    """A check as its owner defines it. `params` may hold secrets, so it is not shown."""

    id: str
    type: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    interval_s: float = 60.0
    retry_s: float = 15.0
    max_attempts: int = 3
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True)
class Report:
    """One result of one check."""

    check_id: str
    result: CheckResult

    def as_data(self) -> dict[str, Any]:
        """Plain JSON; `at` is RFC 3339 in UTC."""
        result = self.result
        return {
            "check": self.check_id,
            "at": result.at.isoformat(),
            "state": result.state.value,
            "output": result.output,
            "duration_s": result.duration_s,
            "samples": [
                {"metric": s.metric, "value": s.value, "unit": s.unit, "labels": dict(s.labels)} for s in result.samples
            ],
            "evidence": dict(result.evidence),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Report:
        """The other way. Raises KeyError or ValueError for what as_data did not make."""
        result = CheckResult(
            state=State(data["state"]),
            output=data["output"],
            samples=tuple(Sample(s["metric"], s["value"], s["unit"], s["labels"]) for s in data["samples"]),
            at=dt.datetime.fromisoformat(data["at"]),
            duration_s=data["duration_s"],
            evidence=data["evidence"],
        )
        return cls(data["check"], result)
