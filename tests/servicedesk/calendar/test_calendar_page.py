"""The administrator's page: seeing why each day is what it is, entering, undoing, and what is refused."""

from __future__ import annotations

import datetime as dt
import html

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from accounts.models import AuditRow
from core.calendar import DEFAULT_CALENDAR
from servicedesk.calendar import queries, service
from servicedesk.calendar.models import CalendarDay, CalendarRoot
from tests.fixtures.world import World


@pytest.fixture
def admin(world: World) -> FlaskClient:
    return world.client("sys-admin")


def page(client: FlaskClient, month: str = "") -> str:
    answer = client.get(f"/admin/calendar/{'?month=' + month if month else ''}")
    assert answer.status_code == 200
    return html.unescape(answer.get_data(as_text=True))


def post(world: World, client: FlaskClient, path: str, **data: str) -> tuple[int, str]:
    answer = world.submit(client, f"/admin/calendar/{path}", data)
    return answer.status_code, html.unescape(answer.get_data(as_text=True))


def test_a_month_shows_why_each_day_is_what_it_is(admin: FlaskClient) -> None:
    text = page(admin, "2026-10")
    assert "2026 年 10 月" in text
    assert "10 月 1 日 至 10 月 7 日" in text
    assert "国庆节" in text
    assert "国庆节调休" in text
    assert "10 月 1 日 至 10 月 26 日（按规则计算）" in text


def test_gaps_are_named_when_they_matter() -> None:
    def years(shown: int, today: dt.date) -> list[int]:
        return [gap.year for gap in queries.gaps(DEFAULT_CALENDAR, shown=shown, today=today)]

    assert years(2026, dt.date(2026, 9, 30)) == []  # too early to ask for next year
    assert years(2026, dt.date(2026, 10, 1)) == [2027]
    assert years(2030, dt.date(2026, 11, 23)) == [2027, 2030]
    assert years(2003, dt.date(2026, 3, 1)) == [2003]


def test_a_year_nobody_knows_is_announced_and_can_be_declared_complete(world: World, admin: FlaskClient) -> None:
    unknown = DEFAULT_CALENDAR.holidays.years().stop + 3
    warning = f"{unknown} 年的节假日安排尚未发布"
    assert warning in page(admin, f"{unknown}-03")
    assert post(world, admin, "years", month=f"{unknown}-03", year=f"{unknown}", complete="true")[0] == 303
    text = page(admin, f"{unknown}-03")
    assert warning not in text
    assert "节假日和调休已全部录入" in text
    assert post(world, admin, "years", month=f"{unknown}-03", year=f"{unknown}")[0] == 303
    assert warning in page(admin, f"{unknown}-03")


def test_days_are_entered_in_a_row_and_undone_one_by_one(world: World, admin: FlaskClient) -> None:
    status, _text = post(world, admin, "days", first="2027-02-05", last="2027-02-11", kind="off", why="春节")
    assert status == 303
    text = page(admin, "2027-02")
    assert "2 月 5 日 至 2 月 11 日" in text
    assert "已录入 7 天" in text
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(CalendarDay)) == 7
        assert not service.current(session).is_working_day(dt.date(2027, 2, 8))
        assert service.current(session).filing_period(2027, 2).last == dt.date(2027, 2, 24)
    assert post(world, admin, "days/2027-02-08/clear", month="2027-02")[0] == 303
    with world.read() as session:
        assert service.current(session).is_working_day(dt.date(2027, 2, 8))
    assert post(world, admin, "days/2027-02-08/clear", month="2027-02")[0] == 404


def test_a_working_day_can_have_hours_of_its_own(world: World, admin: FlaskClient) -> None:
    post(world, admin, "days", first="2026-11-28", kind="working", hours="10:00-11:30，14:00至16:00", why="迎检")
    with world.read() as session:
        day = service.current(session).day(dt.date(2026, 11, 28))
    assert [segment.texts() for segment in day.segments] == [("10:00", "11:30"), ("14:00", "16:00")]
    assert "10:00-11:30 14:00-16:00" in page(admin, "2026-11")


