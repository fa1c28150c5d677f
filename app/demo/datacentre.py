"""The provincial data centre of the demo: zones from outside in, clusters, and the services that stand on them. Pure.

Yields rows for DemoItem and DemoRelation (those with a `source`), so that this module knows nothing of their home.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.demo.catalogue import DemoService, groups, services

Row = dict[str, Any]
HOSTS = 8
# Services people do not use themselves; they hit people only through what stands on them.
BEHIND = {
    "databases",
    "middleware",
    "servers",
    "storage",
    "machine-rooms",
    "backup",
    "security",
    "integration",
    "service-operations",
}
# Reached from the internet, through the load balancer and the isolation gateway.
OUTSIDE = {"portal", "online-hall", "third-party", "mobile-tax", "mobile-office"}
# Which database cluster the services of a group stand on.
CLUSTERS = {
    "core-tax": "核心征管库", "tax-service": "纳服平台库", "real-name": "实名库", "exchange": "交换库", "administration": "办公库",
}  # fmt: skip
NEEDS_SERVICE = {
    "online-hall": ("core-collection", "integration"), "mobile-tax": ("online-hall", "real-name"), "kiosk": ("core-collection",),
    "third-party": ("integration",), "income-tax": ("integration",), "vat-crosscheck": ("invoices",),
    "anti-counterfeit": ("invoices",), "real-name": ("external-exchange",), "portal": ("online-hall",),
}  # fmt: skip
TARGETS = {True: {"availability": 99.9, "response_ms": 3000}, False: {"availability": 99.5}}


@dataclass(frozen=True)
class _Centre:
    """Names the province's rows."""

    unit: str

    def item(self, name: str, kind: str, address: str | None = None, **attributes: Any) -> Row:
        return {"unit": self.unit, "name": name, "type": kind, "attributes": attributes, "address": address}

    def need(self, source: str, kind: str, target: str, group: str | None = None) -> Row:
        return {"source": (self.unit, source), "kind": kind, "target": (self.unit, target), "group": group}

    def pair(self, name: str, kind: str, network: str, **attributes: Any) -> Iterator[Row]:
        """Two of a kind that stand in for each other."""
        for n in (1, 2):
            yield self.item(f"{name} {n}", kind, f"{network}.{n}", **attributes)

    def either(self, source: str, kind: str, target: str, group: str) -> Iterator[Row]:
        """The source needs one of a pair."""
        for n in (1, 2):
            yield self.need(source, kind, f"{target} {n}", group)


def datacentre(unit: str) -> Iterator[Row]:
    """Everything of the province's machine room, then the services of the catalogue."""
    centre = _Centre(unit)
    yield from _room(centre)
    yield from _network(centre)
    yield from _platform(centre)
    catalogue = services()
    names = {service.code: service.name for service in catalogue}
    order = {service.code: number for number, service in enumerate(catalogue)}
    for number, service in enumerate(catalogue):
        yield _service_row(centre, service, order[service.code])
        if service.group != "platform":
            yield from _application(centre, service, number)
    for code, needed in NEEDS_SERVICE.items():
        for other in needed:
            yield centre.need(names[code], "depends-on", names[other])
    yield from _platform_services(centre, names)


def _room(centre: _Centre) -> Iterator[Row]:
    yield centre.item("省局数据中心", "site", room="三层 A 区")
    yield from centre.pair("省局市电", "power", "10.61.250", capacity_kva=800)
    yield from centre.pair("省局不间断电源", "ups", "10.61.251", capacity_kva=400, battery_minutes=60)
    yield from centre.pair("省局精密空调", "other", "10.61.252")
    for zone in ("A 区", "B 区"):
        yield centre.item(f"省局机房温度 {zone}", "sensor", measures="温度")
    for n in (1, 2):
        yield from centre.either(f"省局不间断电源 {n}", "depends-on", "省局市电", "市电")


def _network(centre: _Centre) -> Iterator[Row]:
    yield from centre.pair("省局核心路由器", "router", "10.61.0", model="R8900")
    yield from centre.pair("省局核心交换机", "switch", "10.61.1", model="S12700", ports=96, layer="核心")
    yield from centre.pair("边界防火墙", "gateway", "10.61.2", zones="互联网与 DMZ 接入区")
    yield from centre.pair("DMZ 负载均衡", "load-balancer", "10.61.3")
    yield from centre.pair("隔离网闸", "gateway", "10.61.4", zones="互联网数据区与内网支撑区")
    yield from centre.pair("内网域名服务", "dns", "10.61.5", domain="shaanxi.tax.example")
    yield from centre.pair("证书认证中心", "ca", "10.61.6")
    yield centre.item("统一目录服务", "directory", "10.61.7.1", base_dn="dc=shaanxi,dc=tax")
    yield centre.item("纳服门户证书", "certificate", subject="portal.shaanxi.tax.example")
    yield from centre.pair("视频会议控制单元", "mcu", "10.61.8", ports=160)
    for n in (1, 2):
        yield from centre.either(f"省局核心路由器 {n}", "connected-to", "省局核心交换机", "核心交换")
        yield from centre.either(f"省局核心交换机 {n}", "depends-on", "省局不间断电源", "供电")
        yield from centre.either(f"DMZ 负载均衡 {n}", "connected-to", "边界防火墙", "防火墙")
        yield from centre.either(f"隔离网闸 {n}", "connected-to", "省局核心交换机", "核心交换")
        yield from centre.either(f"视频会议控制单元 {n}", "connected-to", "省局核心交换机", "核心交换")


