"""The service desk's pages, as a browser without JavaScript sees them."""

from __future__ import annotations

import io
import re

import pytest

from core import clock
from servicedesk.tickets import service
from servicedesk.tickets.models import Ticket

REPORT = {
    "text": "办税厅打印机脱机，换纸也不行",
    "category": "desktop",
    "q-device": "printer",
    "q-who": "room",
    "q-work": "slow",
}


def sent(world, client, data=REPORT, **options):
    return world.submit(client, "/desk/report", data, **options)


@pytest.fixture
def clerk(world):
    return world.client("lt-clerk")


@pytest.fixture
def engineer(world):
    return world.client("lt-engineer")


@pytest.fixture
def url(world, clerk):
    return sent(world, clerk).headers["Location"]


def page(client, url, status=200):
    answer = client.get(url)
    assert answer.status_code == status, url
    return answer.get_data(as_text=True)


def ticket_of(world, url):
    with world.read() as session:
        import sqlalchemy as sa

        return session.scalar(sa.select(Ticket).where(Ticket.number == url.rsplit("/", 1)[1]))


def test_T_09_a_report_carries_the_answers_and_what_the_platform_adds(world, clerk, url):
    made = ticket_of(world, url)
    assert (made.title, made.urgency, made.people_hit, made.source) == ("办税厅打印机脱机，换纸也不行", 2, 10, "person")
    shown = page(clerk, url)
    assert "我们科室都这样" in shown
    assert "平台附上" not in shown  # internal
    assert "平台附上" in page(world.client("lt-engineer"), url)


def test_R_02_a_double_click_makes_one_ticket(world, clerk):
    key = re.search(r'name="key" value="([^"]+)"', page(clerk, "/desk/report"))[1]
    first, again = (sent(world, clerk, REPORT | {"key": key}) for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]


def test_a_wrong_report_keeps_what_was_typed(world, clerk):
    answer = sent(world, clerk, {"text": "电脑很慢很慢", "category": ""})
    assert answer.status_code == 422
    assert "电脑很慢很慢" in answer.get_data(as_text=True)


def test_without_javascript_the_questions_come_by_a_button(world, clerk):
    shown = sent(world, clerk, {"text": "上不去网", "category": "wan", "step": "questions"}).get_data(as_text=True)
    assert "网络设备的灯亮着吗" in shown
    assert "上不去网" in shown


def test_T_18_a_bad_file_stops_the_report_and_says_why(world, clerk):
    answer = sent(world, clerk, REPORT | {"files": (io.BytesIO(b"MZ\x90"), "a.png")})
    assert answer.status_code == 422
    assert "可执行" in answer.get_data(as_text=True)
    assert "没有正在处理的事项" in page(clerk, "/desk/mine")
    good = sent(world, clerk, REPORT | {"files": (io.BytesIO(b"\x89PNG\r\n\x1a\n123"), "屏幕.png")})
    assert "屏幕.png" in page(clerk, good.headers["Location"])


def test_the_whole_life_by_pages(world, clerk, engineer, url):
    assert "待受理" in page(clerk, "/desk/mine")
    assert url in page(engineer, "/desk/work")
    assert world.submit(engineer, f"{url}/actions/accept").status_code == 303
    assert "蓝工" in page(clerk, url)
    wrong = world.submit(engineer, f"{url}/actions/resolve", {"cause": "没纸"})
    assert wrong.status_code == 422
    assert "没纸" in wrong.get_data(as_text=True)
    world.submit(engineer, f"{url}/actions/suspend", {"reason": "请拍照", "waiting_for": "reporter"})
    assert "等待报障人答复" in page(clerk, url)
    world.submit(engineer, f"{url}/actions/resume")
    world.submit(engineer, f"{url}/actions/resolve", {"solution": "换了数据线"})
    assert "换了数据线" in page(clerk, "/desk/mine")
    world.submit(clerk, f"{url}/actions/confirm", {"stars": "5", "comment": "谢谢"})
    assert ticket_of(world, url).state == "closed"
    assert "★★★★★" in page(engineer, "/desk/work")
    refused = world.submit(engineer, f"{url}/actions/accept", follow_redirects=True)
    assert "当前状态下不能执行此操作" in refused.get_data(as_text=True)


