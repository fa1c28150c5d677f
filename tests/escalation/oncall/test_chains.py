"""Paging an incident until somebody acknowledges, as the story goes."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa

from accounts.models import Person
from core import clock
from escalation.notify import links
from escalation.notify.channels import Context
from escalation.notify.models import Channel, Delivery, DeliveryState
from escalation.notify.sender import DeliverySender
from escalation.oncall import service
from escalation.oncall.models import Chain, ChainState, PagingEntry, Policy
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from tests.escalation.oncall.conftest import START
from tests.fixtures.world import World


def minutes(n: float) -> dt.datetime:
    return START + dt.timedelta(minutes=n)


def incident(world: World, urgency: int = 1, impact: int = 1, reporter: str = "p-engineer") -> int:
    report = Report(
        title="核心征管数据库宕机", category="server", unit_id=world.units["61"], reporter_id=world.people[reporter],
        urgency=urgency, impact=impact, team_id=world.teams["P-APP"],
    )  # fmt: skip
    with world.write() as session:
        ticket_id = open_ticket(session, report, by=world.people[reporter], now=clock.now()).id
    world.relay()
    return ticket_id


def paged(world: World) -> list[str]:
    logins = {v: k for k, v in world.people.items()}
    with world.read() as session:
        rows = session.scalars(sa.select(PagingEntry).where(PagingEntry.what == "paged").order_by(PagingEntry.id))
        return [logins[p] for row in rows for p in row.people]


def tick(world: World, at: dt.datetime) -> None:
    with clock.frozen(at), world.write() as session:
        service.tick(session, at)


def chain(world: World) -> Chain:
    with world.read() as session:
        return session.scalars(sa.select(Chain)).one()


def test_E_07_pages_step_by_step_and_loops(night: World) -> None:
    with clock.frozen(START):
        incident(night)
    assert paged(night) == ["on-call"], "step 0 at once"
    tick(night, minutes(4.9))
    assert paged(night) == ["on-call"]
    tick(night, minutes(5))
    tick(night, minutes(10))
    assert paged(night) == ["on-call", "p-engineer-2", "p-head"]
    tick(night, minutes(20))
    tick(night, minutes(25))
    tick(night, minutes(30))
    assert paged(night) == ["on-call", "p-engineer-2", "p-head"] * 2, "one repeat"
    tick(night, minutes(300))
    assert len(paged(night)) == 6
    assert chain(night).state is ChainState.EXHAUSTED


def context(world: World, smtp_url: str) -> Context:
    secret = world.app.config["TAXOPS"].secret_key
    return Context(smtp_url, "taxops@example.test", "http://taxops.test", secret)


def sent(world: World, smtp, at: dt.datetime) -> set[str]:
    """Let the sender work at `at`; answers who has been paged by mail so far."""
    with clock.frozen(at):
        DeliverySender(world.engine, context(world, f"smtp://127.0.0.1:{smtp.port}")).drain()
    return {recipient.partition("@")[0] for mail in smtp.mails for recipient in mail.recipients
            if mail.subject.startswith("【呼叫】")}  # fmt: skip


def states(world: World, login: str) -> set[DeliveryState]:
    with world.read() as session:
        rows = sa.select(Delivery.state).where(Delivery.topic == "page", Delivery.person_id == world.people[login])
        return set(session.scalars(rows))


def test_E_07_the_last_step_is_sent_and_the_chain_ends_after_its_delay(night: World, smtp) -> None:
    with clock.frozen(START):
        incident(night)
    assert sent(night, smtp, START) >= {"on-call"}
    for at in (5, 10, 20, 25, 30):
        tick(night, minutes(at))
    assert states(night, "p-head") == {DeliveryState.WAITING}, "the last page waits to be sent, it is not taken back"
    assert chain(night).state is ChainState.RUNNING, "the last step too waits for its answer"
    assert sent(night, smtp, minutes(30)) >= {"on-call", "p-engineer-2", "p-head"}
    assert states(night, "p-head") == {DeliveryState.SENT}
    tick(night, minutes(39.9))
    assert chain(night).state is ChainState.RUNNING
    tick(night, minutes(40))
    assert chain(night).state is ChainState.EXHAUSTED


def one_step(world: World, delay: float) -> None:
    with world.write() as session:
        row = session.scalars(sa.select(Policy)).one()
        row.loops, row.steps = 0, [{**row.steps[0], "delay_minutes": delay}]


@pytest.mark.parametrize("delay", [0, 5])
def test_E_07_a_policy_of_one_step_pages_somebody(night: World, smtp, delay: float) -> None:
    one_step(night, delay)
    with clock.frozen(START):
        incident(night)
    assert sent(night, smtp, START) >= {"on-call"}
    assert states(night, "on-call") == {DeliveryState.SENT}
    tick(night, minutes(delay))
    assert chain(night).state is ChainState.EXHAUSTED


def test_E_07_a_late_page_is_still_sent_after_the_chain_ran_out(night: World, smtp) -> None:
    one_step(night, 5)
    with clock.frozen(START):
        incident(night)
    tick(night, minutes(5))  # no mail server answered meanwhile
    assert chain(night).state is ChainState.EXHAUSTED
    assert sent(night, smtp, minutes(6)) >= {"on-call"}


def test_E_07_escalate_now_after_the_last_step_begins_again(night: World) -> None:
    one_step(night, 5)
    with clock.frozen(START):
        ticket_id = incident(night)
    for at in (1, 20):  # while the last step waits, and after the chain has run out
        tick(night, minutes(at))
        with clock.frozen(minutes(at)), night.write() as session:
            service.escalate_now(
                session, session.get_one(Ticket, ticket_id), by_id=night.people["p-head"], now=minutes(at)
            )
    assert paged(night) == ["on-call"] * 3


def test_E_07_snapshot_is_taken_when_the_chain_starts(night: World) -> None:
    with clock.frozen(START):
        incident(night)
    with night.write() as session:
        session.scalars(sa.select(Policy)).one().steps = []
    tick(night, minutes(5))
    assert paged(night) == ["on-call", "p-engineer-2"]


def test_E_07_acknowledging_stops_and_escalate_now_goes_on(night: World) -> None:
    with clock.frozen(START):
        ticket_id = incident(night)
        with night.write() as session:
            service.acknowledged(session, ticket_id, by_id=night.people["on-call"], now=START)
    tick(night, minutes(60))
    assert paged(night) == ["on-call"]
    with clock.frozen(minutes(61)), night.write() as session:
        service.escalate_now(
            session, session.get_one(Ticket, ticket_id), by_id=night.people["on-call"], now=minutes(61)
        )
    assert paged(night) == ["on-call", "p-engineer-2"]


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("p-engineer-2", 303),  # works in the team that has it
        ("p-head", 303),  # heads it
        ("on-call", 303),  # works for the whole province
        ("lt-engineer", 403),  # reported it, and works tickets elsewhere
        ("lt-clerk", 404),  # works no tickets
        ("zz-engineer", 404),  # sees it not
        ("v1-engineer", 404),
    ],
)
def test_E_07_escalate_now_is_for_those_who_work_or_answer_for_the_ticket(night: World, who: str, status: int) -> None:
    with clock.frozen(START):
        ticket_id = incident(night, reporter="lt-engineer")
        with night.read() as session:
            number = session.get_one(Ticket, ticket_id).number
        client = night.client(who)
        assert night.submit(client, f"/oncall/tickets/{number}/escalate").status_code == status
        shown = client.get(f"/oncall/tickets/{number}/chain").get_data(as_text=True)
    assert paged(night) == ["on-call", *(["p-engineer-2"] if status == 303 else [])]
    assert ("立即呼叫下一位" in shown) == (status == 303)


def test_low_priority_wakes_nobody(night: World) -> None:
    with clock.frozen(START):
        incident(night, urgency=3, impact=3)
    with night.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Chain)) == 0


def test_E_08_step_that_resolves_to_nobody_is_logged_and_skipped_at_once(night: World) -> None:
    with night.write() as session:
        session.get_one(Person, night.people["on-call"]).active = False
    with clock.frozen(START):
        incident(night)
    assert paged(night) == ["p-engineer-2"]
    with night.read() as session:
        assert session.scalars(sa.select(PagingEntry.what).order_by(PagingEntry.id)).all()[:2] == ["started", "skipped"]


def test_E_08_overdue_chain_is_taken_up_again(night: World) -> None:
    with clock.frozen(START):
        incident(night)
    tick(night, minutes(47))  # the program was down meanwhile
    assert paged(night)[:2] == ["on-call", "p-engineer-2"]


def link_of(world: World) -> str:
    with world.read() as session:
        row = session.scalars(
            sa.select(Delivery).join(Channel).where(Channel.code == "email", Delivery.topic == "page")
        ).first()
        assert row is not None
        return links.signed(world.app.config["TAXOPS"].secret_key, row.url)


def test_E_10_looking_never_acknowledges_and_the_link_works_once(night: World) -> None:
    with clock.frozen(START):
        incident(night)
        url = link_of(night)
        phone = night.app.test_client()
        for _scanner in range(3):
            page = phone.get(url)
            assert page.status_code == 200
        assert phone.head(url).status_code == 200
        assert chain(night).state is ChainState.RUNNING
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))
        assert token
        done = phone.post(url, data={"csrf_token": token[1]})
        assert done.status_code == 200
        night.relay()
        assert chain(night).state is ChainState.ACKNOWLEDGED
        assert phone.get(url).status_code == 404, "single use"
        assert phone.post(url, data={"csrf_token": token[1]}).status_code == 404
    with night.read() as session:
        ticket = session.scalars(sa.select(Ticket)).one()
        assert ticket.acknowledged_by_id == night.people["on-call"]
        assert ticket.holder_id is None, "acknowledging takes no custody"


def csrf_of(page) -> str:
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))
    assert token
    return token[1]


def test_E_10_a_copy_of_the_database_acknowledges_nothing(night: World, smtp) -> None:
    with clock.frozen(START):
        incident(night)
        with night.read() as session:
            kept = session.scalars(sa.select(Delivery.url).where(Delivery.topic == "page")).all()
        phone = night.app.test_client()
        for url in kept:
            assert url.startswith("/ack/")
            assert phone.get(url).status_code == 404, "what the database keeps is only half of the link"
            assert phone.get(f"{url}.{'0' * 32}").status_code == 404
        sent(night, smtp, START)
        mail = next(m for m in smtp.mails if m.subject.startswith("【呼叫】"))
        (link,) = re.findall(r"http://taxops\.test(/ack/\S+)", mail.text)
        assert phone.get(link).status_code == 200, "the mail has the whole one"


def test_E_10_somebody_disabled_since_cannot_acknowledge(night: World) -> None:
    with clock.frozen(START):
        incident(night)
        url, phone = link_of(night), night.app.test_client()
        token = csrf_of(phone.get(url))
        with night.write() as session:
            session.get_one(Person, night.people["on-call"]).active = False
        for answer in (phone.get(url), phone.post(url, data={"csrf_token": token})):
            assert answer.status_code == 403
            assert "账号已停用" in answer.get_data(as_text=True)
    assert chain(night).state is ChainState.RUNNING


def test_E_10_link_expires(night: World) -> None:
    with clock.frozen(START):
        incident(night)
        url = link_of(night)
    with clock.frozen(START + dt.timedelta(hours=13)):
        assert night.app.test_client().get(url).status_code == 404


def test_acknowledging_cancels_pages_that_still_wait(night: World) -> None:
    with clock.frozen(START):
        ticket_id = incident(night)
        with night.write() as session:
            service.acknowledged(session, ticket_id, by_id=night.people["on-call"], now=START)
    with night.read() as session:
        states = set(session.scalars(sa.select(Delivery.state).where(Delivery.topic == "page")))
    assert states == {DeliveryState.CANCELLED}


def test_override_changes_who_is_paged_and_gaps_are_shown(night: World) -> None:
    api = night.api("p-head")
    with clock.frozen(START):
        roster = api.get("/schedules").get_json()["items"][0]
        body = {"person": "p-engineer", "from_at": minutes(-60).isoformat(), "until_at": minutes(60).isoformat()}
        assert api.post(f"/schedules/{roster['id']}/overrides", body).status_code == 201
        assert api.get(f"/schedules/{roster['id']}/oncall").get_json()["person"] == "p-engineer"
        assert api.get(f"/schedules/{roster['id']}/oncall?at=2026-10-01T00:00:00Z").get_json()["person"] is None
        incident(night)
        page = night.client("p-head").get("/oncall").get_data(as_text=True)
        calendar = api.get(f"/schedules/{roster['id']}.ics")
    assert paged(night) == ["p-engineer"]
    assert "秦工" in page
    assert "BEGIN:VEVENT" in calendar.get_data(as_text=True)


def test_on_call_pages_follow_scope(night: World) -> None:
    roster_id = night.api("p-head").get("/schedules").get_json()["items"][0]["id"]
    assert night.api("lt-engineer").get(f"/schedules/{roster_id}").status_code == 404
    assert night.api("p-engineer").get(f"/schedules/{roster_id}").status_code == 200
    assert night.client("lt-clerk").get("/oncall").status_code == 404
    refused = night.api("lt-head").post(
        "/schedules", {"code": "x", "name": "x", "unit": "61", "people": ["lt-head"], "starts_on": "2026-11-02"}
    )
    assert refused.status_code == 403
