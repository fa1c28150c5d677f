"""A check's past as cells and as lines. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.models import StateChange
from monitor.states import Kind, State

_RANK = {State.OK: 0, State.NODATA: 1, State.UNKNOWN: 2, State.WARNING: 3, State.CRITICAL: 4}


@dataclass(frozen=True, slots=True)
class Spell:
    """From `at` until `until` the check was `state`."""

    at: dt.datetime
    until: dt.datetime
    state: State


def spells(changes: Sequence[StateChange], *, since: dt.datetime, until: dt.datetime) -> list[Spell]:
    """Believed states, one after the other, without gap: what was never measured is NODATA.

    A SOFT problem is drawn from its beginning where it became HARD, and not at all where it went away by itself.
    """
    lines = believed(changes)
    found: list[Spell] = []
    here, state = since, State.NODATA
    for at, next_state in lines:
        if at > here:
            found.append(Spell(here, min(at, until), state))
            here = at
        state = next_state
    if here < until:
        found.append(Spell(here, until, state))
    return [spell for spell in found if spell.until > spell.at]


def believed(changes: Sequence[StateChange]) -> list[tuple[dt.datetime, State]]:
    """(from when, state) of HARD states, a failure dated back to its first SOFT result."""
    found: list[tuple[dt.datetime, State]] = []
    soft_since: dt.datetime | None = None
    for change in changes:
        if change.kind is Kind.SOFT:
            soft_since = soft_since or change.at
            continue
        began = soft_since if soft_since is not None and change.state not in (State.OK, State.NODATA) else change.at
        soft_since = None
        found.append((began, change.state))
    return found


def cells(spells_: Sequence[Spell], *, since: dt.datetime, until: dt.datetime, count: int = 96) -> list[str]:
    """The worst state of each of `count` equal stretches, for the strip.

    The time before the first measurement shows only where nothing else does: a check made a minute ago has a cell.
    """
    width = (until - since) / count
    worst: list[State | None] = [None] * count
    before_first = list(spells_[:1]) if spells_ and spells_[0].state is State.NODATA else []
    for spell in [*spells_[len(before_first) :], *before_first]:
        first = int((spell.at - since) / width)
        last = min(count - 1, int((spell.until - since - dt.timedelta(microseconds=1)) / width))
        for place in range(max(0, first), last + 1):
            known = worst[place]
            if known is None or (_RANK[spell.state] > _RANK[known] and spell not in before_first):
                worst[place] = spell.state
    return [(state or State.NODATA).value for state in worst]


def availability(spells_: Sequence[Spell]) -> float | None:
    """The share of the measured time that was not critical; None where nothing was measured."""
    measured = sum((s.until - s.at).total_seconds() for s in spells_ if s.state is not State.NODATA)
    down = sum((s.until - s.at).total_seconds() for s in spells_ if s.state is State.CRITICAL)
    return 1 - down / measured if measured else None