def test_the_usual_hours_change_for_everybody(world: World, admin: FlaskClient) -> None:
    assert post(world, admin, "hours", month="2026-11", hours="08:30-12:00 14:00-17:30")[0] == 303
    with world.read() as session:
        day = service.current(session).day(dt.date(2026, 11, 23))
    assert [segment.texts() for segment in day.segments] == [("08:30", "12:00"), ("14:00", "17:30")]
    assert 'value="08:30-12:00 14:00-17:30"' in page(admin)


def test_a_filing_period_is_set_and_given_back_to_the_rule(world: World, admin: FlaskClient) -> None:
    assert post(world, admin, "filing", month="2026-12", first="2026-12-01", last="2026-12-21")[0] == 303
    assert "12 月 1 日 至 12 月 21 日（手工设定）" in page(admin, "2026-12")
    assert post(world, admin, "filing/2026-12/clear", month="2026-12")[0] == 303
    assert "12 月 1 日 至 12 月 15 日（按规则计算）" in page(admin, "2026-12")


REFUSED = [
    ("hours", {"hours": "全天"}, "请写成 09:00-12:00"),
    ("hours", {"hours": "12:00-09:00"}, "结束 09:00 要晚于开始 12:00"),
    ("hours", {"hours": "09:00-12:00 11:00-13:00"}, "上班时间要按先后排列且不重叠"),
    ("hours", {"hours": "09:00-25:00"}, "“25:00”不是时刻"),
    ("days", {"first": "", "kind": "off"}, "必填"),
    ("days", {"first": "2026-11-28", "last": "2026-11-01", "kind": "off"}, "结束日期不能早于开始日期"),
    ("days", {"first": "2026-11-28", "last": "2028-11-01", "kind": "off"}, "一次最多 62 天"),
    ("days", {"first": "1850-11-28", "kind": "off"}, "1900"),
    ("days", {"first": "2026-11-28", "kind": "working", "hours": "13:00-12:00"}, "要晚于开始"),
    ("filing", {"first": "2026-12-01", "last": "2026-12-15"}, "征期要从当月开始"),
    ("filing", {"first": "2026-11-10", "last": "2026-11-01"}, "征期的最后一天不能早于第一天"),
]


def test_mistakes_are_named_beside_the_field_and_nothing_is_stored(world: World, admin: FlaskClient) -> None:
    with world.read() as session:
        before = service.stored(session), session.get_one(CalendarRoot, 1).revision
    for path, data, message in REFUSED:
        status, text = post(world, admin, path, month="2026-11", **data)
        assert status == 422, (path, data)
        assert message in text
        assert "没有保存" in text
        for value in data.values():
            assert value in text  # what was typed is kept
    with world.read() as session:
        assert (service.stored(session), session.get_one(CalendarRoot, 1).revision) == before


def test_impossible_months_are_not_found(admin: FlaskClient) -> None:
    for month in ("2026-13", "x", "1899-12", "2200-01", "2026-1"):
        assert admin.get(f"/admin/calendar/?month={month}").status_code == 404
    for month in ("1900-01", "2199-12"):
        assert admin.get(f"/admin/calendar/?month={month}").status_code == 200


def test_only_the_system_administrator_comes_in(world: World) -> None:
    for login in ("lt-clerk", "p-head", "sec-admin", "aud-admin", "v1-head"):
        client = world.client(login)
        assert client.get("/admin/calendar/").status_code == 404
        assert world.submit(client, "/admin/calendar/hours", {"hours": "00:00-24:00"}).status_code == 404
    assert world.app.test_client().get("/admin/calendar/").status_code in {302, 303, 401}


def test_every_change_is_in_the_audit_trail(world: World, admin: FlaskClient) -> None:
    post(world, admin, "days", first="2026-11-28", kind="working", why="迎检")
    with world.read() as session:
        row = session.scalars(sa.select(AuditRow).where(AuditRow.object == "calendar:2026-11-28")).one()
    assert row.after["why"] == "迎检"
    assert "sys-admin" in row.actor
