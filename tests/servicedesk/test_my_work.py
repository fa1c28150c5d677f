"""A worker's home shows mine, soon due, overdue, waiting for others, returned to me, latest feedback (T-16)."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from accounts.models import Team
from core import clock
from escalation.handoff import service as handoffs
from servicedesk.tickets import service
from servicedesk.tickets.opening import Report, open_ticket
from servicedesk.work import queries

MONDAY = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)  # 09:00 in Shanghai, a working day
SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}
SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}
PARTS = ("mine", "soon", "overdue", "waiting", "returned", "feedback")


class Desk:
    """An engineer's morning; priority 1 is due four hours of any time after its opening, 5 after a working week."""

    def __init__(self, world, session) -> None:
        self.world, self.session = world, session
        self.worker = world.viewer("lt-engineer")

    def opens(self, title, at=MONDAY, urgent=False, accepted_by="lt-engineer"):
        level = 1 if urgent else 3
        ticket = open_ticket(
            self.session,
            Report(title=title, category="desktop", unit_id=self.world.units["610122"], urgency=level, impact=level,
                   reporter_id=self.world.people["lt-clerk"]),
            by=None, now=at,
        )  # fmt: skip
        if accepted_by:
            service.accept(self.session, self.world.viewer(accepted_by), ticket, now=at)
        return ticket

    def sends(self, ticket, now):
        to = self.session.get(Team, self.world.teams["C-XA"])
        return handoffs.send(
            self.session, self.worker, ticket, to=to, reason="修不了", sheet=SHEET, search=SEARCH, route="api", now=now
        )


@pytest.fixture
def now():
    with clock.frozen(MONDAY + dt.timedelta(hours=2)):
        yield clock.now()


@pytest.fixture
def home(world, now):
    """One matter for each part, and what belongs to nobody's home but others'."""
    with world.write() as session:
        desk = Desk(world, session)
        clerk = world.viewer("lt-clerk")
        desk.opens("只是在办")
        desk.opens("快到期的", urgent=True, at=now - dt.timedelta(hours=1))
        desk.opens("已经超时", urgent=True, at=now - dt.timedelta(hours=5))
        waits = desk.opens("等照片的")
        service.suspend(session, desk.worker, waits, reason="等照片", now=now)
        desk.sends(desk.opens("送上去的"), now)
        late = desk.opens("送上去却超时", urgent=True, at=now - dt.timedelta(hours=5))
        desk.sends(late, now)
        back = desk.sends(desk.opens("退回来的"), now)
        receiver = world.viewer("xa-engineer")
        handoffs.give_back(session, receiver, back, reason="看不懂", missing="截图", now=now)
        praised = desk.opens("评价过的")
        service.resolve(session, desk.worker, praised, solution="换线", now=now)
        service.confirm(session, clerk, praised, stars=5, comment="很快", now=now)
        again = desk.opens("又坏了的")
        service.resolve(session, desk.worker, again, solution="重启", now=now)
        service.reopen(session, clerk, again, reason="又坏", now=now)
        # in no part of this worker's home
        desk.opens("同事在办的", accepted_by="lt-head")
        solved = desk.opens("解决了没评价")
        service.resolve(session, desk.worker, solved, solution="好了", now=now)
        gone = desk.sends(desk.opens("市里接走的"), now)
        handoffs.accept(session, receiver, gone, clarity=5, comment=None, now=now)
        old = desk.opens("去年的评价", at=now - dt.timedelta(days=300))
        service.resolve(session, desk.worker, old, solution="换线", now=now - dt.timedelta(days=299))
        service.confirm(session, clerk, old, stars=1, comment=None, now=now - dt.timedelta(days=299))
    return world


EXPECTED = {
    "mine": {"只是在办", "快到期的", "已经超时", "退回来的", "又坏了的"},
    "soon": {"快到期的"},
    "overdue": {"已经超时", "送上去却超时"},
    "waiting": {"等照片的", "送上去的", "送上去却超时"},
    "returned": {"退回来的"},
    "feedback": {"评价过的", "又坏了的"},
}


def test_T_16_each_matter_stands_in_its_parts_and_what_is_not_mine_in_none(home, now):
    with home.read() as session:
        found = queries.my_work(session, home.viewer("lt-engineer"), now=now)
        pairs = {"returned": found.returned, "feedback": found.feedback}
        titles = {part: [t.title for t, _fact in pairs.get(part, [])] for part in PARTS}
        titles |= {part: [t.title for t in getattr(found, part)] for part in PARTS if part not in pairs}
    assert {part: set(rows) for part, rows in titles.items()} == EXPECTED
    assert all(len(rows) == len(set(rows)) for rows in titles.values()), "each once"


def test_T_16_the_page_shows_the_six_parts_and_why(home, now):
    page = home.client("lt-engineer").get("/desk/work").get_data(as_text=True)
    parts = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.DOTALL))
    every = set().union(*EXPECTED.values())
    for part in PARTS:
        assert {title for title in every if title in parts[part]} == EXPECTED[part], part
    for words in ("看不懂", "缺少：截图"):
        assert words in parts["returned"]
    assert "5 星" in parts["feedback"]
    for title in ("同事在办的", "解决了没评价", "市里接走的", "去年的评价"):
        assert title not in page, title


def test_T_16_what_waits_to_be_accepted_is_shown_beside_them(home):
    with home.write() as session:
        Desk(home, session).opens("没人接的", accepted_by=None)
    assert "没人接的" in home.client("lt-engineer").get("/desk/work").get_data(as_text=True)
    assert "没人接的" not in home.client("zz-engineer").get("/desk/work").get_data(as_text=True)
