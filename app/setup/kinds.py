"""What can be brought in from a spreadsheet: its columns, and the verb that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pydantic
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin import api as people_api
from accounts.admin.schemas import PersonIn, UnitIn
from accounts.models import LEVEL_LABELS, Person, Unit
from cmdb import api as items_api
from cmdb.models import Item, ItemType
from cmdb.schemas import ItemIn
from core.i18n import LazyText, lazy

Values = dict[str, str]


@dataclass(frozen=True)
class Column:
    """`names`: how heads are written, the first is ours. `example`: in the file to fill in."""

    field: str
    label: LazyText
    names: tuple[str, ...]
    help: LazyText
    required: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of thing. `known(session, values)`: whether it is there already, as it is given."""

    name: str
    label: LazyText
    permission: str
    columns: tuple[Column, ...]
    schema: type[pydantic.BaseModel]
    make: Callable[[Any], Any]
    known: Callable[[Session, Values], bool]
    words: Callable[[Session], Mapping[str, Mapping[str, str]]]
    examples: tuple[tuple[str, ...], ...]


def _levels(_session: Session) -> Mapping[str, Mapping[str, str]]:
    """What people write for a level → the level."""
    said = {str(label.message): level.value for level, label in LEVEL_LABELS.items()}
    short = {
        "省": "province",
        "市": "city",
        "县": "county",
        "区": "county",
        "县局": "county",
        "区局": "county",
        "所": "office",
    }
    return {"level": said | short | {"分局": "office"}}


def _types(session: Session) -> Mapping[str, Mapping[str, str]]:
    """What people write for a type → its code."""
    return {"type": {str(kind.label): kind.code for kind in session.scalars(sa.select(ItemType))}}


def _nothing(_session: Session) -> Mapping[str, Mapping[str, str]]:
    return {}


def _unit_known(session: Session, values: Values) -> bool:
    row = session.scalar(sa.select(Unit).where(Unit.code == values.get("code")))
    parent = row.parent.code if row is not None and row.parent is not None else ""
    return row is not None and (row.name, row.level.value, parent) == (
        values.get("name"), values.get("level"), values.get("parent", ""),
    )  # fmt: skip


def _person_known(session: Session, values: Values) -> bool:
    row = session.scalar(sa.select(Person).where(Person.login == values.get("login")))
    return row is not None and (row.name, row.unit.code) == (values.get("name"), values.get("unit"))


def _item_known(session: Session, values: Values) -> bool:
    found = session.scalar(
        sa.select(Item.type_code)
        .join(Unit, Unit.id == Item.unit_id)
        .where(Item.name == values.get("name"), Unit.code == values.get("unit"))
    )
    return found is not None and found == values.get("type")


UNITS = Kind(
    "units", lazy("机构"), "unit.write",
    (
        Column("code", lazy("编码"), ("编码", "机构编码", "机构代码", "代码", "code"), lazy("全局唯一，添加后不能修改。"), required=True),
        Column("name", lazy("名称"), ("名称", "机构名称", "name"), lazy("例如“西安市局”。"), required=True),
        Column("level", lazy("层级"), ("层级", "级别", "level"), lazy("省局、市局、县/区局、税务所或供应商。"), required=True),
        Column("parent", lazy("上级编码"), ("上级编码", "上级机构编码", "上级", "parent"), lazy("省局和供应商留空。可以是同一个文件里前面的行。")),
    ),
    UnitIn, people_api.create_unit, _unit_known, _levels,
    (("6101", "西安市局", "市局", "61"), ("610122", "蓝田县局", "县/区局", "6101")),
)  # fmt: skip
PEOPLE = Kind(
    "people", lazy("人员"), "person.write",
    (
        Column("login", lazy("登录名"), ("登录名", "用户名", "账号", "login"), lazy("小写字母、数字、点、横线和下划线，2 到 63 位。"), required=True),
        Column("name", lazy("姓名"), ("姓名", "名字", "name"), lazy("真实姓名。"), required=True),
        Column("unit", lazy("机构编码"), ("机构编码", "机构代码", "单位编码", "机构", "unit"), lazy("这个机构必须已经添加。"), required=True),
        Column("email", lazy("邮箱"), ("邮箱", "电子邮箱", "邮件", "email"), lazy("收通知用，例如 zhangsan@example.cn；可以以后再填。")),
        Column("phone", lazy("电话"), ("电话", "手机", "手机号", "联系电话", "phone"), lazy("联系电话，可以以后再填。")),
    ),
    PersonIn, people_api.create_person, _person_known, _nothing,
    (("zhangsan", "张三", "610122", "zhangsan@example.cn", "13800000000"),),
)  # fmt: skip
ITEMS = Kind(
    "items", lazy("配置项"), "item.write",
    (
        Column("name", lazy("名称"), ("名称", "设备名称", "name"), lazy("在所属机构内不能重名。"), required=True),
        Column("type", lazy("类型"), ("类型", "设备类型", "type"), lazy("例如“服务器”“路由器”“打印机”。"), required=True),
        Column("unit", lazy("机构编码"), ("机构编码", "机构代码", "单位编码", "机构", "unit"), lazy("这个机构必须已经添加。"), required=True),
        Column("address", lazy("地址"), ("地址", "IP", "IP地址", "IP 地址", "address"), lazy("IP 地址或主机名，可以以后再填。")),
    ),
    ItemIn, items_api.create_item, _item_known, _types,
    (("蓝田办税厅叫号服务器", "服务器", "610122", "10.61.22.8"),),
)  # fmt: skip
KINDS = {kind.name: kind for kind in (UNITS, PEOPLE, ITEMS)}
