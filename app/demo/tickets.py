"""Tickets of the demo province, with the way each took up the lines. Pure and seeded; who stores them is the loader.

When they were opened says app/demo/history.py; times are aware UTC, office hours those of Asia/Shanghai.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.demo.cast import DemoPerson
from app.demo.catalogue import DemoService, services
from app.demo.history import Day, days, moments
from app.demo.texts import Symptom, symptoms
from app.demo.units import SEED
from core.calendar import WorkCalendar

INCIDENTS = ("desktop", "wan", "application", "video", "server")
REQUESTS = ("data-correction", "role-change")
#: Weights of INCIDENTS: as a rule, while taxes are filed, and in the summer's heat and storms.
USUAL, FILING, SUMMER = ((34, 12, 30, 6, 8), (30, 10, 48, 4, 8), (34, 20, 30, 5, 13))
SUMMER_MONTHS = (6, 7, 8)
# How far a matter of the category climbs: weights for solved at the county, city, province, vendor.
CLIMB = {
    "desktop": (80, 15, 5, 0),
    "wan": (30, 45, 20, 5),
    "application": (35, 20, 35, 10),
    "video": (55, 30, 12, 3),
    "server": (10, 35, 45, 10),
}
_CLIMB = {category: list(accumulate(weights)) for category, weights in CLIMB.items()}
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
CHANGES = ("升级补丁", "更换到期证书", "调整访问策略", "扩容磁盘", "切换备用线路演练", "参数优化")


@dataclass(frozen=True, slots=True)
class Leg:
    """Custody of one team: how long until it accepted and how long it held after that, in minutes."""

    team: str
    waited: int
    held: int
    returned: bool = False


@dataclass(frozen=True, slots=True)
class DemoTicket:
    """A matter and its way; `outcome` is where it stands: closed, resolved, cancelled, suspended, active or new.

    `paused`: minutes it waited for its reporter; `reopened_after`: minutes after which it was opened again (0: never);
    `by_article`: solved with an article of the knowledge base, where one fits.
    """

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
    paused: int = 0
    reopened_after: int = 0
    by_article: bool = False


@dataclass(frozen=True)
class Teller:
    """Tells the tickets of a day; `reporters`: people of counties and offices who work in no team, as (login, unit)."""

    reporters: Sequence[tuple[str, str]]
    catalogue: Mapping[str, DemoService]
    now: dt.datetime
    seed: int | str

    def day(self, day: Day) -> Iterator[DemoTicket]:
        """What was opened on that day, in order."""
        draw = random.Random(f"{self.seed}:{day.date}:tickets")
        weights = list(accumulate(FILING if day.filing else SUMMER if day.date.month in SUMMER_MONTHS else USUAL))
        for kind, opened_at in zip(day.kinds, moments(day, self.now, draw), strict=True):
            category = draw.choice(REQUESTS) if kind == "request" else draw.choices(INCIDENTS, cum_weights=weights)[0]
            yield self._ticket(draw, kind, category, opened_at)

    def _ticket(self, draw: random.Random, kind: str, category: str, opened_at: dt.datetime) -> DemoTicket:
        reporter, unit = draw.choice(self.reporters)
        symptom = draw.choice(symptoms(category))
        outcome = _outcome(draw, self.now - opened_at)
        if kind != "incident" and outcome != "cancelled":
            outcome = "closed"  # other kinds have no process yet: an open one would offer nobody a next step
        place = draw.choice(PLACES)
        done = outcome in ("closed", "resolved") and kind == "incident"
        return DemoTicket(
            kind=kind,
            symptom=symptom,
            title=_title(draw, kind, symptom),
            description=symptom.description.format(unit="本单位", place=place) + f"\n地点：{place}。",
            reporter=reporter,
            unit=unit,
            urgency=_level(draw.random(), 0.04, 0.2),
            impact=_level(draw.random(), 0.03, 0.2),
            opened_at=opened_at,
            legs=() if outcome == "new" else _legs(draw, kind, category, unit, self.catalogue[symptom.service]),
            outcome=outcome,
            stars=_stars(draw.random()) if outcome == "closed" else None,
            paused=draw.randint(30, 900) if done and draw.random() < PAUSED_SHARE else 0,
            reopened_after=draw.randint(20, 600) if done and draw.random() < REOPENED_SHARE else 0,
            by_article=done and draw.random() < ARTICLE_SHARE,
        )


PAUSED_SHARE, REOPENED_SHARE, ARTICLE_SHARE = 0.07, 0.03, 0.25


def reporters_of(people: Sequence[DemoPerson]) -> list[tuple[str, str]]:
    """Those who report: people of counties and offices who work in no team."""
    return [
        (p.login, p.unit)
        for p in people
        if p.unit[:COUNTY_DIGITS].isdigit() and len(p.unit) >= COUNTY_DIGITS and not p.teams
    ]


def tickets(
    count: int, people: Sequence[DemoPerson], now: dt.datetime, calendar: WorkCalendar, seed: int = SEED
) -> Iterator[DemoTicket]:
    """`count` tickets up to now, oldest first."""
    teller = Teller(reporters_of(people), {service.code: service for service in services()}, now, seed)
    for day in days(count, now, calendar, seed):
        yield from teller.day(day)


def _level(luck: float, high: float, middling: float) -> int:
    return 1 if luck < high else 2 if luck < middling else 3


def _stars(luck: float) -> int:
    return 5 if luck < 0.52 else 4 if luck < 0.82 else 3 if luck < 0.93 else 2 if luck < 0.97 else 1  # noqa: PLR2004


def _title(draw: random.Random, kind: str, symptom: Symptom) -> str:
    if kind == "problem":
        return f"“{symptom.title}”反复发生，查找根本原因"
    return f"{draw.choice(CHANGES)}：{symptom.title}" if kind == "change" else symptom.title


def _outcome(draw: random.Random, age: dt.timedelta) -> str:
    if age > dt.timedelta(days=10):
        if age < dt.timedelta(days=90) and draw.random() < 0.004:  # noqa: PLR2004  some lie for weeks
            return draw.choice(("active", "suspended"))
        return "cancelled" if draw.random() < 0.03 else "closed"  # noqa: PLR2004
    if age > dt.timedelta(days=4):  # what was solved by then is confirmed, or closed by itself
        return draw.choices(("closed", "active", "suspended"), weights=(82, 13, 5))[0]
    if age > dt.timedelta(days=2):
        return draw.choices(("closed", "resolved", "active", "suspended"), weights=(55, 25, 14, 6))[0]
    return draw.choices(("new", "active", "suspended", "resolved", "closed"), weights=(30, 40, 6, 18, 6))[0]


def _legs(draw: random.Random, kind: str, category: str, unit: str, service: DemoService) -> tuple[Leg, ...]:
    if kind in ("problem", "change"):
        return (Leg(service.team, draw.randint(5, 90), draw.randint(240, 9000)),)
    county = unit[:COUNTY_DIGITS]
    city = "6111" if county == "610403" else county[:4]
    ladder = (f"{county}-ops", f"{city}-ops", service.team, f"{service.vendor}-team")
    top = draw.choices((0, 1, 2, 3), cum_weights=_CLIMB[category])[0] if category in _CLIMB else 2
    legs = [Leg(team, draw.randint(2, 70), draw.randint(10, 260)) for team in ladder[: top + 1]]
    if top and draw.random() < 0.12:  # noqa: PLR2004 - one hand-off in eight comes back once for a poor description
        came_back = Leg(ladder[1], draw.randint(5, 40), draw.randint(3, 20), returned=True)
        legs[1:1] = [came_back, Leg(ladder[0], draw.randint(2, 30), draw.randint(10, 60))]
    return tuple(legs)
