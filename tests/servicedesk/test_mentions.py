"""@name and watching: who is told, who may follow, and that nobody sees more by being named."""

from __future__ import annotations

import io
import re

import pytest
import sqlalchemy as sa

from accounts.scope import PrincipalKind
from app import live
from core import clock
from escalation.notify.models import Channel, ChannelKind, Delivery, Preference
from servicedesk.custody import service as custody
from servicedesk.tickets import mentions
from servicedesk.tickets.models import Ticket
from web.presence import presence


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


def test_whoever_does_not_work_on_tickets_here_learns_no_names_and_no_logins_by_mentioning(world, number):
    """To the reporter a neighbour, a superior who may see it, and nobody at all are the same: what was typed."""
    clerk, url = world.client("lt-clerk"), f"/desk/tickets/{number}"
    said = {"text": "@zz-head @p-head @nobody-here @lt-engineer 请看", "key": "n" * 20}
    held = world.submit(clerk, f"{url}/comments", said)
    page = held.get_data(as_text=True)
    assert held.status_code == 422
    assert "@zz-head、@p-head、@nobody-here看不到这条留言" in page
    assert not [name for name in ("周主任", "省主任") if name in page]
    assert world.submit(clerk, f"{url}/comments", said | {"anyway": "true"}).status_code == 303
    assert {login for login, _subject in told(world, "mention")} == {"lt-engineer"}, "as was said"


def test_files_of_a_comment_that_is_held_back_are_to_be_chosen_again_and_the_page_says_so(world, number):
    engineer, url = world.client("lt-engineer"), f"/desk/tickets/{number}/comments"
    said = {"text": "@zz-head 见截图"}
    assert "请重新选择" not in world.submit(engineer, url, said).get_data(as_text=True)
    held = world.submit(engineer, url, said | {"files": (io.BytesIO(b"a,b"), "a.csv")})
    assert held.status_code == 422
    assert "您选的附件没有保留，请重新选择" in held.get_data(as_text=True)


def test_a_link_does_not_choose_where_the_undoing_form_posts(world, number):
    """Only one's own unwatching of a moment ago is offered: where the ticket itself is not to be seen any more."""
    with world.write() as session:
        ticket = session.scalar(sa.select(Ticket).where(Ticket.number == number))
        custody.admit(
            session, ticket, PrincipalKind.PERSON, world.people["zz-engineer"], why="watcher", now=clock.now()
        )
    stranger = world.client("zz-engineer")
    for made_up in ("INC-2026-999999", f"{number}/urge?x=", "../../account", "%00", number):
        assert "/watch/undo" not in stranger.get(f"/desk/mine?unwatched={made_up}").get_data(as_text=True), made_up
    left = world.submit(stranger, f"/desk/tickets/{number}/watch", {"on": "false"}).headers["Location"]
    assert left.startswith("/desk/mine?")
    assert f'action="/desk/tickets/{number}/watch/undo"' in stranger.get(left).get_data(as_text=True)
    assert world.submit(stranger, f"/desk/tickets/{number}/watch/undo").status_code == 303
    assert stranger.get(f"/desk/tickets/{number}").status_code == 200


def test_what_no_database_keeps_is_refused_where_no_schema_asks(world, number):
    client, url = world.client("lt-engineer"), f"/desk/tickets/{number}"
    assert world.submit(client, f"{url}/draft", {"text": "断\0网"}).status_code == 422
    assert client.get(f"{url}/people?q=%00").status_code == 422
    assert world.submit(client, f"{url}/comments", {"text": "断\0网"}).status_code == 303, "said on the page"
    assert "空字符" in client.get(url).get_data(as_text=True)
    assert world.submit(client, f"{url}/comments", {"text": "断网", "key": "\0" * 20}).status_code == 303
    with live.attend(world.app, world.people["lt-engineer"], "ticket:\0"):
        assert presence.here("ticket:\0") == []
    for number_ in ("\0", "INC-2026-" + "9" * 20):
        assert client.get("/desk/bulk/new", query_string={"do": "accept", "n": number_}).status_code == 422
        assert world.submit(client, "/desk/bulk", {"do": "accept", "n": number_}).status_code == 422
    assert client.get("/desk/bulk/new", query_string={"do": "accept", "again": "9" * 20}).status_code == 303


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
