"""Signing in with the password of a real directory (OpenLDAP): by bind, over TLS, and without it for local people."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from ldap3.core.exceptions import LDAPException
from structlog.testing import capture_logs

import config
from accounts import service
from accounts.directory import client
from accounts.models import AuditRow, Person, SignInFailure
from accounts.signin import passwords
from core import clock
from core.errors import Conflict, Unavailable
from tests.accounts.directory.people import SECRET, use
from tests.accounts.test_realms import WRONG, come
from tests.accounts.test_second_factor import post
from tests.fixtures.world import PASSWORD, World
from tests.servers.base import HOST, free_port
from tests.servers.slapd import NARROW, READER_PASSWORD, Slapd
from tests.servers.tls import Authority

AWAY = "目录服务暂时不可用"


def test_people_of_the_directory_come_in_with_its_password_and_no_other(directory_world: World, slapd: Slapd) -> None:
    world = directory_world
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 303
    assert come(world, "/login", "LT-Clerk", SECRET)[0] == 303
    use(world, slapd.ldaps_url, slapd)
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 303
    for login, password in (("lt-clerk", PASSWORD), ("lt-clerk", ""), ("lt-clerk", "x\0y"), ("zz-head", SECRET)):
        status, page = come(world, "/login", login, password)
        assert (status, WRONG in page) == (401, True), (login, password)
    assert come(world, "/login", "zz-head", PASSWORD)[0] == 303, "who is local is not asked for there"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_typed_never_becomes_part_of_a_filter(directory_world: World, slapd: Slapd) -> None:
    directory = use(directory_world, slapd.url, slapd)
    assert client.right_password(directory, "lt-clerk", SECRET)
    for typed in (
        "*",
        "lt-cler*",
        "lt-clerk)(uid=*",
        "*)(objectClass=*",
        "lt-clerk)(!(uid=x)",
        "\\2a",
        "lt-clerk\0",
        "(",
    ):
        assert not client.right_password(directory, typed, SECRET), typed
    assert come(directory_world, "/login", "lt-cler*", SECRET)[0] == 401


@contextmanager
def answering_by(code: int, authority: Authority) -> Iterator[str]:
    """The URL of a directory that answers every bind with this result: OpenLDAP can't be set to refer a bind elsewhere."""
    issued = authority.issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.certificate, issued.key)
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            with suppress(OSError), context.wrap_socket(listening.accept()[0], server_side=True) as client:
                asked = client.recv(4096)  # SEQUENCE, its length, INTEGER, its length, the message's number
                answer = asked[2 : 4 + asked[3]] + bytes((0x61, 7, 10, 1, code, 4, 0, 4, 0))
                client.sendall(bytes((0x30, len(answer))) + answer)
                client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"ldaps://{HOST}:{listening.getsockname()[1]}"
        thread.join(timeout=10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("code", "name"), [(10, "referral"), (14, "saslBindInProgress"), (3, "timeLimitExceeded")])
