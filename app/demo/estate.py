"""What the demo province operates: sites, lines, routers, servers, databases and terminals, and what needs what.

Pure and seeded. Nothing here has a state: what nobody monitors shows no data. An item is named by (unit, name).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.demo.datacentre import datacentre
from app.demo.units import SEED, DemoUnit, Scale, units

Key = tuple[str, str]  # unit code, name

PROVIDERS = ("电信", "移动", "联通")
YEARS = range(2016, 2026)
# Services made of parts all over the province: they fail when all of a group have, and show a warning once one has.
WAN, VIDEO = "广域网", "视频会议"


@dataclass(frozen=True, slots=True)
class DemoItem:
    """An item to be; `service` holds the service's own fields where it is one."""

    unit: str
    name: str
    type: str
    attributes: dict[str, Any] = field(default_factory=dict)
    address: str | None = None
    service: dict[str, Any] | None = None

    @property
    def key(self) -> Key:
        """How relations name it."""
        return self.unit, self.name


@dataclass(frozen=True, slots=True)
class DemoRelation:
    """`source` needs `target`; those of one source with the same group stand in for each other."""

    source: Key
    kind: str
    target: Key
    group: str | None = None


Thing = DemoItem | DemoRelation


def estate(scale: Scale = "province", seed: int = SEED) -> Iterator[Thing]:
    """All items and relations; an item always comes before the relations that name it."""
    places = units(scale, seed)
    province = next(unit for unit in places if unit.level == "province")
    for row in datacentre(province.code):
        yield DemoRelation(**row) if "source" in row else DemoItem(**row)
    for number, city in enumerate((u for u in places if u.level == "city"), start=1):
        draw = random.Random(f"{seed}:estate:{city.code}")
        yield from _city(city, province.code, number, draw)
        counties = [u for u in places if u.level == "county" and u.parent == city.code]
        for index, county in enumerate(counties, start=1):
            draw = random.Random(f"{seed}:estate:{county.code}")
            network = f"10.{60 + number}.{index * 4}"
            yield from _county(county, city, network, draw)
            offices = [u for u in places if u.level == "office" and u.parent == county.code]
            for place, office in enumerate(offices, start=1):
                yield from _office(office, county, f"10.{60 + number}.{index * 4 + 1}.{place * 16}", draw)


def _gear(draw: random.Random, model: str) -> dict[str, Any]:
    """What an equipment archive says of a box."""
    year = draw.choice(YEARS)
    return {
        "model": model,
        "serial_number": f"{draw.randrange(16**10):010X}",
        "warranty_until": f"{year + 5}-{draw.randint(1, 12):02d}-28",
    }


def _line(unit: str, name: str, role: str, far: Key, draw: random.Random, mbps: int) -> Iterator[Thing]:
    """A leased line; the far end is the router it ends at."""
    provider = draw.choice(PROVIDERS)
    attributes = {
        "provider": provider, "role": role, "bandwidth_mbps": mbps, "circuit_number": f"{draw.randrange(10**8):08d}",
    }  # fmt: skip
    yield DemoItem(unit, name, "line", attributes)
    yield DemoRelation((unit, name), "connected-to", far)


def _city(city: DemoUnit, province: str, number: int, draw: random.Random) -> Iterator[Thing]:
    code, place = city.code, city.name
    yield DemoItem(code, f"{place}机关", "site", {"room": "信息中心机房"})
    for n in (1, 2):
        router, line = f"{place}核心路由器 {n}", f"{place}至省局线路 {n}"
        yield DemoItem(code, router, "router", _gear(draw, "R8800"), f"10.{60 + number}.0.{n}")
        yield from _line(code, line, "主用" if n == 1 else "备用", (province, f"省局核心路由器 {n}"), draw, 1000)
        yield DemoRelation((code, router), "connected-to", (code, line), "上联")
        yield DemoRelation((code, f"{place}机关"), "depends-on", (code, router), "核心路由")
        yield DemoRelation((province, WAN), "depends-on", (code, router), "各市接入")
    for n, other in ((1, 2), (2, 1)):  # either router can use the other's line
        yield DemoRelation(
            (code, f"{place}核心路由器 {n}"), "connected-to", (code, f"{place}至省局线路 {other}"), "上联"
        )
    yield DemoItem(code, f"{place}核心交换机", "switch", {**_gear(draw, "S9500"), "ports": 48, "layer": "核心"})
    yield DemoRelation((code, f"{place}机关"), "depends-on", (code, f"{place}核心交换机"))
    yield from _power(code, place, draw)
    yield from _video(code, place, province, f"{place}核心交换机", draw)
    for n, use in enumerate(("文件与打印服务器", "补丁与防病毒服务器", "备份服务器"), start=11):
        yield DemoItem(
            code,
            f"{place}{use}",
            "server",
            {**_gear(draw, "2U 服务器"), "os": "openEuler 22.03"},
            f"10.{60 + number}.1.{n}",
        )
        yield DemoRelation((code, f"{place}{use}"), "connected-to", (code, f"{place}核心交换机"))


