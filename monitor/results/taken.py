"""What becomes of results."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Taken:
    """What became of a batch; `discarded` holds (index in the batch, reason)."""

    accepted: int = 0
    discarded: list[tuple[int, str]] = field(default_factory=list)
    refused_samples: int = 0
    again: dict[int, float] = field(default_factory=dict)
    """Check id → seconds until it is to be looked at again: a soft state's retry, parents and children (M-01, M-03)."""
