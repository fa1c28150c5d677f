"""The first hour: units, people and items out of spreadsheets, looked at first, brought in whole or not at all."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from accounts.models import Person, Unit
from app.setup import packing, sheets
from app.setup.importing import Line, columns_of
from app.setup.kinds import PEOPLE, UNITS
from core.errors import Invalid, TooLarge
from tests.fixtures.world import World

UNIT_HEAD = ("编码", "名称", "层级", "上级编码")
PEOPLE_HEAD = ("登录名", "姓名", "机构编码", "邮箱", "电话")


def workbook(*rows: Sequence[Any]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# --- reading -------------------------------------------------------------------------------------------------


def test_a_workbook_is_read_as_a_person_sees_it() -> None:
    sheet = sheets.read("a.xlsx", workbook((), ("编码", "名称"), (610122.0, " 蓝田 "), (None, None), ("0061", 7.5)))
    assert sheet.head[:2] == ("编码", "名称")
    assert [(row.number, row.cells[:2]) for row in sheet.rows] == [(3, ("610122", "蓝田")), (5, ("0061", "7.5"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("divider", [",", "\t", ";"])
def test_a_text_table_is_read_in_every_encoding_people_save(encoding: str, divider: str) -> None:
    text = divider.join(("编码", "名称")) + "\r\n" + divider.join(("610122", "蓝田县局")) + "\r\n"
    sheet = sheets.read("a.csv", text.encode(encoding))
    assert (sheet.head, sheet.rows[0].cells) == (("编码", "名称"), ("610122", "蓝田县局"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"", "空的"),
        ("a.xlsx", b"PK\x03\x04broken", "打不开"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "不支持这种格式"),
        ("a.csv", b"\x00\x01\x02", "不是表格文件"),
        ("a.csv", b"\xff\xfe\x00a".replace(b"\x00", b"\xff"), "编码"),
        ("a.csv", b"\n\n,,\n", "没有内容"),
    ],
)
def test_what_is_no_table_is_refused_in_words(name: str, content: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        sheets.read(name, content)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(TooLarge, match="5000"):
        sheets.read("a.csv", b"a,b\n" + b"1,2\n" * (sheets.MOST_ROWS + 1))


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (sheets.MOST_UNPACKED + 1))
    assert len(out.getvalue()) < sheets.MOST_BYTES
    with pytest.raises(TooLarge, match="展开"):
        sheets.read("a.xlsx", out.getvalue())


def test_heads_are_known_by_every_name_they_go_by() -> None:
    found, ignored = columns_of(UNITS, ("机构编码*", " 机构名称 ", "级别", "备注"))
    assert ([column.field for column in found.values()], ignored) == (["code", "name", "level"], ["备注"])
    with pytest.raises(Invalid, match="缺少这些列：层级"):
        columns_of(UNITS, ("编码", "名称"))
    with pytest.raises(Invalid, match="有两个"):
        columns_of(UNITS, ("编码", "代码", "名称", "层级"))


def test_the_template_is_read_back_by_the_reader() -> None:
    content = sheets.write(
        [str(c.label) for c in PEOPLE.columns], [str(c.help) for c in PEOPLE.columns], PEOPLE.examples
    )
    sheet = sheets.read("template.xlsx", content)
    assert [row.cells for row in sheet.rows] == [PEOPLE.examples[0]]
    assert len(columns_of(PEOPLE, sheet.head)[0]) == len(PEOPLE.columns)


def test_lines_travel_in_the_form_and_nothing_else_does() -> None:
    lines = [Line(2, {"code": "6101", "name": "西安"})]
    assert packing.unpack(packing.pack(lines)) == lines
    for broken in ("", "x", packing.pack(lines)[:-8], "eJw="):
        with pytest.raises(Invalid, match="重新上传"):
            packing.unpack(broken)


# --- on the pages --------------------------------------------------------------------------------------------


def look(world: World, login: str, kind: str, *rows: Sequence[Any]) -> Any:
    client = world.client(login)
    data = {"file": (io.BytesIO(workbook(*rows)), "table.xlsx")}
    return client, world.submit(client, f"/admin/setup/{kind}/look", data, content_type="multipart/form-data")


def bring_in(world: World, client: Any, kind: str, page: str) -> Any:
    found = re.search(r'name="lines" value="([^"]+)"', page)
    assert found is not None, "there is no button to bring them in"
    return world.submit(client, f"/admin/setup/{kind}/apply", {"lines": found.group(1)})


def units(world: World) -> set[str]:
    with world.engine.connect() as connection:
        return set(connection.scalars(sa.select(Unit.code)))


def test_units_with_their_parents_in_the_same_file(world: World) -> None:
    before = units(world)
    client, answer = look(world, "sec-admin", "units", UNIT_HEAD, (6108, "榆林市局", "市局", 61), (610802, "榆阳区局", "区局", 6108),
                          ("6101", "西安市局", "市", "61"))  # fmt: skip
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert units(world) == before, "looking keeps nothing"
    answer = bring_in(world, client, "units", page)
    assert answer.status_code == 303
    assert units(world) - before == {"6108", "610802"}
    again = bring_in(world, client, "units", page)
    assert again.status_code == 303
    assert "新增 0 行，3 行已经有了" in client.get("/admin/setup/").get_data(as_text=True), "twice makes nothing twice"


def test_one_wrong_row_keeps_all_out_and_says_which_cell(world: World) -> None:
    _client, answer = look(
        world, "sec-admin", "people", PEOPLE_HEAD,
        ("wang.new", "王新", "610122", "wang@example.cn", "139"),
        ("Wang New", "王旧", "610122", "", ""), ("li.new", "李新", "999999", "", ""), ("lt-clerk", "别人", "610122", "", ""),
        ("wang.new", "王新", "610122", "", ""),
    )  # fmt: skip
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for words in ("格式不正确", "没有编码为“999999”的机构", "与第 2 行相同"):
        assert words in page
    assert 'name="lines"' not in page, "there is nothing to bring in"
    with world.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).where(Person.login == "wang.new")) == 0


def test_items_are_the_system_administrators(world: World) -> None:
    head = ("名称", "类型", "机构编码", "地址", "备注")
    client, answer = look(
        world,
        "sys-admin",
        "items",
        head,
        ("导入的打印机", "打印机", 610122, "10.1.1.1", "x"),
        ("坏的", "飞船", 610122, "", ""),
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "这些列不认识，不会导入：备注" in page
    client, answer = look(world, "sys-admin", "items", head, ("导入的打印机", "打印机", 610122, "10.1.1.1", ""))
    assert bring_in(world, client, "items", answer.get_data(as_text=True)).status_code == 303
    assert "导入的打印机" in client.get("/items?q=导入的打印机").get_data(as_text=True)


def test_who_may(world: World) -> None:
    """Each administrator what is theirs; to everybody else the pages are not there."""
    may = {"sec-admin": {"units", "people"}, "sys-admin": {"items"}, "lt-head": {"items"}}
    steps = {"sec-admin", "sys-admin"}
    for login in ("sec-admin", "sys-admin", "aud-admin", "lt-head", "lt-clerk", "v1-head"):
        client = world.client(login)
        for kind in ("units", "people", "items"):
            wanted = 200 if kind in may.get(login, ()) else 404
            assert client.get(f"/admin/setup/{kind}").status_code == wanted, (login, kind)
            assert client.get(f"/admin/setup/{kind}/template.xlsx").status_code == wanted
            for verb in ("look", "apply"):
                status = world.submit(client, f"/admin/setup/{kind}/{verb}", {"lines": ""}).status_code
                assert status == (422 if wanted == 200 else 404), (login, kind, verb)
        assert client.get("/admin/setup/").status_code == (200 if login in steps else 404)
        assert client.get("/admin/setup/ships").status_code == 404


def test_a_head_brings_in_items_of_the_own_county_alone(world: World) -> None:
    head = ("名称", "类型", "机构编码")
    _client, answer = look(
        world, "lt-head", "items", head, ("自己的", "打印机", "610122"), ("隔壁的", "打印机", "610124")
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "没有机构“610124”，或您不能在那里登记配置项" in page
    assert "/admin/settings" not in page, "no link to where one may not go"