def test_an_answer_that_is_no_success_lets_nobody_in(
    directory_world: World, slapd: Slapd, code: int, name: str
) -> None:
    """To the library these are no failures."""
    with answering_by(code, slapd.authority) as url:
        directory = use(directory_world, url, slapd)
        with pytest.raises(LDAPException, match=name), client._open(directory, "cn=x", "any password"):
            pytest.fail("bound")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_failures_of_the_directory_are_counted_and_lock_as_others(directory_world: World) -> None:
    answers = [come(directory_world, "/login", "lt-clerk", "no")[0] for _attempt in range(5)]
    assert answers == [401] * 5
    assert come(directory_world, "/login", "lt-clerk", SECRET)[0] == 429


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_directory_that_is_away_stops_nobody_local_and_counts_no_failure(
    directory_world: World, slapd: Slapd
) -> None:
    world = directory_world
    slapd.stop()
    status, page = come(world, "/login", "lt-clerk", SECRET)
    assert (status, AWAY in page) == (503, True)
    status, page = come(world, "/login", "nobody-here", SECRET)
    assert (status, AWAY in page) == (503, True), "it must not tell which logins exist"
    assert come(world, "/login", "sec-admin", PASSWORD)[0] == 303
    with world.read() as session:
        assert session.get(SignInFailure, "lt-clerk") is None
    slapd.start()
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 503, "who just found it away has told the others"
    client.patience.forget()
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_said_to_a_server_that_is_not_proven_nor_waited_for_without_end(
    directory_world: World, slapd: Slapd, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = directory_world
    stranger = Authority(tmp_path / "stranger")
    with capture_logs() as logs:
        for url in (slapd.url, slapd.ldaps_url):
            use(world, url, slapd, ldap_ca_file=str(stranger.ca_file))
            client.patience.forget()
            assert come(world, "/login", "lt-clerk", SECRET)[0] == 503, url
        use(world, slapd.url, slapd, ldap_bind_password="no-longer-the-password")
        client.patience.forget()
        assert come(world, "/login", "lt-clerk", SECRET)[0] == 503, "our own account's password is nobody's fault"
    assert [row["event"] for row in logs if "directory" in row["event"]] == ["directory.away"] * 3
    assert "certificate verify failed" in str(logs[0])
    for secret in (SECRET, READER_PASSWORD, "no-longer-the-password"):
        assert secret not in str(logs)
    monkeypatch.setattr(client, "WAIT_S", 1)
    with socket.create_server((HOST, free_port())) as silent:
        found = use(world, f"ldap://{HOST}:{silent.getsockname()[1]}", slapd)
        client.patience.forget()
        with pytest.raises(Unavailable):
            client.right_password(found, "lt-clerk", SECRET)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_half_a_list_is_no_list(directory_world: World, slapd: Slapd) -> None:
    whole = use(directory_world, slapd.url, slapd)
    assert {entry["login"] for entry in client.entries(whole)} == {"lt-clerk", "lt-engineer", "zz-clerk", "v1-engineer"}
    with pytest.raises(Unavailable):
        client.entries(use(directory_world, slapd.url, slapd, ldap_bind_dn=NARROW))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_other_rules_of_the_door_still_hold(directory_world: World) -> None:
    """The realm, the second factor of a role and a disabled account are asked after the directory's password."""
    world = directory_world
    admin = world.client("sec-admin")
    assert world.submit(admin, "/admin/doors/vendor", {"apart": "true", "networks": ""}).status_code == 303
    assert come(world, "/login", "v1-engineer", SECRET)[0] == 401
    assert come(world, "/vendor/login", "v1-engineer", SECRET)[0] == 303
    role = world.submit(admin, "/admin/roles/engineer/sign-in", {"second_factor": "true"})
    assert role.status_code == 303
    client_ = world.app.test_client()
    answer: Any = post(client_, "/login", {"login": "lt-engineer", "password": SECRET}, page="/login")
    assert answer.headers["Location"] == "/login/enrol"
    assert client_.get("/profile").status_code == 303, "nothing else opens"
    with world.write() as session:
        session.get_one(Person, world.people["lt-clerk"]).active = False
    assert come(world, "/login", "lt-clerk", SECRET)[0] == 401


def test_who_is_of_the_directory_has_no_password_here_and_can_not_set_one(directory_world: World) -> None:
    world = directory_world
    me, admin = world.client("lt-clerk"), world.client("sec-admin")
    assert 'name="current"' not in me.get("/profile").get_data(as_text=True)
    assert world.submit(me, "/profile/password", {"current": SECRET, "new": "Xin-Kou-Ling-9"}).status_code == 409
    assert 'name="password"' not in admin.get("/admin/people/lt-clerk").get_data(as_text=True)
    reset = world.submit(admin, "/admin/people/lt-clerk/password", {"password": "Xin-Kou-Ling-9"})
    assert reset.status_code == 409
    with world.write() as session:
        person, now = session.get_one(Person, world.people["lt-clerk"]), clock.now()
        with pytest.raises(Conflict):
            passwords.store(session, person, "a hash", now=now)
        with pytest.raises(Conflict):
            service.create_administrator(
                session, login="lt-clerk", name="", kind="system", unit_code="61", password="Xin-Kou-Ling-9", now=now
            )
        assert person.password_hash is None


def test_an_administrator_gives_somebody_to_the_directory_and_takes_them_back(directory_world: World) -> None:
    world, path = directory_world, "/admin/people/lt-clerk-2/directory"
    admin, theirs = world.client("sec-admin"), world.client("lt-clerk-2")
    for stranger in ("lt-head", "lt-clerk-2", "sys-admin", "v1-head"):
        assert world.submit(world.client(stranger), path, {"directory": "true"}).status_code in {403, 404}, stranger
    assert world.submit(admin, path, {}).status_code == 422
    assert world.submit(admin, path, {"directory": "true"}).status_code == 303
    assert theirs.get("/profile").status_code == 303, "whoever was in is out"
    assert come(world, "/login", "lt-clerk-2", PASSWORD)[0] == 401
    assert world.submit(admin, path, {"directory": "false"}).status_code == 303
    assert come(world, "/login", "lt-clerk-2", PASSWORD)[0] == 401, "the old password does not come back"
    assert world.submit(admin, "/admin/people/lt-clerk-2/password", {"password": "Xin-Kou-Ling-9"}).status_code == 303
    assert come(world, "/login", "lt-clerk-2", "Xin-Kou-Ling-9")[0] == 303
    for last in ("sec-admin", "sys-admin", "aud-admin"):
        answer = world.submit(admin, f"/admin/people/{last}/directory", {"directory": "true"})
        assert answer.status_code == 409, f"{last} is the last of the kind and stays local (R-03)"
    with world.read() as session:
        row = session.scalars(
            sa.select(AuditRow).where(AuditRow.object == f"person:{world.people['lt-clerk-2']}").order_by(AuditRow.id)
        ).all()
        assert any(r.after and r.after.get("directory") is True and r.actor == "sec-admin" for r in row)


def test_without_a_directory_nobody_is_given_to_it(world: World) -> None:
    answer = world.submit(world.client("sec-admin"), "/admin/people/lt-clerk/directory", {"directory": "true"})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LDAP_URL", "http://x", "ldaps://host:636"),
        ("LDAP_PEOPLE", "objectClass=person", "in brackets"),
        ("LDAP_ATTRIBUTES", "login=uid", "unit="),
        ("LDAP_CA_FILE", "/nowhere.pem", "PEM"),
        ("LDAP_BIND_PASSWORD", "", "TAXOPS_LDAP_URL is set"),
    ],
)
def test_wrong_settings_stop_the_start_and_show_no_secret(tmp_path: Any, name: str, value: str, told: str) -> None:
    given = {
        "TAXOPS_HOME": str(tmp_path), "TAXOPS_LDAP_URL": "ldaps://dc.test", "TAXOPS_LDAP_BASE": "dc=test",
        "TAXOPS_LDAP_BIND_DN": "cn=reader,dc=test", "TAXOPS_LDAP_BIND_PASSWORD": "hidden-secret",
    }  # fmt: skip
    fine = config.load(given)
    assert "hidden-secret" not in repr(fine)
    assert "hidden-secret" not in repr(client.of_settings(fine))
    with pytest.raises(config.SettingError, match=name) as refused:
        config.load(given | {f"TAXOPS_{name}": value})
    assert told in str(refused.value)
    assert "hidden-secret" not in str(refused.value)
