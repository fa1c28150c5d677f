"""Health, purely: the worst of an item's own sources, and a service's from its parts.

A service fails when something vital to it fails. Where a group of stand-ins lost one, the service is at risk: warning.
What nothing monitors says nothing; what stopped reporting is unknown, never OK (M-09).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from cmdb.impact import Need
from cmdb.models import Health

_WORST_LAST = (Health.OK, Health.NODATA, Health.UNKNOWN, Health.WARNING, Health.CRITICAL)
_RANK = {state: rank for rank, state in enumerate(_WORST_LAST)}


def worst(states: Iterable[Health]) -> Health:
    """The worst of an item's sources; NODATA where there is none."""
    return max(states, key=_RANK.__getitem__, default=Health.NODATA)


def derived(root: int, needs: Collection[Need], own: Mapping[int, Health]) -> Health:
    """The health of `root` from its own sources and everything it needs, directly or through others.

    `own` holds only what is monitored. NODATA where nothing on the way is monitored, or nothing is heard of any of it.
    """
    if all(state is Health.NODATA for state in own.values()):
        return Health.NODATA
    known = {item: _level(state) for item, state in own.items()}
    vital, groups = _needs_of(needs)
    levels = _monitored(known, needs)
    changed = root in levels
    while changed:  # which items have a level is settled; levels only rise, so this ends, in rings too
        changed = False
        for item in levels:
            parts = [levels[n] for n in vital.get(item, ()) if n in levels]
            parts += [_stand_ins(members, levels) for members in groups.get(item, {}).values()]
            if (level := max(parts, default=0)) > levels[item]:
                levels[item] = level
                changed = True
    return _LEVELS[levels[root]] if root in levels else Health.NODATA


def _monitored(known: Mapping[int, int], needs: Collection[Need]) -> dict[int, int]:
    """Items of which something is known, themselves or through what they need, with the level they start at."""
    levels = dict(known)
    changed = True
    while changed:
        changed = False
        for need in needs:
            if need.needed in levels and need.needer not in levels:
                levels[need.needer] = 0
                changed = True
    return levels


_LEVELS = (Health.OK, Health.UNKNOWN, Health.WARNING, Health.CRITICAL)
_OK, _UNKNOWN, _WARNING, _CRITICAL = range(4)


def _level(state: Health) -> int:
    """A part that stopped reporting makes the whole unknown: it is not proven to work."""
    return _UNKNOWN if state is Health.NODATA else _LEVELS.index(state)


def _needs_of(needs: Collection[Need]) -> tuple[dict[int, set[int]], dict[int, dict[str, set[int]]]]:
    vital: dict[int, set[int]] = {}
    groups: dict[int, dict[str, set[int]]] = {}
    for need in needs:
        if need.group is None:
            vital.setdefault(need.needer, set()).add(need.needed)
        else:
            groups.setdefault(need.needer, {}).setdefault(need.group, set()).add(need.needed)
    return vital, groups


def _stand_ins(members: Collection[int], levels: Mapping[int, int]) -> int:
    """The level of a group: the best of its members, but at least a warning once one has failed."""
    present = [levels[m] for m in members if m in levels]
    if not present:
        return _OK
    best = min(present)
    if best == _CRITICAL and len(present) < len(members):  # nobody watches a stand-in: not proven that all have failed
        best = _WARNING
    return max(best, _WARNING) if _CRITICAL in present else best
