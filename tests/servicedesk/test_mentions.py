"""@name and watching: who is told, who may follow, and that nobody sees more by being named."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from core import clock
from escalation.notify.models import Channel, ChannelKind, Delivery, Preference
from servicedesk.tickets import mentions


@pytest.fixture
def number(world):
    body = {"kind": "incident", "title": "打印机脱机", "category": "desktop"}
    made = world.api("lt-clerk").post("/tickets", body).json["number"]
    assert world.api("lt-engineer").post(f"/tickets/{made}/actions/accept").status_code == 200
    world.relay()
    return made


def told(world, topic):
    """Who was told what of this topic, by the live channel."""
    world.relay()
    by_id = {i: login for login, i in world.people.items()}
    with world.read() as session:
        rows = session.execute(
            sa.select(Delivery.person_id, Delivery.subject)
            .join(Channel, Channel.id == Delivery.channel_id)
            .where(Delivery.topic == topic, Channel.kind == ChannelKind.LIVE)
        )
        return {(by_id[row.person_id], row.subject) for row in rows if row.person_id}


def test_names_are_found_and_addresses_are_not(world):
    text = "请@蓝大为(lt-head)看，@lt-engineer、@lt-head 再看；x@lt-clerk.cn /@zz-head @nobody-here"
    with world.read() as session:
        assert [p.login for p in mentions.people_in(session, text)] == ["lt-head", "lt-engineer"]


def test_whoever_may_see_it_is_told_and_follows_whoever_may_not_is_named_before_it_is_sent(world, number):
    engineer, url = world.client("lt-engineer"), f"/desk/tickets/{number}"
    offered = [p["login"] for p in engineer.get(f"{url}/people?q=").get_json()]
    assert "lt-head" in offered
    assert not {"zz-head", "lt-engineer"} & set(offered), "who may not see it, and oneself"
    assert "p-head" in [p["login"] for p in engineer.get(f"{url}/people?q=p-").get_json()], "a superior sees it"
    assert [p["login"] for p in world.client("lt-clerk").get(f"{url}/people?q=").get_json()] == ["lt-engineer"]
    assert world.client("zz-engineer").get(f"{url}/people?q=").status_code == 404
    said = {"text": "@蓝大为(lt-head) @周主任(zz-head) 请看", "key": "k" * 20}
    held = world.submit(engineer, f"{url}/comments", said)
    page = held.get_data(as_text=True)
    assert held.status_code == 422
    assert "周主任看不到这条留言" in page
    assert "@蓝大为(lt-head) @周主任(zz-head) 请看" in page, "nothing typed is lost"
    assert told(world, "mention") == set(), "nothing was sent"
    assert world.submit(engineer, f"{url}/comments", said | {"anyway": "true"}).status_code == 303
    assert {login for login, _subject in told(world, "mention")} == {"lt-head"}
    assert world.client("zz-head").get(url).status_code == 404, "nobody sees more by being named"
    assert [w["login"] for w in world.api("lt-engineer").get(f"/tickets/{number}/watchers").json["items"]] == [
        "lt-head"
    ]
    assert "关注的人" in engineer.get(url).get_data(as_text=True)
    inside = {"text": "@汤玉(lt-clerk) 内部说", "internal": "true", "key": "j" * 20}
    assert world.submit(engineer, f"{url}/comments", inside).status_code == 422, "the reporter reads no internal line"


def test_watchers_hear_of_what_is_public_by_their_own_choice_and_undo_their_leaving(world, number):
    head, url = world.client("lt-head"), f"/desk/tickets/{number}"
    assert world.api("lt-head").post(f"/tickets/{number}/watch", {"on": True}).status_code in {200, 204}
    world.api("lt-engineer").post(f"/tickets/{number}/timeline", {"text": "公开说一句"})
    world.api("lt-engineer").post(f"/tickets/{number}/timeline", {"text": "内部说一句", "internal": True})
    heard = told(world, "watch")
    assert {login for login, _ in heard} == {"lt-head"}
    assert len(heard) == 1, "the internal line is not told"
    with world.write() as session:
        channel = session.scalar(sa.select(Channel.id).where(Channel.kind == ChannelKind.LIVE))
        choice = {"person_id": world.people["lt-head"], "topic": "watch", "channel_id": channel, "wanted": False}
        session.execute(sa.insert(Preference), [choice])
    world.api("lt-engineer").post(f"/tickets/{number}/timeline", {"text": "再说一句"})
    with world.read() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(Delivery).where(Delivery.topic == "watch"))
    told(world, "watch")
    with world.read() as session:
        live = (
            sa.select(sa.func.count())
            .select_from(Delivery)
            .where(Delivery.topic == "watch", Delivery.channel_id == channel)
        )
        assert session.scalar(live) == 1, "switched off for what one watches, and for nothing else"
        assert before
    left = world.submit(head, f"{url}/watch", {"on": "false"}).headers["Location"]
    page = head.get(left).get_data(as_text=True)
    assert f'action="{url}/watch/undo"' in page
    assert world.submit(world.client("lt-engineer"), f"{url}/watch/undo").status_code == 404, "not theirs to undo"
    assert world.submit(head, f"{url}/watch/undo").status_code == 303
    assert re.search(r'name="on" value="false"', head.get(url).get_data(as_text=True)), "watching again"
    world.submit(head, f"{url}/watch", {"on": "false"})
    with clock.frozen(clock.now() + clock.dt.timedelta(minutes=11)):
        assert world.submit(head, f"{url}/watch/undo").status_code == 404
