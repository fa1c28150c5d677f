"""Pure rules: whose turn it is, and what a chain does next."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Rotation:
    """People who take turns of `shift_days` days from `starts_on`, handing over at `handover` (local time)."""

    people: tuple[int, ...]
    shift_days: int
    starts_on: dt.date
    handover: dt.time


@dataclass(frozen=True)
class StandIn:
    """An override; `order` grows with each one made, and the newest wins."""

    person_id: int
    from_at: dt.datetime
    until_at: dt.datetime
    order: int


@dataclass(frozen=True)
class Shift:
    """One stretch of duty; `person_id` None is a gap, `by_override` tells why."""

    from_at: dt.datetime
    until_at: dt.datetime
    person_id: int | None
    by_override: bool


def _handover_on(rotation: Rotation, day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, rotation.handover, ZONE)


def _turn(rotation: Rotation, at: dt.datetime) -> int:
    """Which turn `at` falls into, counted from 0; negative before the start."""
    local = at.astimezone(ZONE)
    day = (
        local.date()
        if local.timetz().replace(tzinfo=None) >= rotation.handover
        else local.date() - dt.timedelta(days=1)
    )
    return (day - rotation.starts_on).days // rotation.shift_days


def on_call(rotation: Rotation, stand_ins: Sequence[StandIn], at: dt.datetime) -> tuple[int | None, bool]:
    """(person on duty at `at`, or None for a gap; whether by override)."""
    standing = [s for s in stand_ins if s.from_at <= at < s.until_at]
    if standing:
        return max(standing, key=lambda s: s.order).person_id, True
    turn = _turn(rotation, at)
    if turn < 0 or not rotation.people:
        return None, False
    return rotation.people[turn % len(rotation.people)], False


def shifts(
    rotation: Rotation, stand_ins: Sequence[StandIn], from_at: dt.datetime, until_at: dt.datetime
) -> list[Shift]:
    """The roster between two instants, without gaps between shifts, neighbours of the same person joined."""
    edges = {from_at, until_at}
    day = from_at.astimezone(ZONE).date() - dt.timedelta(days=1)
    while (edge := _handover_on(rotation, day)) < until_at:
        if edge > from_at and (day - rotation.starts_on).days % rotation.shift_days == 0:
            edges.add(edge)
        day += dt.timedelta(days=1)
    for stand_in in stand_ins:
        edges |= {e for e in (stand_in.from_at, stand_in.until_at) if from_at < e < until_at}
    ordered = sorted(edges)
    found: list[Shift] = []
    for start, end in itertools.pairwise(ordered):
        person, by_override = on_call(rotation, stand_ins, start)
        if found and (found[-1].person_id, found[-1].by_override) == (person, by_override):
            found[-1] = Shift(found[-1].from_at, end, person, by_override)
        else:
            found.append(Shift(start, end, person, by_override))
    return found


@dataclass(frozen=True)
class Position:
    """Where a chain stands: the step to page next and how often the whole policy was gone through."""

    step: int
    loop: int


def after(position: Position, steps: int, loops: int) -> Position | None:
    """The position after paging one step; None when the last loop is done. `loops` repeats follow the first run (E-07)."""
    if position.step + 1 < steps:
        return Position(position.step + 1, position.loop)
    if position.loop < loops:
        return Position(0, position.loop + 1)
    return None
