"""E-13: changing somebody's unit or role, or letting them go, is one action, seen before and whole."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from accounts import service as accounts
from accounts.models import ApiToken, AuditRow, Grant, Person, Role, Team, TeamMember
from accounts.validity import lasting
from core import clock
from escalation.oncall.models import Override, Schedule
from kb.articles.models import Article
from servicedesk.custody.models import CustodySpan
from servicedesk.tickets.models import Ticket
from tests.fixtures.world import World

MOVE = "/admin/people/lt-engineer/move"
TRANSFER = {"way": "transfer", "unit": "6101", "role": "engineer", "reason": "借调市局"}


@pytest.fixture
def busy(world: World) -> World:
    """蓝工 holds a matter, a draft, a place in a roster, a coming override and a token."""
    clerk, engineer, head = world.api("lt-clerk"), world.api("lt-engineer"), world.api("lt-head")
    number = clerk.post("/tickets", {"kind": "incident", "title": "打印机脱机", "category": "desktop"}).json["number"]
    assert engineer.post(f"/tickets/{number}/actions/accept", {}).status_code == 200
    assert engineer.post("/articles", {"title": "打印机脱机怎么办", "body": "重启。"}).status_code == 201
    roster = {
        "code": "lt", "name": "蓝田值班", "unit": "610122", "team": "X-LT", "people": ["lt-engineer"],
        "starts_on": clock.now().date().isoformat(),
    }  # fmt: skip
    schedule = head.post("/schedules", roster).json["id"]
    tomorrow = clock.now() + dt.timedelta(days=1)
    override = {
        "person": "lt-engineer", "from_at": tomorrow.isoformat(),
        "until_at": (tomorrow + dt.timedelta(days=1)).isoformat(),
    }  # fmt: skip
    assert head.post(f"/schedules/{schedule}/overrides", override).status_code == 201
    return world


def _seen(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{32})"', page)
    assert found, page[-3000:]
    return found[1]


def _rights(world: World, login: str) -> list[str]:
    with world.read() as session:
        held = sa.select(Grant.role_code).where(Grant.person_id == world.people[login], lasting(clock.now()))
        return list(session.scalars(held))


def test_E_13_nothing_happens_before_it_was_seen_and_then_all_at_once(busy: World) -> None:
    admin = busy.client("sec-admin")
    page = admin.get(MOVE).get_data(as_text=True)
    for shown in ("运维工程师", "蓝田信息中心", "INC-", "KB-", ">lt<"):
        assert shown in page
    assert "打印机脱机" not in page, "administrators read no matters"
    stuck = busy.submit(admin, MOVE, TRANSFER).get_data(as_text=True)
    assert "值班表里没有别人" in stuck
    assert 'name="seen"' in stuck
    refused = busy.submit(admin, MOVE, {**TRANSFER, "seen": _seen(stuck)})
    assert refused.status_code == 422
    leaving = busy.submit(admin, MOVE, {**TRANSFER, "way": "leave", "heir": "lt-head"}).get_data(as_text=True)
    assert "离职，账号停用" in leaving, "the form's own unit does not stand in the way"
    preview = busy.submit(admin, MOVE, {**TRANSFER, "heir": "lt-head"}).get_data(as_text=True)
    assert "转给蓝大为" in preview
    assert _rights(busy, "lt-engineer") == ["engineer"], "a preview changes nothing"
    own = busy.client("lt-engineer")
    done = busy.submit(admin, MOVE, {**TRANSFER, "heir": "lt-head", "seen": _seen(preview)})
    assert done.status_code == 303
    assert own.get("/profile").status_code == 303, "the old sign-ins are over"
    with busy.read() as session:
        me, heir = busy.people["lt-engineer"], busy.people["lt-head"]
        assert session.get_one(Person, me).unit_id == busy.units["6101"]
        grants = session.scalars(sa.select(Grant).where(Grant.person_id == me, lasting(clock.now()))).all()
        assert [(g.role_code, g.unit_id) for g in grants] == [("engineer", busy.units["6101"])]
        assert session.scalars(sa.select(Ticket.holder_id)).all() == [heir]
        spans = session.scalars(sa.select(CustodySpan).order_by(CustodySpan.seq)).all()
        assert (spans[-1].holder_id, spans[-2].holder_id) == (heir, me), "the ledger says who had it until when"
        assert session.scalars(sa.select(Article.author_id).where(Article.title == "打印机脱机怎么办")).all() == [heir]
        assert session.scalars(sa.select(Schedule.people)).all() == [[heir]]
        assert session.scalars(sa.select(Override.person_id)).all() == [heir]
        assert not session.scalars(sa.select(TeamMember).where(TeamMember.person_id == me)).all()
        assert not session.scalars(
            sa.select(ApiToken).where(ApiToken.person_id == me, ApiToken.revoked_at.is_(None))
        ).all()
        row = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "person-moved")).one()
        assert (row.actor, row.object, row.after and row.after["reason"]) == (
            "sec-admin",
            "person:lt-engineer",
            ["借调市局"],
        )


def test_E_13_leaving_without_an_heir_gives_matters_to_the_head(busy: World) -> None:
    api = busy.api("sec-admin")
    with busy.write() as session:
        schedule = session.scalars(sa.select(Schedule)).one()
        schedule.people = [*schedule.people, busy.people["lt-head"]]
    shown = api.get("/people/lt-engineer/belongings").json
    assert {h["kind"] for h in shown["held"]} == {"grants", "teams", "tokens", "tickets", "articles", "duties"}
    body = {"way": "leave", "reason": "退休", "seen": shown["seen"]}
    with busy.write() as session:
        session.get_one(Team, busy.teams["X-LT"]).name = "蓝田信息中心一组"
    assert api.post("/people/lt-engineer/move", body).status_code == 409, "it is not what was seen any more"
    body["seen"] = api.get("/people/lt-engineer/belongings").json["seen"]
    answer = api.post("/people/lt-engineer/move", body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.json["active"] is False
    with busy.read() as session:
        assert session.scalars(sa.select(Ticket.holder_id)).all() == [busy.people["lt-head"]]
        assert session.scalars(sa.select(Override.cancelled_at)).one() is not None
    assert _rights(busy, "lt-engineer") == []
    assert api.get("/people/lt-engineer/belongings").json["held"] == []


def test_E_13_what_can_t_go_anywhere_keeps_everything_as_it_was(busy: World) -> None:
    with busy.write() as session:
        session.get_one(Team, busy.teams["X-LT"]).head_id = None
    answer = busy.api("sec-admin").post("/people/lt-engineer/move", {"way": "leave", "reason": "退休"})
    assert answer.status_code == 409
    assert "没有别人可以接手" in answer.json["detail"]
    assert _rights(busy, "lt-engineer") == ["engineer"]
    with busy.read() as session:
        assert session.get_one(Person, busy.people["lt-engineer"]).active


def test_E_13_only_who_administers_both_places_and_never_oneself(world: World) -> None:
    for stranger in ("lt-clerk", "lt-head", "sys-admin", "aud-admin", "xa-head"):
        assert world.client(stranger).get(MOVE).status_code == 404, stranger
        assert world.api(stranger).get("/people/lt-engineer/belongings").status_code == 404, stranger
        assert world.api(stranger).post("/people/lt-engineer/move", {"reason": "x"}).status_code == 404, stranger
    with world.write() as session:  # a security administrator of one county
        session.get_one(Role, "engineer")
        person = accounts.create_person(
            session, login="lt-sec", name="蓝安", unit=accounts.unit_by_code(session, "610122"), now=clock.now()
        )
        unit = accounts.unit_by_code(session, "610122")
        accounts.grant(session, person=person, role_code="security-admin", unit=unit, now=clock.now())
        world.people["lt-sec"] = person.id
    county = world.api("lt-sec")
    assert county.get("/people/zz-engineer/belongings").status_code == 404
    assert county.get("/people/lt-engineer/belongings").status_code == 200
    assert county.post("/people/lt-engineer/move", TRANSFER).status_code == 403, "the city is above their place"
    outside = {**TRANSFER, "unit": "610122-01", "heir": "zz-head"}
    assert county.post("/people/lt-engineer/move", outside).status_code == 403
    assert county.post("/people/lt-sec/move", {**TRANSFER, "unit": "610122"}).status_code == 409
    assert county.post("/people/lt-engineer/move", {**TRANSFER, "unit": None}).status_code == 422
    own = {**TRANSFER, "unit": "610122-01", "heir": "lt-engineer"}
    assert county.post("/people/lt-engineer/move", own).status_code == 422
    assert county.post("/people/lt-engineer/move", {**TRANSFER, "unit": "610122-01"}).status_code == 200


def test_R_03_the_last_administrator_of_a_kind_does_not_leave(world: World) -> None:
    answer = world.api("sec-admin").post("/people/aud-admin/move", {"way": "leave", "reason": "退休"})
    assert answer.status_code == 409
    assert _rights(world, "aud-admin") == ["audit-admin"]
