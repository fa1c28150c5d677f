"""What is shipped: the contract's types, with every word known to the catalogue, installed once."""

from __future__ import annotations

import tomllib

import sqlalchemy as sa

from cmdb import shipped
from cmdb.attributes import check_schema
from cmdb.models import ItemType
from cmdb.shipped_words import _BY_TEXT
from core import clock
from core.db import transaction

CONTRACT = {
    "site", "power", "router", "switch", "line", "host", "server", "storage", "database", "middleware", "application",
    "load-balancer", "gateway", "certificate", "dns", "directory", "ca", "terminal", "printer", "video-terminal", "mcu", "ups",
    "sensor", "other",
}  # fmt: skip


def rows() -> list[dict[str, object]]:
    return list(tomllib.loads(shipped.FILE.read_text(encoding="utf-8"))["type"])


def test_every_type_of_the_contract_is_shipped_with_a_schema_that_is_kept() -> None:
    assert {row["code"] for row in rows()} == {*CONTRACT, "service"}
    for row in rows():
        assert check_schema(row.get("attributes", {})) == []  # type: ignore[arg-type]


def test_every_shipped_word_can_be_translated() -> None:
    wanted = set()
    for row in rows():
        wanted.add(row["label"])
        for rule in row.get("attributes", {}).get("properties", {}).values():  # type: ignore[attr-defined]
            wanted |= {rule["title"], rule.get("unit", "")}
    assert {word for word in wanted if any("\u4e00" <= letter <= "\u9fff" for letter in word)} <= set(_BY_TEXT)


def test_installing_again_changes_nothing_an_administrator_edited(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        session.get_one(ItemType, "router").label = "边界路由器"
    with transaction(engine) as session:
        shipped.install(session, now=clock.now())
    with transaction(engine) as session:
        assert session.get_one(ItemType, "router").label == "边界路由器"
        assert session.scalar(sa.select(sa.func.count()).select_from(ItemType)) == len(rows())
