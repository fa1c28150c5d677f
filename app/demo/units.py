"""The units of the demo province: bureaus by the real divisions of Shaanxi, tax offices below, vendors beside them.

Pure: the same seed gives the same units, on every machine.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Level = Literal["province", "city", "county", "office", "vendor"]
Scale = Literal["small", "province"]

SEED = 20260101

# At scale "small": two cities, so that "another city" can be tried, with the counties of the demo people.
SMALL_COUNTIES = {"6101": ("610113", "610122", "610124"), "6104": ("610402", "610424")}


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """One unit; `parent` is the code of the unit above (None for the province bureau and for vendors)."""

    code: str
    name: str
    full_name: str
    level: Level
    parent: str | None


@cache
def read_data(name: str) -> dict[str, Any]:
    """One TOML file of app/demo/data, read once."""
    return tomllib.loads((resources.files("app.demo") / "data" / name).read_text(encoding="utf-8"))


def units(scale: Scale = "province", seed: int = SEED) -> list[DemoUnit]:
    """All units, parents before children: province, cities, counties, offices; then the vendors."""
    return [*_bureaus(scale, seed), *_vendors()]


def _bureaus(scale: Scale, seed: int) -> list[DemoUnit]:
    data = read_data("divisions.toml")
    top = data["province"]
    found = [_bureau(top["code"], top["name"], "province", None)]
    for city in data["city"]:
        if scale == "small" and city["code"] not in SMALL_COUNTIES:
            continue
        found.append(_bureau(city["code"], city["name"], "city", top["code"]))
        for county in city["counties"]:
            if scale == "small" and county["code"] not in SMALL_COUNTIES[city["code"]]:
                continue
            found.append(_bureau(county["code"], county["name"], "county", city["code"]))
            found.extend(_offices(county, seed))
    return found


def _bureau(code: str, place: str, level: Level, parent: str | None) -> DemoUnit:
    return DemoUnit(code, f"{place}局", f"国家税务总局{place}税务局", level, parent)


def _offices(county: dict[str, Any], seed: int) -> list[DemoUnit]:
    """Two to six tax offices, named after places of the county; each county draws from a stream of its own."""
    towns: list[str] = county["towns"]
    draw = random.Random(f"{seed}:offices:{county['code']}")
    count = min(len(towns), draw.choice((2, 3, 4, 4, 5, 6)))
    return [
        DemoUnit(
            code=f"{county['code']}-{number:02d}",
            name=f"{county['name']}{town}税务所",
            full_name=f"国家税务总局{county['name']}税务局{town}税务所",
            level="office",
            parent=county["code"],
        )
        for number, town in enumerate(towns[:count], start=1)
    ]


def _vendors() -> list[DemoUnit]:
    return [
        DemoUnit(v["code"], v["name"], v["full_name"], "vendor", None) for v in read_data("organisation.toml")["vendor"]
    ]
