"""Deliveries: written once, sent through a real mail server, kept when it refuses, recognisable when repeated."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from escalation.notify import rules, service
from escalation.notify.channels import Context
from escalation.notify.models import Channel, ChannelKind, Delivery, DeliveryAttempt, DeliveryState
from escalation.notify.sender import DeliverySender
from escalation.notify.service import Message
from tests.fixtures.world import World

#: Apprise loads all its plug-ins with its first message, one of them with a module that Python will drop.
QUIET_APPRISE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Robots:
    """A chat service of the test's own: keeps what is posted, or refuses it with the status asked for (?fail=503)."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        keep = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found = re.search(r"fail=(\d+)", self.path)
                if not found:
                    keep.append(json.loads(body))
                time.sleep(0.2 if found else 0)  # so that several are under way at once
                self.send_response(int(found[1]) if found else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def url(self, path: str) -> str:
        """An Apprise address that posts here."""
        return f"json://127.0.0.1:{self.server.server_port}{path.replace('?', '/')}"


@pytest.fixture
def robots() -> Iterator[Robots]:
    made = Robots()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def message(key: str = "k1", topic: str = "progress") -> Message:
    return Message(topic=topic, key=key, ref="INC-1", url="/desk/tickets/INC-1", words=lambda: ("打印机脱机", "已受理"))


def sender(world: World, smtp_url: str) -> DeliverySender:
    return DeliverySender(world.engine, Context(smtp_url, "taxops@example.test", "http://taxops.test", "s" * 32))


def only_mail(world: World) -> Delivery:
    with world.read() as session:
        return session.scalars(sa.select(Delivery).join(Channel).where(Channel.code == "email")).one()


def tell(world: World, *logins: str, key: str = "k1", topic: str = "progress") -> int:
    with world.write() as session:
        return service.tell(session, message(key, topic), [world.people[p] for p in logins], now=clock.now())


def test_mail_arrives_with_key_and_link(world: World, smtp) -> None:
    tell(world, "lt-clerk")
    sender(world, f"smtp://127.0.0.1:{smtp.port}").drain()
    mail = smtp.wait_for()
    assert mail.recipients == ("lt-clerk@example.test",)
    assert mail.subject == "打印机脱机"
    assert "http://taxops.test/desk/tickets/INC-1" in mail.text
    assert mail.message["X-Taxops-Key"] == only_mail(world).key
    assert only_mail(world).state is DeliveryState.SENT


def test_telling_again_with_the_same_key_adds_nothing(world: World) -> None:
    assert tell(world, "lt-clerk") == 2, "the page and the mail"
    assert tell(world, "lt-clerk") == 0
    assert tell(world, "lt-clerk", key="k2") == 2


def test_refused_mail_is_kept_with_its_error_and_tried_again(world: World, smtp) -> None:
    tell(world, "lt-clerk")
    smtp.refuse_data("451 try later")
    now = clock.now()
    with clock.frozen(now):
        assert sender(world, f"smtp://127.0.0.1:{smtp.port}").drain() == 1, "only the page"
    row = only_mail(world)
    assert (row.state, row.attempts) == (DeliveryState.WAITING, 1)
    assert "451" in (row.error or "")
    smtp.refuse_data(None)
    with clock.frozen(now + rules.back_off(1) + dt.timedelta(seconds=1)):
        sender(world, f"smtp://127.0.0.1:{smtp.port}").drain()
    assert only_mail(world).state is DeliveryState.SENT
    with world.read() as session:
        errors = [
            a.error for a in session.scalars(sa.select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == row.id))
        ]
    assert [bool(e) for e in errors] == [True, False]


def test_dead_after_the_last_attempt_and_retried_by_hand(world: World) -> None:
    tell(world, "lt-clerk")
    now = clock.now()
    for n in range(rules.MAX_ATTEMPTS):
        with clock.frozen(now + dt.timedelta(hours=2 * n)):
            sender(world, "smtp://127.0.0.1:1").drain()
    row = only_mail(world)
    assert (row.state, row.attempts) == (DeliveryState.DEAD, rules.MAX_ATTEMPTS)
    answer = world.submit(world.client("sys-admin"), f"/admin/deliveries/{row.id}/retry")
    assert answer.status_code == 303
    assert only_mail(world).state is DeliveryState.WAITING


def test_a_lease_that_expired_is_sent_again_with_the_same_key(world: World, smtp) -> None:
    tell(world, "lt-clerk")
    now = clock.now()
    with world.write() as session:  # a sender claimed it and was killed before it recorded anything
        session.execute(sa.update(Delivery).values(lease_until=now + rules.LEASE, attempts=1))
    sending = sender(world, f"smtp://127.0.0.1:{smtp.port}")
    with clock.frozen(now + dt.timedelta(seconds=5)):
        assert sending.drain() == 0
    with clock.frozen(now + rules.LEASE + dt.timedelta(seconds=1)):
        assert sending.drain() == 2
    assert smtp.wait_for().message["X-Taxops-Key"] == only_mail(world).key


def test_preference_switches_a_channel_off_but_never_paging(world: World) -> None:
    client = world.client("on-call")
    with world.read() as session:
        mail = session.scalar(sa.select(Channel.id).where(Channel.code == "email"))
    assert world.submit(client, "/profile/notifications", {"progress:1": "1"}).status_code == 303
    tell(world, "on-call")
    tell(world, "on-call", key="p1", topic="page")
    with world.read() as session:
        topics = session.scalars(sa.select(Delivery.topic).where(Delivery.channel_id == mail)).all()
    assert topics == ["page"]


def group_channel(world: World, url: str) -> int:
    with world.write() as session:
        row = Channel(code="robot", name="值班群", kind=ChannelKind.APPRISE, url=url, active=True, per_minute=60)
        session.add(row)
        session.flush()
        return row.id