def test_handing_up_by_the_sheet(world, clerk, engineer, url):
    world.submit(engineer, f"{url}/actions/accept")
    shown = page(engineer, f"{url}/hand-up")
    assert "平台已填" in shown
    wrong = world.submit(engineer, f"{url}/hand-up", {"reason": "不会修", "sheet-tried": "重启过"})
    assert wrong.status_code == 422
    text = wrong.get_data(as_text=True)
    assert "请填写“系统和版本”" in text
    assert "上报前请先检索知识库" in text
    assert "重启过" in text
    full = {
        "text": "打印机脱机",
        "none_fits_because": "型号不同",
        "reason": "不会修",
        "to": "C-XA",
        "sheet-symptom": "脱机",
        "sheet-since": "今天",
        "sheet-affected": "3 人",
        "sheet-error": "无",
        "sheet-tried": "重启",
        "sheet-contact": "李兰",
        "sheet-device": "惠普",
        "sheet-system_version": "Win10",
    }
    assert world.submit(engineer, f"{url}/hand-up", full).status_code == 303
    city = world.client("xa-engineer")
    assert "转来待接" in page(city, "/desk/work")
    panel = page(city, f"{url}/handoffs")
    back = re.search(rf'action="({url}/handoffs/\d+)/return"', panel)[1]
    assert world.submit(city, f"{back}/return", {"reason": "", "missing": ""}).status_code == 422
    world.submit(city, f"{back}/return", {"reason": "看不清", "missing": "报错截图"})
    assert "缺少：报错截图" in page(engineer, "/desk/work")
    assert "惠普" not in page(clerk, f"{url}/handoffs")  # the sheet is for those who work on it


def test_E_05_urging_from_the_page_tells_when_it_is_possible_again(world, clerk, url):
    assert "处理人会收到" in world.submit(clerk, f"{url}/urge", {"text": "急"}, follow_redirects=True).get_data(
        as_text=True
    )
    again = world.submit(clerk, f"{url}/urge", {"text": "急"}, follow_redirects=True).get_data(as_text=True)
    assert "可以再催" in again


def test_T_05_pages_of_a_stranger_are_404_and_the_card_tells_nothing_more(world, url):
    stranger = world.client("zz-clerk")
    for path in ("", "/handoffs", "/hand-up", "/similar", "/edit"):
        page(stranger, url + path, 404)
    for path in ("/actions/accept", "/comments", "/watch", "/steps", "/urge"):
        assert world.submit(stranger, url + path, {"text": "x"}).status_code == 404, path
    card = page(stranger, f"{url}/me-too")
    for secret in ("李兰", "蓝田", "换纸也不行"):
        assert secret not in card
    child = world.submit(stranger, f"{url}/me-too", {"text": ""}).headers["Location"]
    assert "周至" in page(stranger, child)


def test_E_12_the_vendors_workspace_shows_only_its_own(world, url):
    vendor = world.client("v1-engineer")
    assert "没有待处理的事项" in page(vendor, "/vendor")
    page(vendor, url, 404)
    page(vendor, "/desk/tickets", 404)


def test_merging_keeps_every_reporter(world):
    links = [sent(world, world.client(login)).headers["Location"] for login in ("lt-clerk", "zz-clerk")]
    numbers = [link.rsplit("/", 1)[1] for link in links]
    city = world.client("xa-engineer")
    answer = world.submit(
        city, "/desk/triage/merge", {"parent": numbers[0], "child": numbers[1]}, follow_redirects=True
    )
    assert "已把 1 件并入" in answer.get_data(as_text=True)
    with world.write() as session:
        import sqlalchemy as sa

        parent = session.scalar(sa.select(Ticket).where(Ticket.number == numbers[0]))
        service.accept(session, world.viewer("lt-engineer"), parent, now=clock.now())
        service.resolve(session, world.viewer("lt-engineer"), parent, solution="修好", now=clock.now())
    assert [ticket_of(world, link).state for link in links] == ["resolved", "resolved"]
    assert "修好" in page(world.client("zz-clerk"), links[1])


@pytest.mark.parametrize(
    "path",
    [
        "/desk/work",
        "/desk/triage",
        "/desk/tickets",
        "/desk/report?category=video",
        "/desk/tickets?q=打印&state=new&open=true&unit=6101&priority=x",
    ],
)
def test_pages_open(world, engineer, url, path):
    shown = page(engineer, path)
    assert not re.search(
        r"\b(incident|suspended|active|county|desktop)\b(?![-\"'/=?&])", re.sub(r"<[^>]*>", " ", shown)
    )


def test_fragments_for_other_pages(world, engineer, url):
    page(engineer, "/desk/items/999/tickets")
    page(engineer, "/desk/alerts/abc/ticket")
    assert world.client("wall").get("/desk/counts").json["open"] == 1
    page(world.client("aud-admin"), "/desk/counts", 404)
