"""Collects what a probe saw, judges each number against its thresholds, and words the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.base import Outcome, Sample, State, worst
from collectors.thresholds import judge, optional


class Findings:
    """The notebook of one measurement."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.evidence: dict[str, Any] = {}
        self._notes: list[tuple[State, str]] = []
        self._thresholds: dict[str, list[str]] = {}

    def sample(self, metric: str, value: float, unit: str = "", labels: Mapping[str, str] | None = None) -> None:
        """Keep a number that nothing judges."""
        self.samples.append(Sample(metric, value, unit, dict(labels or {})))

    def judged(
        self,
        metric: str,
        value: float,
        unit: str = "",
        *,
        text: str,
        warning: str = "",
        critical: str = "",
        labels: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> State:
        """Keep a number and note `text` with the state its thresholds give it; `quiet`: only if that is bad."""
        self.sample(metric, value, unit, labels)
        if warning or critical:
            self._thresholds[metric] = [warning, critical]
        state = judge(value, optional(warning), optional(critical))
        if not (quiet and state is State.OK):
            self.note(state, text)
        return state

    def note(self, state: State, text: str) -> None:
        """Something worth a word, good or bad."""
        self._notes.append((state, text))

    def outcome(self) -> Outcome:
        """The worst state; the words say the bad things, or, when all is well, everything noted."""
        state = worst(*(s for s, _ in self._notes))
        bad = [text for s, text in self._notes if s is not State.OK]
        evidence = {**self.evidence}
        if self._thresholds:
            evidence["thresholds"] = self._thresholds
        return Outcome(state, "；".join(bad or [t for _, t in self._notes]), tuple(self.samples), evidence)
