"""Parents and children: what is unreachable, and when a child's failure may be believed (M-04, M-05). Pure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from monitor.states import State


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent as its child sees it. `state` is the effective one; None or NODATA counts as reachable (M-04)."""

    state: State | None
    probed_at: dt.datetime | None
    interval: dt.timedelta
    reachable: bool = True
    group: str | None = None

    @property
    def failed(self) -> bool:
        """Critical, soft or hard, or unreachable itself: suppression is transitive."""
        return self.state is State.CRITICAL or not self.reachable


class Verdict(StrEnum):
    """What the parents say of a failing child."""

    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"
    WAITING = "waiting"


def reachable(parents: Iterable[Parent]) -> bool:
    """False if a parent without a group has failed, or all of one group (M-04)."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for parent in parents:
        if parent.group is None:
            if parent.failed:
                return False
        else:
            groups[parent.group].append(parent.failed)
    return not any(all(failed) for failed in groups.values())


def verdict(parents: Collection[Parent], *, failed_at: dt.datetime, hard_at: dt.datetime, now: dt.datetime) -> Verdict:
    """Whether a child's HARD problem may be told (M-05).

    `failed_at` is the child's first failing result, `hard_at` when it became HARD. The child waits while a parent not
    yet probed after `failed_at` could still make it unreachable, at most one interval of that parent.
    """
    if not reachable(parents):
        return Verdict.UNREACHABLE
    worst = [_assumed_failed(p) if _awaited(p, failed_at, hard_at, now) else p for p in parents]
    return Verdict.REACHABLE if reachable(worst) else Verdict.WAITING


def _awaited(parent: Parent, failed_at: dt.datetime, hard_at: dt.datetime, now: dt.datetime) -> bool:
    asked_since = parent.probed_at is not None and parent.probed_at > failed_at
    return not asked_since and now < hard_at + parent.interval


def _assumed_failed(parent: Parent) -> Parent:
    return Parent(State.CRITICAL, parent.probed_at, parent.interval, parent.reachable, parent.group)


K = TypeVar("K", bound=Hashable)


def cycle(parents_of: Mapping[K, Collection[K]], start: K) -> list[K] | None:
    """A way from `start` up through its parents back to itself, or None; a check must not depend on itself."""
    stack: list[tuple[K, list[K]]] = [(start, [start])]
    seen: set[K] = set()
    while stack:
        node, way = stack.pop()
        for parent in parents_of.get(node, ()):
            if parent == start:
                return [*way, start]
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, [*way, parent]))
    return None