def _county(county: DemoUnit, city: DemoUnit, network: str, draw: random.Random) -> Iterator[Thing]:
    code, place = county.code, county.name
    site, router, switch = f"{place}机关", f"{place}路由器", f"{place}核心交换机"
    yield DemoItem(code, site, "site", {"room": "二楼机房"})
    yield DemoItem(code, router, "router", _gear(draw, "R3600"), f"{network}.1")
    yield DemoRelation((city.parent or "", WAN), "depends-on", (code, router), "各县接入")
    for n, role in ((1, "主用"), (2, "备用")):
        line = f"{city.name.removesuffix('局').removesuffix('市')}至{place.removesuffix('局')}{'主' if n == 1 else '备'}线路"
        yield from _line(code, line, role, (city.code, f"{city.name}核心路由器 {n}"), draw, 100 if n == 1 else 50)
        yield DemoRelation((code, router), "connected-to", (code, line), "上联")
    yield DemoItem(code, switch, "switch", {**_gear(draw, "S5700"), "ports": 48, "layer": "核心"}, f"{network}.2")
    yield DemoRelation((code, switch), "connected-to", (code, router))
    yield DemoRelation((code, site), "depends-on", (code, switch))
    yield from _power(code, place, draw)
    yield from _video(code, place, city.parent or "", switch, draw)
    hall = f"{place}办税厅交换机"
    yield DemoItem(code, hall, "switch", {**_gear(draw, "S1700"), "ports": 24, "layer": "接入"}, f"{network}.3")
    yield DemoRelation((code, hall), "connected-to", (code, switch))
    counters = [(f"{place}办税厅 {n} 号窗口终端", "terminal") for n in range(1, draw.randint(4, 7))]
    machines = [(f"{place}自助办税终端 {n}", "terminal") for n in (1, 2)]
    printers = [(f"{place}办税厅打印机 {n}", "printer") for n in (1, 2)]
    for n, (name, kind) in enumerate([*counters, *machines, (f"{place}叫号机", "terminal"), *printers], start=20):
        attributes = {"os": "Windows 10"} if kind == "terminal" else {"kind": draw.choice(("激光", "针式"))}
        yield DemoItem(code, name, kind, attributes, f"{network}.{n}")
        yield DemoRelation((code, name), "connected-to", (code, hall))


def _office(office: DemoUnit, county: DemoUnit, address: str, draw: random.Random) -> Iterator[Thing]:
    code, place = office.code, office.name
    line, switch = f"{place}专线", f"{place}交换机"
    yield DemoItem(code, place, "site", {})
    yield from _line(code, line, "主用", (county.code, f"{county.name}路由器"), draw, 20)
    yield DemoItem(code, switch, "switch", {**_gear(draw, "S1700"), "ports": 24, "layer": "接入"}, address)
    yield DemoRelation((code, switch), "connected-to", (code, line))
    yield DemoRelation((code, place), "depends-on", (code, switch))
    for name, kind in ((f"{place}办税终端", "terminal"), (f"{place}打印机", "printer")):
        yield DemoItem(code, name, kind, {})
        yield DemoRelation((code, name), "connected-to", (code, switch))


def _power(code: str, place: str, draw: random.Random) -> Iterator[Thing]:
    """Mains or battery: the machine room fails only without both."""
    ups = {"capacity_kva": draw.choice((6, 10, 20)), "battery_minutes": draw.choice((30, 60, 120))}
    yield DemoItem(code, f"{place}市电", "power", {})
    yield DemoItem(code, f"{place}不间断电源", "ups", ups)
    yield DemoItem(code, f"{place}机房温度", "sensor", {"measures": "温度"})
    yield DemoRelation((code, f"{place}核心交换机"), "depends-on", (code, f"{place}市电"), "供电")
    yield DemoRelation((code, f"{place}核心交换机"), "depends-on", (code, f"{place}不间断电源"), "供电")


def _video(code: str, place: str, province: str, switch: str, draw: random.Random) -> Iterator[Thing]:
    name = f"{place}视频会议终端"
    yield DemoItem(code, name, "video-terminal", {**_gear(draw, "V600"), "alias": f"61{code}", "bandwidth_mbps": 4})
    yield DemoRelation((code, name), "connected-to", (code, switch))
    yield DemoRelation((province, VIDEO), "depends-on", (code, name), "各地会场")
    for n in (1, 2):
        yield DemoRelation((code, name), "depends-on", (province, f"视频会议控制单元 {n}"), "会议控制")
