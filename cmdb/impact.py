"""Impact, purely: what fails when one item fails (C-02). No session, no names, only ids.

A `Need` says that one item needs another. Targets of one needer that share a group stand in for each other, so the
needer fails only when all of them do; a need without a group is vital by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Need:
    """`needer` needs `needed`; those it needs with the same `group` stand in for each other."""

    needer: int
    needed: int
    group: str | None = None


class Why(StrEnum):
    """How an item came onto the list."""

    COMPUTED = "computed"
    DECLARED = "declared"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Hit:
    """One item on the impact list: how many steps from the root, and through which item it was reached first."""

    depth: int
    through: int
    why: Why = Why.COMPUTED


@dataclass
class Graph:
    """Needs, ready to be walked from the needed to the needer."""

    needers: dict[int, list[Need]] = field(default_factory=lambda: defaultdict(list))
    groups: dict[tuple[int, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, needs: Iterable[Need]) -> Graph:
        """A graph of `needs`; saying one twice changes nothing."""
        graph = cls()
        for need in set(needs):
            graph.needers[need.needed].append(need)
            if need.group is not None:
                graph.groups[need.needer, need.group].append(need.needed)
        return graph


def impact(
    root: int,
    graph: Graph,
    *,
    depth: int,
    declared: Mapping[int, str] | Collection[int] = (),
    excluded: Mapping[int, str] | Collection[int] = (),
    down: Collection[int] = (),
) -> dict[int, Hit]:
    """What fails within `depth` steps when `root` fails, without `root` itself.

    `down`: what is broken already, and so can't stand in for anything. `declared`: what a person says is hit besides,
    at one step, and what follows from it. `excluded`: what a person says is not hit; it stays on the list marked so
    (where it would have been hit), is taken as working, and nothing follows from it.
    """
    hits: dict[int, Hit] = {}
    broken = {root}
    front = [root]
    for step in range(1, depth + 1):
        found: dict[int, Hit] = {}
        if step == 1:
            found = {item: Hit(1, root, Why.DECLARED) for item in declared if item != root and item not in excluded}
        for item in front:
            for need in graph.needers.get(item, ()):
                if need.needer in broken or need.needer in hits or need.needer in found:
                    continue
                if _stood_in_for(need, graph, broken, down, excluded):
                    continue
                why = Why.EXCLUDED if need.needer in excluded else Why.COMPUTED
                found[need.needer] = Hit(step, item, why)
        hits.update(found)
        front = sorted(item for item, hit in found.items() if hit.why is not Why.EXCLUDED)
        broken.update(front)
        if not front:
            break
    return hits


def _stood_in_for(
    need: Need, graph: Graph, broken: Collection[int], down: Collection[int], excluded: Collection[int]
) -> bool:
    """Whether another member of the group still works. What a person excluded counts as working."""
    if need.group is None:
        return False
    members = graph.groups[need.needer, need.group]
    return any(member not in broken and (member not in down or member in excluded) for member in members)


def chain(root: int, item: int, hits: Mapping[int, Hit]) -> list[int]:
    """The way by which `item` was reached: root first, item last."""
    way = [item]
    while way[-1] != root:
        way.append(hits[way[-1]].through)
    return way[::-1]
