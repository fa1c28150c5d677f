"""Ten thousand believable people: who sits where, who runs what, who may do what. Pure and seeded.

Roles follow policies.md; everybody is a reporter without a grant. Tax offices have no information staff, only a
part-time network keeper (兼职网管员), which is a title, not a right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from app.demo.cast import DemoPerson, Grant, cast
from app.demo.catalogue import DemoTeam, teams
from app.demo.names import Logins, draw_name
from app.demo.units import SEED, DemoUnit, Level, Scale, read_data, units

# People of one unit beside its information staff: (fewest, most).
STAFF: dict[Scale, dict[Level, tuple[int, int]]] = {
    "province": {"province": (320, 320), "city": (95, 140), "county": (38, 58), "office": (6, 11), "vendor": (0, 0)},
    "small": {"province": (40, 40), "city": (24, 30), "county": (14, 20), "office": (4, 6), "vendor": (0, 0)},
}
TEAM_SIZE: dict[Level, tuple[int, int]] = {"province": (6, 9), "city": (4, 7), "county": (2, 3), "vendor": (8, 14)}

KB_REVIEWERS = 2  # at the province bureau
ON_DUTY = 3  # beside the head, in each provincial team
CHIEFS: dict[Level, str] = {"province": "局长", "city": "局长", "county": "局长", "office": "所长"}


def people(scale: Scale = "province", seed: int = SEED) -> Iterator[DemoPerson]:
    """Everybody, the cast first; the same seed gives the same people."""
    players = cast()
    yield from players
    logins = Logins({player.login for player in players})
    places = units(scale, seed)
    by_unit: dict[str, list[DemoTeam]] = {}
    for team in teams(places):
        by_unit.setdefault(team.unit, []).append(team)
    led = {team for player in players for team in player.head_of}
    for unit in places:
        draw = random.Random(f"{seed}:people:{unit.code}")
        yield from _staff(unit, scale, draw, logins)
        for team in by_unit.get(unit.code, []):
            yield from _members(team, unit, draw, logins, has_head=team.code in led)


def _staff(unit: DemoUnit, scale: Scale, draw: random.Random, logins: Logins) -> Iterator[DemoPerson]:
    count = draw.randint(*STAFF[scale][unit.level])
    titles = read_data("organisation.toml")["titles"].get(unit.level)
    for number in range(count):
        grants: tuple[Grant, ...] = ()
        if number == 0:
            title, grants = CHIEFS[unit.level], (Grant("leader", unit=unit.code),)
        elif unit.level == "office" and number == 1:
            title = "科员（兼职网管员）"
        elif unit.level == "province" and number <= KB_REVIEWERS:
            title, grants = "知识审核员", (Grant("kb-reviewer", unit=unit.code),)
        else:
            title = draw.choice(titles["departments"]) + draw.choice(titles["posts"])
        yield _person(unit.code, title, draw, logins, grants=grants)


def _members(
    team: DemoTeam, unit: DemoUnit, draw: random.Random, logins: Logins, *, has_head: bool
) -> Iterator[DemoPerson]:
    if unit.level == "vendor":
        for number in range(draw.randint(*TEAM_SIZE["vendor"])):
            title = "项目经理" if number == 0 else draw.choice(("驻场工程师", "开发工程师", "支持工程师"))
            yield _person(
                unit.code, title, draw, logins, team=team, head=number == 0, grants=(Grant("vendor", team=team.code),)
            )
        return
    for number in range(draw.randint(*TEAM_SIZE[unit.level])):
        head = number == 0 and not has_head
        title = "运维组组长" if head else draw.choice(("信息中心工程师", "信息中心助理工程师", "信息中心系统管理员"))
        yield _person(
            unit.code, title, draw, logins, team=team, head=head, grants=_team_grants(team, unit, head, number)
        )


def _team_grants(team: DemoTeam, unit: DemoUnit, head: bool, number: int) -> tuple[Grant, ...]:
    role = "head" if head else "engineer"
    if head and unit.level == "city":  # the head of a city's first line arbitrates between its counties
        return (Grant(role, unit=unit.code),)
    grants = (Grant(role, team=team.code),)
    return (*grants, Grant("duty", team=team.code)) if unit.level == "province" and number <= ON_DUTY else grants


def _person(
    unit: str,
    title: str,
    draw: random.Random,
    logins: Logins,
    *,
    grants: tuple[Grant, ...] = (),
    team: DemoTeam | None = None,
    head: bool = False,
) -> DemoPerson:
    name, pinyin = draw_name(draw)
    joined = (team.code,) if team else ()
    return DemoPerson(
        logins.take(pinyin), name, unit, title, teams=joined, head_of=joined if head else (), grants=grants
    )