def _platform(centre: _Centre) -> Iterator[Row]:
    yield from centre.pair("双活存储", "storage", "10.61.9", capacity_tb=400, protocol="FC")
    for n in range(1, HOSTS + 1):
        name = f"虚拟化主机 {n:02d}"
        yield centre.item(name, "host", f"10.61.10.{n}", os="openEuler 22.03", cpu_cores=64, memory_gb=512)
        yield from centre.either(name, "connected-to", "省局核心交换机", "核心交换")
        yield from centre.either(name, "depends-on", "双活存储", "存储")
    for number, cluster in enumerate(CLUSTERS.values(), start=1):
        for n in (1, 2):
            server = f"{cluster}服务器 {n}"
            yield centre.item(server, "server", f"10.61.{20 + number}.{n}", os="openEuler 22.03", rack=f"D{number:02d}")
            yield from centre.either(server, "connected-to", "省局核心交换机", "核心交换")
            yield from centre.either(server, "depends-on", "双活存储", "存储")
            yield centre.item(
                f"{cluster}节点 {n}", "database", f"10.61.{20 + number}.{10 + n}", engine="Oracle 19c", port=1521
            )
            yield centre.need(f"{cluster}节点 {n}", "runs-on", server)
        yield centre.item(f"{cluster}容灾", "database", f"10.61.{20 + number}.21", engine="Oracle 19c", port=1521)
        yield centre.need(f"{cluster}节点 1", "backed-up-by", f"{cluster}容灾")
    yield from centre.pair("消息队列", "middleware", "10.61.30", engine="RabbitMQ", port=5672)
    for n in (1, 2):
        yield centre.need(f"消息队列 {n}", "runs-on", f"虚拟化主机 {n:02d}")


def _service_row(centre: _Centre, service: DemoService, position: int) -> Row:
    detail = {
        "code": service.code, "group": groups()[service.group], "position": position, "summary": service.summary,
        "team": service.team, "vendor": service.vendor, "tax_system": service.tax_system,
        "user_facing": service.code not in BEHIND, "targets": TARGETS[service.tax_system],
    }  # fmt: skip
    return {"unit": centre.unit, "name": service.name, "type": "service", "service": detail}


def _application(centre: _Centre, service: DemoService, number: int) -> Iterator[Row]:
    """Two application nodes on two hosts, on the group's database cluster, behind the edge where it is public."""
    for n in (1, 2):
        node = f"{service.name}应用节点 {n}"
        host = (number * 2 + n * 3) % HOSTS + 1
        yield centre.item(node, "application", f"10.61.{40 + number}.{n}", zone="业务区", version="3.2")
        yield centre.need(node, "runs-on", f"虚拟化主机 {host:02d}")
        yield centre.need(service.name, "depends-on", node, "应用节点")
    yield from centre.either(service.name, "depends-on", f"{CLUSTERS[service.group]}节点", "数据库节点")
    if service.code in OUTSIDE:
        yield from centre.either(service.name, "depends-on", "DMZ 负载均衡", "负载均衡")
        yield from centre.either(service.name, "depends-on", "隔离网闸", "网闸")
    if service.code == "portal":
        yield centre.need(service.name, "depends-on", "纳服门户证书")
    if service.group == "exchange":
        yield from centre.either(service.name, "depends-on", "消息队列", "消息队列")


def _platform_services(centre: _Centre, names: dict[str, str]) -> Iterator[Row]:
    yield from centre.either(names["wan"], "depends-on", "省局核心路由器", "核心路由")
    yield from centre.either(names["video"], "depends-on", "视频会议控制单元", "会议控制")
    yield from centre.either(names["storage"], "depends-on", "双活存储", "存储")
    yield from centre.either(names["middleware"], "depends-on", "消息队列", "消息队列")
    for cluster in CLUSTERS.values():
        yield from centre.either(names["databases"], "depends-on", f"{cluster}节点", cluster)
    for n in range(1, HOSTS + 1):
        yield centre.need(names["servers"], "depends-on", f"虚拟化主机 {n:02d}", "虚拟化集群")
    for part, group in (("边界防火墙", "防火墙"), ("隔离网闸", "网闸"), ("证书认证中心", "证书认证")):
        yield from centre.either(names["security"], "depends-on", part, group)
    for part, group in (("省局不间断电源", "供电"), ("省局精密空调", "空调")):
        yield from centre.either(names["machine-rooms"], "depends-on", part, group)
    yield centre.need("省局数据中心", "depends-on", names["machine-rooms"])
    yield from centre.either("省局数据中心", "depends-on", "省局核心交换机", "核心交换")
