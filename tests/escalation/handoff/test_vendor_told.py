"""A vendor is told what is written while it has the matter, and nothing from after its return (T-05, E-12)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from core import clock
from escalation.notify.models import Delivery
from servicedesk.tickets import conversation, mentions

AFTER = "@秦信工(v1-engineer) 已换厂家"


def told(world, *topics):
    with clock.frozen(clock.now() + dt.timedelta(days=1)):  # the walk is ahead of the clock
        world.relay()
    by_id = {i: login for login, i in world.people.items()}
    with world.read() as session:
        rows = session.execute(sa.select(Delivery.person_id, Delivery.topic).where(Delivery.topic.in_(topics)))
        return {(by_id[row.person_id], row.topic) for row in rows if row.person_id}


def test_E_12_a_vendor_is_told_and_offered_nothing_from_after_its_episode(climbing, world):
    with climbing() as climb:
        climb.accept("lt-engineer").to_the_province()
        handoff = climb.send("p-engineer", "T-V1")
        climb.take("v1-engineer", handoff)
        conversation.watch(climb.session, world.viewer("v1-head"), climb.ticket, now=climb.later())
        say(climb, "p-engineer", "@v1-engineer 请看日志")
    assert told(world, "mention", "watch") == {("v1-engineer", "mention"), ("v1-head", "watch")}
    with world.write() as session:
        session.execute(sa.delete(Delivery))
        climb.session = session
        climb.ticket = session.merge(climb.ticket)
        climb.back("v1-engineer", session.merge(handoff))
        session.flush()
        say(climb, "p-head", AFTER)
        engineer, vendor = world.viewer("p-engineer"), world.viewer("v1-head")
        at = {"internal": False, "now": climb.later()}
        assert mentions.unseeing(session, climb.ticket, AFTER, by=engineer, **at) == ["秦信工"], (
            "said before it is sent"
        )
        offered = [p.login for p in mentions.offered(session, vendor, climb.ticket, "", now=climb.now)]
        assert "p-engineer" in offered, "who spoke in its episode"
        assert "p-head" not in offered, "who spoke after"
        assert mentions.unseeing(session, climb.ticket, "@p-head @nobody", by=vendor, **at) == ["@p-head", "@nobody"]
    assert told(world, "mention", "watch") == set()


def say(climb, login, text):
    viewer = climb.world.viewer(login)
    conversation.comment(climb.session, viewer, climb.ticket, text=text, internal=False, now=climb.later())
