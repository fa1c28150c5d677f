"""Walks one matter up and down the lines, as the verbs do it."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest

from accounts.models import Team
from core import clock
from escalation.handoff import service
from servicedesk.custody import rules as custody_rules
from servicedesk.custody import service as custody
from servicedesk.tickets import service as tickets
from servicedesk.tickets.opening import Report, open_ticket

SEARCH = {"query": "开票 报错", "none_fits_because": "没有同样报错的文章"}
SHEET = {"system": "发票管理", "function": "代开", "error": "ORA-12541", "tried": "重启过", "subject": "无"}


class Climb:
    """Walks one matter up and down the lines."""

    def __init__(self, world, session) -> None:
        self.world, self.session = world, session
        self.now = clock.now()
        self.ticket = open_ticket(
            session,
            Report(
                title="代开发票报错",
                category="application",
                unit_id=world.units["610122"],
                reporter_id=world.people["lt-clerk"],
            ),
            by=world.people["lt-clerk"],
            now=self.now,
        )

    def later(self, minutes=10):
        self.now += dt.timedelta(minutes=minutes)
        return self.now

    def accept(self, login):
        tickets.accept(self.session, self.world.viewer(login), self.ticket, now=self.later())
        return self

    def send(self, login, to, sheet=SHEET, search=SEARCH):
        team = self.session.get(Team, self.world.teams[to])
        return service.send(
            self.session,
            self.world.viewer(login),
            self.ticket,
            to=team,
            reason="本级解决不了",
            sheet=sheet,
            search=search,
            route="api",
            now=self.later(),
        )

    def take(self, login, handoff, clarity=4):
        return service.accept(
            self.session, self.world.viewer(login), handoff, clarity=clarity, comment=None, now=self.later()
        )

    def back(self, login, handoff):
        return service.give_back(
            self.session, self.world.viewer(login), handoff, reason="看不懂", missing="截图", now=self.later()
        )

    def to_the_province(self):
        self.take("xa-engineer", self.send("lt-engineer", "C-XA"))
        self.take("p-engineer", self.send("xa-engineer", "P-APP"))

    def whole(self):
        spans = [row.span() for row in custody.ledger(self.session, self.ticket.id)]
        assert custody_rules.faults(spans) == []
        return spans


@pytest.fixture
def climbing(world):
    """`with climbing() as climb: …`: committed when the block ends."""

    @contextlib.contextmanager
    def begin():
        with world.write() as session:
            yield Climb(world, session)

    return begin


@pytest.fixture
def climb(climbing):
    with climbing() as one:
        yield one
