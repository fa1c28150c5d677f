"""Tickets of the demo province, with the way each took up the lines. Pure and seeded; who stores them is the loader.

Times are aware UTC; office hours are those of Asia/Shanghai (UTC+8, no summer time).
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.demo.cast import DemoPerson
from app.demo.catalogue import DemoService, services
from app.demo.texts import CATEGORIES, Symptom, symptoms
from app.demo.units import SEED

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
DAYS = 180
RECENT_DAYS, RECENT_SHARE = 3, 0.06
FRIDAY = 4
WEIGHTS = {
    "desktop": 34, "wan": 12, "application": 30, "video": 6, "server": 8, "data-correction": 6, "role-change": 4,
}  # fmt: skip
# How far a matter of the category climbs: weights for solved at the county, city, province, vendor.
CLIMB = {
    "desktop": (80, 15, 5, 0),
    "wan": (30, 45, 20, 5),
    "application": (35, 20, 35, 10),
    "video": (55, 30, 12, 3),
    "server": (10, 35, 45, 10),
}
REQUESTS = ("data-correction", "role-change")
COUNTY_DIGITS = 6
PLACES = (
    "办税服务厅 3 号窗口",
    "二楼征收管理股",
    "三楼会议室",
    "办公室",
    "信息机房",
    "一楼自助办税区",
    "收入核算股",
    "档案室",
)


@dataclass(frozen=True, slots=True)
class Leg:
    """Custody of one team: how long until it accepted and how long it held after that, in minutes."""

    team: str
    waited: int
    held: int
    returned: bool = False


@dataclass(frozen=True, slots=True)
class DemoTicket:
    """A matter and its way; `outcome` is where it stands: closed, resolved, cancelled, suspended, active or new."""

    kind: str
    symptom: Symptom
    title: str
    description: str
    reporter: str
    unit: str
    urgency: int
    impact: int
    opened_at: dt.datetime
    legs: tuple[Leg, ...]
    outcome: str
    stars: int | None


def tickets(count: int, people: Sequence[DemoPerson], now: dt.datetime, seed: int = SEED) -> Iterator[DemoTicket]:
    """`count` tickets of the last half year, oldest first, reported by people of counties and offices."""
    draw = random.Random(f"{seed}:tickets")
    reporters = [p for p in people if p.unit[:COUNTY_DIGITS].isdigit() and len(p.unit) >= COUNTY_DIGITS and not p.teams]
    catalogue = {service.code: service for service in services()}
    moments = sorted(_moment(draw, now) for _ in range(count))
    for opened_at in moments:
        yield _ticket(draw, draw.choice(reporters), catalogue, opened_at, now)


def _age(draw: random.Random) -> dt.timedelta:
    """Most tickets lie evenly in the half year; some are of the last days, so that there is work to see."""
    return dt.timedelta(days=draw.uniform(0, RECENT_DAYS if draw.random() < RECENT_SHARE else DAYS))


def _moment(draw: random.Random, now: dt.datetime) -> dt.datetime:
    """When a ticket was opened; an hour of today that has not come yet is that of a day of the last week."""
    moment = _office_hours(now - _age(draw), draw)
    return moment if moment <= now else moment - dt.timedelta(days=draw.randint(1, 7))


def _ticket(
    draw: random.Random,
    reporter: DemoPerson,
    catalogue: dict[str, DemoService],
    opened_at: dt.datetime,
    now: dt.datetime,
) -> DemoTicket:
    category = draw.choices(CATEGORIES, weights=[WEIGHTS[name] for name in CATEGORIES])[0]
    symptom = draw.choice(symptoms(category))
    kind = "request" if category in REQUESTS else "incident"
    outcome = _outcome(draw, now - opened_at)
    if kind == "request" and outcome != "cancelled":
        outcome = "closed"  # requests have no process yet: an open one would offer nobody a next step
    place = draw.choice(PLACES)
    return DemoTicket(
        kind=kind,
        symptom=symptom,
        title=symptom.title,
        description=symptom.description.format(unit="本单位", place=place) + f"\n地点：{place}。",
        reporter=reporter.login,
        unit=reporter.unit,
        urgency=draw.choices((1, 2, 3), weights=(4, 16, 80))[0],
        impact=draw.choices((1, 2, 3), weights=(3, 17, 80))[0],
        opened_at=opened_at,
        legs=() if outcome == "new" else _legs(draw, category, reporter.unit, catalogue[symptom.service]),
        outcome=outcome,
        stars=draw.choices((5, 4, 3, 2, 1), weights=(52, 30, 11, 4, 3))[0] if outcome == "closed" else None,
    )


def _office_hours(moment: dt.datetime, draw: random.Random) -> dt.datetime:
    """The moment, moved to office hours of a weekday in nine of ten cases."""
    local = moment.astimezone(SHANGHAI)
    if draw.random() < 0.9:  # noqa: PLR2004 - the share is the point
        if local.weekday() > FRIDAY:  # any day of that week, so that no Friday bears three days' matters
            local -= dt.timedelta(days=draw.randint(local.weekday() - FRIDAY, local.weekday()))
        local = local.replace(
            hour=draw.choice((9, 9, 9, 10, 10, 11, 13, 14, 14, 15, 15, 16)), minute=draw.randrange(60)
        )
    return local.astimezone(dt.UTC)


def _outcome(draw: random.Random, age: dt.timedelta) -> str:
    if age > dt.timedelta(days=10):
        return draw.choices(("closed", "cancelled", "resolved"), weights=(96, 3, 1))[0]
    if age > dt.timedelta(days=2):
        return draw.choices(("closed", "resolved", "active", "suspended"), weights=(55, 25, 14, 6))[0]
    return draw.choices(("new", "active", "suspended", "resolved", "closed"), weights=(30, 40, 6, 18, 6))[0]


def _legs(draw: random.Random, category: str, unit: str, service: DemoService) -> tuple[Leg, ...]:
    county = unit[:COUNTY_DIGITS]
    city = "6111" if county == "610403" else county[:4]
    ladder = (f"{county}-ops", f"{city}-ops", service.team, f"{service.vendor}-team")
    top = draw.choices(range(4), weights=CLIMB.get(category, (0, 0, 1, 0)))[0]
    legs = [Leg(team, draw.randint(2, 70), draw.randint(10, 260)) for team in ladder[: top + 1]]
    if top and draw.random() < 0.12:  # noqa: PLR2004 - one hand-off in eight comes back once for a poor description
        came_back = Leg(ladder[1], draw.randint(5, 40), draw.randint(3, 20), returned=True)
        legs[1:1] = [came_back, Leg(ladder[0], draw.randint(2, 30), draw.randint(10, 60))]
    return tuple(legs)
