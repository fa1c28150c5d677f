"""Urging through the verb (E-05), on both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from core import clock
from core.errors import Conflict, Forbidden, TooMany
from core.events.handoff import TicketUrged
from escalation.urging import service
from servicedesk.tickets import service as tickets
from servicedesk.tickets.opening import Report, open_ticket

MONDAY = dt.datetime(2026, 12, 7, 2, 0, tzinfo=dt.UTC)  # 10:00 in Shanghai, a working day


def test_E_05_holder_first_then_the_head_with_cool_down_and_quota(world, hear):
    heard = hear(TicketUrged)
    clerk = world.viewer("lt-clerk")
    with world.write() as session, clock.frozen(MONDAY):
        ticket = open_ticket(
            session,
            Report(
                title="打印机",
                category="desktop",
                unit_id=world.units["610122"],
                reporter_id=world.people["lt-clerk"],
            ),
            by=world.people["lt-clerk"],
            now=MONDAY,
        )
        tickets.accept(session, world.viewer("lt-engineer"), ticket, now=MONDAY)
        service.urge(session, clerk, ticket, text="急", now=MONDAY)
        with pytest.raises(TooMany) as refused:
            service.urge(session, clerk, ticket, text="急", now=MONDAY + dt.timedelta(minutes=20))
        assert refused.value.retry_after == 600
        service.urge(session, world.viewer("xa-head"), ticket, text="尽快", now=MONDAY + dt.timedelta(minutes=31))
        service.urge(session, clerk, ticket, text="急", now=MONDAY + dt.timedelta(minutes=62))
        with pytest.raises(TooMany, match="明天"):
            service.urge(session, clerk, ticket, text="急", now=MONDAY + dt.timedelta(minutes=180))
        for login in ("xa-engineer", "leader"):
            with pytest.raises(Forbidden):
                service.urge(session, world.viewer(login), ticket, text="急", now=MONDAY + dt.timedelta(days=1))
        tickets.suspend(session, world.viewer("lt-engineer"), ticket, reason="等件", now=MONDAY + dt.timedelta(days=1))
        with pytest.raises(Conflict, match="挂起"):
            service.urge(session, clerk, ticket, text="急", now=MONDAY + dt.timedelta(days=1, minutes=5))
    with clock.frozen(MONDAY + dt.timedelta(days=2)):
        world.relay()
    assert [(e.count, e.holder_id, e.head_id) for e in heard] == [
        (1, world.people["lt-engineer"], None),
        (2, world.people["lt-engineer"], world.people["lt-head"]),
        (3, world.people["lt-engineer"], world.people["lt-head"]),
    ]
