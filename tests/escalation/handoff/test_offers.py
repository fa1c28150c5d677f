"""Who may be offered a matter, and what an offer that came to nothing leaves behind (T-05, E-01), on both databases."""

from __future__ import annotations

import datetime as dt

import pytest

from accounts import service as accounts
from accounts.models import Person, Team
from core import clock
from core.errors import Invalid, NotFound
from escalation.handoff import receiving, service
from servicedesk.tickets import access, conversation
from servicedesk.tickets import service as tickets

SEARCH = {"query": "打印机 脱机", "none_fits_because": "型号不同"}
SHEET = {"device": "惠普 1020", "system_version": "Windows 10", "error": "无", "tried": "重启过"}


def reads(climb, login):
    try:
        access.get(climb.session, climb.world.viewer(login), climb.ticket.number)
    except NotFound:
        return False
    return True


def offer_to_the_vendor(climb):
    climb.accept("lt-engineer").to_the_province()
    return climb.send("p-engineer", "T-V1")


def withdrawn(climb, handoff):
    service.withdraw(climb.session, climb.world.viewer("p-engineer"), handoff, now=climb.later())


def returned(climb, handoff):
    climb.back("v1-head", handoff)


def solved(climb, _handoff):
    tickets.resolve(climb.session, climb.world.viewer("p-engineer"), climb.ticket, solution="好", now=climb.later())


def cancelled(climb, _handoff):
    tickets.cancel(climb.session, climb.world.viewer("p-head"), climb.ticket, reason="误报", now=climb.later())


@pytest.mark.parametrize("over", [withdrawn, returned, solved, cancelled])
def test_T_05_an_offer_that_came_to_nothing_lets_nobody_read_on(climb, over):
    handoff = offer_to_the_vendor(climb)
    people = ("v1-head", "v1-engineer")
    assert [reads(climb, login) for login in people] == [True, True]
    over(climb, handoff)
    climb.session.flush()
    assert [reads(climb, login) for login in people] == [False, False]
    assert all(reads(climb, login) for login in ("lt-engineer", "xa-engineer", "p-engineer", "lt-clerk"))


def test_T_05_a_sibling_team_reads_what_it_was_offered_only_while_it_is(climbing, world):
    """Somebody of another unit who works for the network team reads by that alone: nothing else lets them in."""
    with world.write() as session:
        outsider, team = session.get(Person, world.people["mx-clerk"]), session.get(Team, world.teams["P-NET"])
        accounts.grant(session, person=outsider, role_code="engineer", team=team, now=clock.now())
        accounts.join_team(session, team, outsider)
    with climbing() as climb:
        climb.accept("lt-engineer").to_the_province()
        assert not reads(climb, "mx-clerk")
        handoff = climb.send("p-engineer", "P-NET")
        climb.session.flush()
        assert reads(climb, "mx-clerk")
        conversation.watch(climb.session, world.viewer("mx-clerk"), climb.ticket, now=climb.later())
        service.withdraw(climb.session, world.viewer("p-engineer"), handoff, now=climb.later())
        climb.session.flush()
        assert not reads(climb, "mx-clerk"), "nor by following it meanwhile"


def test_T_05_who_held_it_reads_on_after_a_second_offer_was_withdrawn(climb, world):
    handoff = offer_to_the_vendor(climb)
    climb.take("v1-engineer", handoff)
    climb.back("v1-engineer", handoff)
    assert reads(climb, "v1-head"), "its own episode"
    withdrawn(climb, climb.send("p-engineer", "T-V1"))
    climb.session.flush()
    assert reads(climb, "v1-head")
    assert not reads(climb, "v2-head")


def test_T_05_whoever_sees_it_by_right_goes_on_following(climb, world):
    climb.accept("lt-engineer")
    handoff = climb.send("lt-engineer", "C-XA")
    conversation.watch(climb.session, world.viewer("xa-head"), climb.ticket, now=climb.later())
    service.withdraw(climb.session, world.viewer("lt-engineer"), handoff, now=climb.later())
    assert access.standing(climb.session, world.viewer("xa-head"), climb.ticket).follower


def test_E_01_a_county_hands_up_to_its_city_and_to_nobody_else(climb):
    climb.accept("lt-engineer")
    for team in ("X-ZZ", "P-APP", "P-NET", "T-V1", "C-BJ", "X-MX"):
        with pytest.raises(Invalid) as refused:
            climb.send("lt-engineer", team)
        assert [e.field for e in refused.value.errors] == ["to"], team
        assert "西安运维组" in refused.value.errors[0].message
    assert not climb.ticket.handoff_pending


def test_E_01_the_province_gives_it_to_its_own_teams_and_to_vendors(climb, world):
    climb.accept("lt-engineer").to_the_province()
    codes = [team.code for team in receiving.receivers(climb.session, climb.ticket, now=climb.now)]
    assert set(codes) == {"P-NET", "T-V1", "T-V2"}
    climb.session.get(Team, world.teams["T-V2"]).unit.valid_until = climb.now.date() - dt.timedelta(days=2)
    climb.session.flush()
    codes = [team.code for team in receiving.receivers(climb.session, climb.ticket, now=climb.now)]
    assert set(codes) == {"P-NET", "T-V1"}, "a contract that ended is not offered"


def test_E_01_page_and_api_take_the_same_receivers(world):
    clerk, county = world.api("lt-clerk"), world.api("lt-engineer")
    number = clerk.post("/tickets", {"kind": "incident", "title": "打印机脱机", "category": "desktop"}).json["number"]
    county.post(f"/tickets/{number}/actions/accept")
    page = world.client("lt-engineer").get(f"/desk/tickets/{number}/hand-up").get_data(as_text=True)
    for code, known in {"C-XA": True, "X-ZZ": False, "P-APP": False, "C-BJ": False}.items():
        assert (f'value="{code}"' in page) is known, code
        body = {"to": code, "reason": "修不了", "sheet": SHEET, "search": SEARCH}
        answer = county.post(f"/tickets/{number}/handoffs", body)
        assert answer.status_code == (201 if known else 422), (code, clock.now())
        if known:
            county.post(f"/tickets/{number}/handoffs/{answer.json['id']}/withdraw")


def test_E_04_a_vendor_that_gives_back_an_offer_goes_on_with_its_other_work(climbing, world):
    with climbing() as climb:
        handoff = offer_to_the_vendor(climb)
        number, sent = climb.ticket.number, handoff.id
    browser = world.client("v1-engineer")
    given = {"reason": "不是我们的系统", "missing": "日志"}
    answer = world.submit(browser, f"/desk/tickets/{number}/handoffs/{sent}/return", given)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/vendor")
    assert "已退回给省局应用运维组" in browser.get("/vendor").get_data(as_text=True)
    assert browser.get(f"/desk/tickets/{number}").status_code == 404
