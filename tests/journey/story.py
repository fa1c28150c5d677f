"""What happens in test_province, act by act; what was seen is kept for the tests to judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.journey.province import Api, Pace, Province
from tests.journey.visitor import Visitor
from tests.servers.base import HOST, Daemon, wait_until
from tests.servers.nginx import Nginx
from tests.servers.postgresql import SUPERUSER, PostgreSQL
from tests.servers.snmpd import COMMUNITY, Snmpd

COUNTY, CITY, PROVINCE_UNIT, SIBLING = "610122", "6101", "61", "610124"
COUNTY_TEAM, CITY_TEAM, PROVINCE_TEAM, VENDOR_TEAM = "610122-ops", "6101-ops", "p-core", "v-changfeng-team"
SERVICE = "蓝田申报前置"
SOLUTION = (
    "厂商确认申报前置的网页进程因连接数耗尽退出。把 worker_connections 调到 4096，重启前置，申报页面能打开即恢复。"
)
CAUSE = "征期连接数超过前置的上限。"
ERROR_CODE = "SBQZ-5031"


@dataclass
class Victim:
    """A server that is monitored and killed."""

    name: str
    server: Daemon
    item: int
    check: int
    pace: Pace
    latency: float = 0.0
    number: str = ""


@dataclass
class Story:
    """The province, what died in it, and what people saw."""

    province: Province
    victims: dict[str, Victim] = field(default_factory=dict)
    service: int = 0
    child: str = ""
    first_return: Any = None
    refused_send: Any = None
    second_urge: Any = None
    vendor_saw_before: int = 0
    vendor_saw: dict[str, Any] = field(default_factory=dict)
    article: str = ""
    published_at: float = 0.0
    indexed_after: float = 0.0

    @property
    def number(self) -> str:
        """The incident that climbs."""
        return self.victims["nginx"].number

    def api(self, role: str) -> Api:
        return self.province.api(role)


def monitor(story: Story, nginx: Nginx, postgresql: PostgreSQL, snmpd: Snmpd) -> None:
    """Three servers of a county, each with a check that is well."""
    province = story.province
    fast, slow = Pace(), Pace(interval_s=2, retry_s=1, max_attempts=2, timeout_s=3)
    page = province.item("蓝田申报前置服务器", COUNTY, "server")
    database = province.item("蓝田申报前置数据库", COUNTY, "database")
    switch = province.item("蓝田机房汇聚交换机", COUNTY, "switch")
    made = {"name": SERVICE, "unit": COUNTY, "team": PROVINCE_TEAM, "vendor": "v-changfeng", "items": [page, database]}
    story.service = int(story.api("integration").post("/services", made)["id"])
    access = {"database": "postgres", "user": SUPERUSER}
    story.victims = {
        "nginx": Victim("nginx", nginx, page, province.check(fast, item=page, type="http", target=nginx.url), fast),
        "postgresql": Victim("postgresql", postgresql, database, province.check(
            slow, item=database, type="postgresql", target=f"{HOST}:{postgresql.port}", params=access
        ), slow),
        "snmpd": Victim("snmpd", snmpd, switch, province.check(
            slow, item=switch, type="snmp", target=f"{HOST}:{snmpd.port}", params={"community": COMMUNITY}
        ), slow),
    }  # fmt: skip
    for victim in story.victims.values():
        province.wait_for_state(victim.check, "ok")


def kill_one_by_one(story: Story) -> None:
    """Each death is measured from the signal to the incident that can be read."""
    for victim in story.victims.values():
        before = story.province.incidents(victim.item)
        assert before == [], f"{victim.name} was well, and yet: {before}"
        victim.server.kill9()
        ticket, victim.latency = story.province.wait_for_incident(
            victim.item, since=time.monotonic(), within=victim.pace.bound
        )
        victim.number = ticket["number"]


def the_small_ones_end(story: Story) -> None:
    """The switch comes back before anybody accepted; the database is mended by the county."""
    province, engineer = story.province, story.api("county-engineer")
    switch, database = story.victims["snmpd"], story.victims["postgresql"]
    switch.server.start()
    wait_for_ticket(engineer, switch.number, "resolved")
    engineer.act(database.number, "accept")
    database.server.start()
    province.wait_for_state(database.check, "ok")
    wait_until(lambda: "alert-resolved" in facts(engineer, database.number), "the recovery to be noted")
    engineer.act(database.number, "resolve", solution="数据库进程被误杀，重新启动后正常。", cause="误操作。")


def the_clerk_is_hit_too(story: Story) -> None:
    """A clerk starts to report, is shown that it is known, and says “me too”; so she gets a matter of her own."""
    clerk = story.api("county-clerk")
    assert clerk.ask("GET", f"/tickets/{story.number}").status == 404, "it is not hers"
    query = {"text": "申报前置打不开", "category": "server", "service": story.service}
    offered = clerk.get("/suggest", **query)["tickets"]
    assert story.number in [card["number"] for card in offered]
    visitor = Visitor(story.province.url, story.province.login("county-clerk"), story.province.password("county-clerk"))
    form = visitor.get(f"/desk/tickets/{story.number}/me-too")
    seen = visitor.post(f"/desk/tickets/{story.number}/me-too", form, key=form.field("key"), text="3 号窗口也打不开")
    assert seen.status == 200, seen.text[:500]
    story.child = seen.url.rsplit("/", 1)[-1]
    assert clerk.get(f"/tickets/{story.child}")["parent"] == story.number
    story.api("county-engineer").act(story.child, "accept")


def sheet_for(api: Api, number: str) -> dict[str, str]:
    """What the platform could not fill in the sheet, filled by hand."""
    lines = api.get(f"/tickets/{number}/handoffs/sheet")
    return {key: f"{key}：已核对，错误代码 {ERROR_CODE}" for key in lines["missing"]}


def send(api: Api, number: str, to: str, reason: str) -> Any:
    """Hand over with a recorded search and a whole sheet."""
    search = {"query": "申报前置 打不开", "none_fits_because": "库里没有申报前置的内容"}
    body = {"to": to, "reason": reason, "sheet": sheet_for(api, number), "search": search}
    return api.post(f"/tickets/{number}/handoffs", body)


def climb(story: Story) -> None:
    """County → city → province (returned once) → vendor, urged on the way."""
    number, api = story.number, story.api
    county, city, province, head = (
        api(role) for role in ("county-engineer", "city-engineer", "province-engineer", "province-head")
    )
    province.act(number, "acknowledge")
    county.act(number, "accept")
    story.refused_send = county.ask("POST", f"/tickets/{number}/handoffs", {"to": CITY, "reason": "本级修不了"})
    handoff = send(county, number, CITY, "本级没有前置的权限")
    head.post(f"/tickets/{number}/urge", {"text": "征期期间请抓紧"})
    story.second_urge = head.ask("POST", f"/tickets/{number}/urge", {"text": "再催一次"})
    city.post(f"/tickets/{number}/handoffs/{handoff['id']}/accept", {"clarity": 4})
    handoff = send(city, number, PROVINCE_UNIT, "前置归省局核心征管组管理")
    story.first_return = province.post(
        f"/tickets/{number}/handoffs/{handoff['id']}/return",
        {"reason": "看不出错误代码", "missing": "前置日志里的错误代码"},
    )
    handoff = send(city, number, PROVINCE_UNIT, f"已补充错误代码 {ERROR_CODE}")
    province.post(f"/tickets/{number}/handoffs/{handoff['id']}/accept", {"clarity": 5, "comment": "写得清楚"})
    vendor = api("vendor")
    story.vendor_saw_before = vendor.ask("GET", f"/tickets/{number}").status
    handoff = send(province, number, "v-changfeng", "请厂商看前置的连接数")
    vendor.post(f"/tickets/{number}/handoffs/{handoff['id']}/accept", {"clarity": 5})
    vendor.post(f"/tickets/{number}/timeline", {"text": "正在查看前置日志"})
    story.vendor_saw = {part: vendor.items(f"/tickets/{number}/{part}") for part in ("timeline", "custody", "handoffs")}


def the_vendor_solves(story: Story) -> None:
    """The server is up again; the vendor says how, the clerk confirms, the head closes."""
    number, vendor, clerk = story.number, story.api("vendor"), story.api("county-clerk")
    victim = story.victims["nginx"]
    victim.server.start()
    story.province.wait_for_state(victim.check, "ok")
    wait_until(lambda: "alert-resolved" in facts(story.api("county-engineer"), number), "the recovery to be noted")
    vendor.act(number, "resolve", solution=SOLUTION, cause=CAUSE)
    wait_for_ticket(clerk, story.child, "resolved")
    clerk.act(story.child, "confirm", stars=5, comment="好用了，谢谢")
    story.api("province-head").act(number, "close")


def publish(story: Story, answer_in: Callable[[], bool]) -> None:
    """The draft the resolution made is published by the reviewer; `answer_in` tells when a search finds it."""
    head = story.api("province-head")
    found: list[Any] = []

    def drafted() -> bool:
        found[:] = [a for a in head.items("/articles", state="draft", limit=200) if a["ticket"] == story.number]
        return bool(found)

    wait_until(drafted, f"the draft of {story.number}")
    story.article = found[0]["number"]
    head.post(f"/articles/{story.article}/actions/publish")
    story.published_at = time.monotonic()
    wait_until(answer_in, "the search to find it", seconds=10)
    story.indexed_after = time.monotonic() - story.published_at


def facts(api: Api, number: str) -> list[str]:
    """The kinds of what happened, in order."""
    return [str(fact["what"]) for fact in api.items(f"/tickets/{number}/timeline")]


def wait_for_ticket(api: Api, number: str, state: str) -> None:
    wait_until(lambda: api.get(f"/tickets/{number}")["state"] == state, f"{number} to be {state}", every=0.1)


def finds(api: Api, words: str, number: str) -> bool:
    """Whether a search of these words has the article among its first three. Raises AssertionError, naming what came."""
    found = [hit["key"] for hit in api.items("/search", q=words, kind="article")[:3]]
    assert number in found, f"{words}: found {found}"
    return True