@QUIET_APPRISE
def test_a_group_robot_hears_each_message_once(world: World, robots) -> None:
    group_channel(world, robots.url("/group-secret-1"))
    assert tell(world, "lt-clerk", "lt-head", key="e1", topic="urge") == 5, "two people twice, the group once"
    assert tell(world, "lt-engineer", key="e1", topic="urge") == 2, (
        "the same message to one more is no news to the group"
    )
    tell(world, "lt-clerk", key="e2", topic="progress")
    sender(world, "").drain()
    (body,) = robots.received
    assert body["title"] == "打印机脱机"
    assert "[e1:group:robot]" in body["message"], "R-01: the key goes with it"
    assert "http://taxops.test/desk/tickets/INC-1" in body["message"]
    page = world.client("lt-clerk").get("/profile/notifications").get_data(as_text=True)
    assert "值班群" not in page, "a group is nobody's preference"
    assert "整个群" in world.client("sys-admin").get("/admin/deliveries").get_data(as_text=True)
    listed = world.api("sys-admin").get("/deliveries?q=robot").json["items"]
    assert [(row["key"], row["person"]) for row in listed] == [("e1:group:robot", None)]


@QUIET_APPRISE
def test_E_10_a_group_never_gets_a_link_that_acts_for_one_person(world: World, robots) -> None:
    group_channel(world, robots.url("/group-secret-1"))
    page = Message(
        topic="page", key="page:1:0", ref="INC-1", url="/ack/half", group_url="/desk/tickets/INC-1",
        words=lambda: ("【呼叫】打印机脱机", "请确认"),
    )  # fmt: skip
    with world.write() as session:
        service.tell(session, page, [world.people["on-call"]], now=clock.now())
    sender(world, "").drain()
    (body,) = robots.received
    assert "/ack/" not in body["message"]


@QUIET_APPRISE
def test_errors_of_parallel_sends_are_kept_apart_and_hide_their_addresses(world: World, robots) -> None:
    """Eight robots refuse at the same time: each delivery has one error, its own, without any secret."""
    for n in range(8):
        with world.write() as session:
            url = robots.url(f"/secret-path-{n}?fail={500 + n}")
            session.add(
                Channel(code=f"r{n}", name=f"群{n}", kind=ChannelKind.APPRISE, url=url, active=True, per_minute=60)
            )
    tell(world, "lt-clerk", topic="urge")
    sender(world, "").drain()
    with world.read() as session:
        rows = session.execute(
            sa.select(Channel.code, Delivery.error).join(Delivery).where(Channel.kind == ChannelKind.APPRISE)
        ).all()
    assert len(rows) == 8
    for code, error in rows:
        assert f"error={500 + int(code[1:])}" in error, (code, error)
        assert error.count("error=") == 1, (code, error)
        assert "secret-path" not in error


def test_administrators_read_no_titles_and_can_search(world: World) -> None:
    tell(world, "lt-clerk")
    tell(world, "lt-head", key="k2", topic="urge")
    row = only_row(world, "k2")
    admin = world.client("sys-admin")
    for path in ("/admin/deliveries", f"/admin/deliveries/{row}", "/admin/deliveries?q=INC-1"):
        text = admin.get(path).get_data(as_text=True)
        assert "打印机" not in text, path
        assert "INC-1" in text, path
    api = world.api("sys-admin")
    assert "打印机" not in api.get("/deliveries").get_data(as_text=True)
    for q, people in (("INC-1", 4), ("lt-head", 2), ("李兰", 2), ("INC-9", 0), ("打印机", 0), ("%", 0)):
        assert len(api.get(f"/deliveries?q={q.replace('%', '%25')}").json["items"]) == people, q


def only_row(world: World, key: str) -> int:
    with world.read() as session:
        return session.scalars(sa.select(Delivery.id).where(Delivery.key.startswith(key))).first() or 0


def test_inbox_shows_own_only_and_can_be_read(world: World) -> None:
    tell(world, "lt-clerk")
    sender(world, "").drain()
    mine = world.client("lt-clerk")
    assert "打印机脱机" in mine.get("/inbox").get_data(as_text=True)
    assert "打印机脱机" not in world.client("lt-clerk-2").get("/inbox").get_data(as_text=True)
    assert ">1<" in mine.get("/inbox/count").get_data(as_text=True)
    world.submit(mine, "/inbox/read")
    assert ">1<" not in mine.get("/inbox/count").get_data(as_text=True)


def test_pages_are_for_the_system_administrator(world: World) -> None:
    for path in ("/admin/channels", "/admin/deliveries"):
        assert world.client("sys-admin").get(path).status_code == 200
        for stranger in ("lt-clerk", "p-head", "sec-admin", "aud-admin", "v1-head", "wall"):
            assert world.client(stranger).get(path).status_code == 404, (path, stranger)


def test_channel_address_is_never_shown_again(world: World) -> None:
    client = world.client("sys-admin")
    secret = "wecombot://0123456789abcdef"
    data = {"code": "chat", "name": "值班群", "kind": "apprise", "url": secret}
    assert world.submit(client, "/admin/channels", data).status_code == 303
    assert secret not in client.get("/admin/channels").get_data(as_text=True)
    with world.read() as session:
        from accounts.models import AuditRow

        written = str(session.scalars(sa.select(AuditRow.after).where(AuditRow.object.startswith("channel:"))).all())
    assert "值班群" in written
    assert secret not in written


def test_without_a_mail_server_nothing_is_tried_for_ever(world: World) -> None:
    tell(world, "lt-clerk")
    sender(world, "").drain()
    row = only_mail(world)
    assert row.state is DeliveryState.CANCELLED
    assert "TAXOPS_SMTP_URL" in (row.error or "")
