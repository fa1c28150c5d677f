"""How many matters each day of the demo's past saw: work days, the filing period, seasons and growth. Pure and seeded.

A day is a chunk of the history: what happened in it depends on the seed and its date alone, so that days may be told in
any order, by several processes, and always come out the same.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from core.calendar import WorkCalendar

ZONE = dt.timezone(dt.timedelta(hours=8))
SHORTEST, LONGEST = 180, 1826  # days of history: half a year, and for very many matters up to five years
A_DAY = 550  # about as many as ten thousand people report
RECENT_DAYS, RECENT_SHARE, RECENT_MOST = 3, 0.06, 1200  # some more of the last days, so that there is work to see
OFF_SHARE = 0.07  # weekends and holidays: the halls are closed, machine rooms are not
FILING_RUSH, LAST_RUSH = 1.35, 1.8  # the filing period, and its last two days
BY_WEEKDAY = (1.2, 1.05, 1.0, 0.95, 0.85, 1.0, 1.0)
BY_MONTH = (0.95, 0.8, 1.0, 1.0, 0.95, 1.05, 1.15, 1.15, 1.0, 0.95, 1.0, 1.1)  # summer storms, the year's end
GROWTH = 0.35  # the oldest day sees so much less than the newest
HOURS = (9, 9, 9, 10, 10, 11, 13, 14, 14, 15, 15, 16)
OFFICE_SHARE = 0.9
KINDS: Mapping[str, float] = {"incident": 88.4, "request": 10, "change": 1.2, "problem": 0.4}
FINISHED_DAYS = 8  # no other kind has a process yet, so what was opened of them is over by now: none so lately
_KINDS, _WEIGHTS = list(KINDS), list(accumulate(KINDS.values()))


@dataclass(frozen=True, slots=True)
class Day:
    """One day: which kinds of matters were opened, in order; `filing`: whether the filing period ran."""

    date: dt.date
    kinds: tuple[str, ...]
    filing: bool


def days(count: int, now: dt.datetime, calendar: WorkCalendar, seed: int | str) -> list[Day]:
    """The days of a history of `count` matters that ends now, oldest first; together they have exactly as many."""
    today = now.astimezone(ZONE).date()
    length = max(SHORTEST, min(LONGEST, count // A_DAY))
    dates = [today - dt.timedelta(days=n) for n in reversed(range(length))]
    weights = [_weight(date, calendar, n / length) for n, date in enumerate(dates)]
    weights[-1] *= _gone_by(now)
    _more_lately(weights, count)
    total, done, due = sum(weights), 0, 0.0
    found = []
    for date, weight in zip(dates, weights, strict=True):
        due += count * weight / total
        upto = count if date == today else round(due)
        if upto > done:
            lately = (today - date).days <= FINISHED_DAYS
            found.append(Day(date, _kinds(date, upto - done, seed, lately), calendar.day(date).filing_period))
            done = upto
    return found


def _kinds(date: dt.date, count: int, seed: int | str, lately: bool) -> tuple[str, ...]:
    if lately:
        return (_KINDS[0],) * count
    return tuple(random.Random(f"{seed}:{date}:kinds").choices(_KINDS, cum_weights=_WEIGHTS, k=count))


def moments(day: Day, now: dt.datetime, draw: random.Random) -> list[dt.datetime]:
    """When each was opened, in order, in UTC: nine of ten in office hours; none later than now."""
    midnight = dt.datetime.combine(day.date, dt.time(), ZONE).astimezone(dt.UTC)
    gone = max(60.0, min(86_400.0, (now - midnight).total_seconds()))
    found = []
    for _kind in day.kinds:
        for _try in range(200):
            second = _office(draw) if draw.random() < OFFICE_SHARE else draw.uniform(0, 86_400)
            if second <= gone:
                break
        else:
            second = draw.uniform(0, gone)
        found.append(midnight + dt.timedelta(seconds=int(second)))
    return sorted(found)


def _office(draw: random.Random) -> float:
    return draw.choice(HOURS) * 3600 + draw.uniform(0, 3600)


def _weight(date: dt.date, calendar: WorkCalendar, age: float) -> float:
    day = calendar.day(date)
    weight = BY_MONTH[date.month - 1] * (1 - GROWTH + GROWTH * age)
    if not day.working:
        return weight * OFF_SHARE
    if day.filing_period:
        last = calendar.filing_period(date.year, date.month).last
        weight *= LAST_RUSH if 0 <= (last - date).days < 2 else FILING_RUSH  # noqa: PLR2004  its last two days
    return weight * BY_WEEKDAY[date.weekday()]


def _gone_by(now: dt.datetime) -> float:
    """The share of today's matters that have come by now."""
    local = now.astimezone(ZONE)
    hour = local.hour + local.minute / 60
    office = sum(min(1.0, max(0.0, hour - h)) for h in HOURS) / len(HOURS)
    return OFFICE_SHARE * office + (1 - OFFICE_SHARE) * hour / 24


def _more_lately(weights: list[float], count: int) -> None:
    """Give the last worked days their extra share."""
    extra = min(RECENT_SHARE * count, RECENT_MOST) / max(count, 1) * sum(weights)
    usual = sorted(weights)[len(weights) // 2]
    recent = [n for n in range(len(weights) - 1, -1, -1) if weights[n] > usual / 4][:RECENT_DAYS]
    for n in recent:
        weights[n] += extra * weights[n] / sum(weights[i] for i in recent)
