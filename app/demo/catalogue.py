"""The demo's lines of support: vendors, teams and the service catalogue, from data/organisation.toml. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.demo.units import DemoUnit, Level, read_data

TEAM_NAMES: dict[Level, str] = {"city": "运维组", "county": "运维组"}


@dataclass(frozen=True, slots=True)
class DemoTeam:
    """A team of one unit; `services` are the service codes it runs."""

    code: str
    name: str
    unit: str
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoService:
    """One service of the catalogue; `tax_system` decides whether the filing period (征期) tightens and freezes it."""

    code: str
    name: str
    group: str
    team: str
    vendor: str
    tax_system: bool
    summary: str


def services() -> list[DemoService]:
    """The catalogue in the order of its page."""
    return [DemoService(**row) for row in read_data("organisation.toml")["service"]]


def groups() -> dict[str, str]:
    """Group code → Chinese name, in the order of the catalogue page."""
    return {row["code"]: row["name"] for row in read_data("organisation.toml")["group"]}


def teams(units: list[DemoUnit]) -> list[DemoTeam]:
    """Provincial teams by application group, one first-line team per city and county, one per vendor."""
    catalogue = services()
    data = read_data("organisation.toml")
    province = next(unit.code for unit in units if unit.level == "province")
    found = [
        DemoTeam(row["code"], row["name"], province, tuple(s.code for s in catalogue if s.team == row["code"]))
        for row in data["team"]
    ]
    found += [
        DemoTeam(f"{unit.code}-ops", f"{unit.name}{TEAM_NAMES[unit.level]}", unit.code)
        for unit in units
        if unit.level in TEAM_NAMES
    ]
    found += [
        DemoTeam(
            f"{row['code']}-team", row["team"], row["code"], tuple(s.code for s in catalogue if s.vendor == row["code"])
        )
        for row in data["vendor"]
    ]
    return found
