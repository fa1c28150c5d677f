"""Signing in and out, as a browser does it."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from typing import Any

import argon2
import pytest
import sqlalchemy as sa

from accounts.models import AuditRow, Person, SignInFailure, SignInSession
from accounts.signin import passwords, service
from core import clock
from tests.fixtures.world import PASSWORD, World


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, "the sign-in form has a CSRF field"
    return found[1]


def _try(client, login: str, password: str, **more: str):
    page = client.get("/login").get_data(as_text=True)
    return client.post("/login", data={"login": login, "password": password, "csrf_token": _token(page), **more})


def test_signs_in_and_out(world: World) -> None:
    client = world.app.test_client()
    answer = _try(client, "lt-clerk", PASSWORD, next="/profile")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/profile"
    assert client.get("/profile").status_code == 200
    world.submit(client, "/logout")
    assert client.get("/profile").status_code == 303


def test_wrong_password_and_unknown_login_read_alike(world: World) -> None:
    client = world.app.test_client()
    wrong = _try(client, "lt-clerk", "no")
    unknown = _try(client, "nobody-here", "no")
    assert wrong.status_code == unknown.status_code == 401
    assert "登录名或口令不正确" in wrong.get_data(as_text=True)
    assert "登录名或口令不正确" in unknown.get_data(as_text=True)


def test_fifth_failure_locks_with_growing_delay(world: World) -> None:
    start = clock.now()
    client = world.app.test_client()
    for _attempt in range(5):
        assert _try(client, "lt-clerk", "no").status_code == 401
    locked = _try(client, "lt-clerk", PASSWORD)
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) <= 60
    with clock.frozen(start + dt.timedelta(seconds=90)):
        assert _try(client, "lt-clerk", "no").status_code == 401
    with clock.frozen(start + dt.timedelta(seconds=180)):
        assert _try(client, "lt-clerk", PASSWORD).status_code == 429, "the second lock lasts twice as long"
    with clock.frozen(start + dt.timedelta(seconds=240)):
        assert _try(client, "lt-clerk", PASSWORD).status_code == 303


def test_a_locked_login_reads_the_same_whether_it_exists_or_not(world: World) -> None:
    answers: dict[str, list[tuple[int, str, str]]] = {}
    with clock.frozen(clock.now()):
        for login in ("lt-clerk", "nobody-here"):
            client = world.app.test_client()
            answers[login] = []
            for _attempt in range(7):
                answer = _try(client, login, "no")
                shown = re.search(r'role="alert".*?</div>', answer.get_data(as_text=True), re.DOTALL)
                assert shown
                answers[login].append((answer.status_code, answer.headers.get("Retry-After", ""), shown[0]))
    assert answers["lt-clerk"] == answers["nobody-here"]
    assert [status for status, *_rest in answers["lt-clerk"]] == [401] * 5 + [429] * 2


def test_what_was_typed_as_a_login_that_nobody_has_is_kept_nowhere(world: World) -> None:
    """People type their password there. It is counted all the same, and the trail keeps it for 400 days."""
    typed = "Wo-De-Kou-Ling-8"
    client = world.app.test_client()
    assert [_try(client, typed, "no").status_code for _attempt in range(6)] == [401] * 5 + [429]
    _try(client, "lt-clerk", "no")
    with world.read() as session:
        rows = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "sign-in-failed").order_by(AuditRow.id))
        assert [row.object for row in rows] == ["person:?"] * 5 + ["person:lt-clerk"]
        for table in (AuditRow, SignInFailure):
            kept = session.execute(sa.select(*table.__table__.columns)).all()
            assert typed.lower() not in str(kept).lower(), table.__tablename__


def test_a_right_password_forgets_the_failures(world: World) -> None:
    client = world.app.test_client()
    for _round in range(2):
        for _attempt in range(4):
            assert _try(client, "lt-clerk", "no").status_code == 401
        assert _try(client, "lt-clerk", PASSWORD).status_code == 303
        world.submit(client, "/logout")


def test_many_guesses_at_once_are_counted_like_one_after_the_other(world: World) -> None:
    """Whoever looked at the password before the lock fell, is judged after it: a lucky guess among many does not count."""
    now = clock.now()
    with world.read() as session:
        known = service.look_up(session, "lt-clerk", now=now, secret="x" * 32)
    assert isinstance(known, service.Known)
    wrong, right = service.Proven(known, right=False), service.Proven(known, right=True)
    answers = []
    for guess in (wrong, wrong, wrong, wrong, wrong, right):
        with world.write() as session:
            answers.append(service.sign_in(session, guess, address="", user_agent="", now=now))
    assert all(isinstance(each, service.SignInFailed) for each in answers)
    assert answers[-1].retry_after


def test_a_password_changed_meanwhile_lets_nobody_in(world: World) -> None:
    now = clock.now()
    with world.read() as session:
        known = service.look_up(session, "lt-clerk", now=now, secret="x" * 32)
    assert isinstance(known, service.Known)
    with world.write() as session:
        person = session.get_one(Person, world.people["lt-clerk"])
        service.set_password(session, person, passwords.hash_password("Xin-Kou-Ling-9"), now=now)
    with world.write() as session:
        assert isinstance(
            service.sign_in(session, service.prove(known, PASSWORD), address="", user_agent="", now=now),
            service.SignInFailed,
        )


def test_a_new_password_ends_all_sessions(world: World) -> None:
    client = world.client("lt-clerk")
    with world.write() as session:
        person = session.get_one(Person, world.people["lt-clerk"])
        service.set_password(session, person, passwords.hash_password("Xin-Kou-Ling-9"), now=clock.now())
    assert client.get("/profile").status_code == 303


def test_changing_the_own_password_keeps_this_session_and_ends_the_others(world: World) -> None:
    here, there = world.client("lt-clerk"), world.client("lt-clerk")
    wrong = world.submit(here, "/profile/password", {"current": "no", "new": "Xin-Kou-Ling-9"})
    assert wrong.status_code == 422
    assert there.get("/profile").status_code == 200
    assert world.submit(here, "/profile/password", {"current": PASSWORD, "new": "Xin-Kou-Ling-9"}).status_code == 303
    assert here.get("/profile").status_code == 200
    assert there.get("/profile").status_code == 303
    assert _try(world.app.test_client(), "lt-clerk", "Xin-Kou-Ling-9").status_code == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/login", {"login": "lt-clerk", "password": PASSWORD}),
        ("/profile/password", {"current": PASSWORD, "new": "Xin-Kou-Ling-9"}),
        ("/admin/people/lt-clerk/password", {"password": "Xin-Kou-Ling-9"}),
    ],
)
def test_nobody_holds_the_right_to_write_while_a_password_is_looked_at(
    world: World, path: str, data: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes at the very moment of hashing, without waiting."""
    wrote = []

    class Watched(argon2.PasswordHasher):
        """The real hasher; beside it, somebody writes."""

        def hash(self, *given: Any, **more: Any) -> str:
            write_meanwhile()
            return super().hash(*given, **more)

        def verify(self, *given: Any) -> Any:
            write_meanwhile()
            return super().verify(*given)

    def write_meanwhile() -> None:
        with sqlite3.connect(world.engine.url.database or "", timeout=0.2) as other:
            other.execute("UPDATE person SET phone = '1' WHERE login = 'zz-clerk'")
        wrote.append(True)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    login = "sec-admin" if path.startswith("/admin") else "lt-clerk"
    client = world.client(login)
    if path == "/login":
        client.delete_cookie("taxops_session")
        assert _try(client, **data).status_code == 303
    else:
        assert world.submit(client, path, data).status_code == 303
    assert wrote


def test_idle_and_absolute_end(world: World) -> None:
    start = clock.now()
    client = world.client("lt-clerk")
    with clock.frozen(start + dt.timedelta(minutes=29)):
        assert client.get("/profile").status_code == 200
    with clock.frozen(start + dt.timedelta(minutes=58)):
        assert client.get("/profile").status_code == 200, "use keeps it alive"
    with clock.frozen(start + dt.timedelta(minutes=89)):
        assert client.get("/profile").status_code == 303
    busy = world.client("lt-clerk")
    for minutes in range(20, 12 * 60, 20):
        with clock.frozen(start + dt.timedelta(minutes=minutes)):
            assert busy.get("/profile").status_code == 200
    with clock.frozen(start + dt.timedelta(hours=12, minutes=1)):
        assert busy.get("/profile").status_code == 303


def test_sign_out_everywhere(world: World) -> None:
    one, other = world.client("lt-clerk"), world.client("lt-clerk")
    world.submit(one, "/logout", {"everywhere": "1"})
    assert other.get("/profile").status_code == 303


def test_open_redirect_is_refused(world: World) -> None:
    for target in (
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/desk\r\nX-Evil: 1",
        "/\t/evil.test",
    ):
        client = world.app.test_client()
        assert _try(client, "lt-clerk", PASSWORD, next=target).headers["Location"] == "/"


def test_post_without_csrf_is_refused(world: World) -> None:
    client = world.client("lt-clerk")
    assert client.post("/logout").status_code == 403
    assert client.get("/profile").status_code == 200


def test_only_hashes_are_stored(world: World) -> None:
    client = world.client("lt-clerk")
    cookie = client.get_cookie("taxops_session")
    assert cookie is not None
    with world.read() as session:
        assert session.query(SignInSession).filter_by(token_hash=cookie.value).count() == 0
        person = session.get_one(Person, world.people["lt-clerk"])
        assert str(person.password_hash).startswith("$argon2id$")


def test_api_token_speaks_for_its_person_until_it_expires(world: World) -> None:
    api = world.api("integration")
    assert api.get("/nothing").status_code == 404
    assert world.app.test_client().get("/api/v1/openapi.json").status_code == 200
    assert world.app.test_client().get("/profile", headers={"Authorization": "Bearer txo_wrong"}).status_code == 401


def test_wall_session_does_not_end(world: World) -> None:
    start = clock.now()
    client = world.client("wall")
    with clock.frozen(start + dt.timedelta(days=30)):
        assert client.get("/menu").status_code == 200


def test_guessing_tokens_is_slowed_down(world: World) -> None:
    client = world.app.test_client()
    answers = [client.get("/api/v1/units", headers={"Authorization": f"Bearer txo_{n}"}).status_code for n in range(70)]
    assert answers[0] == 401
    assert answers[-1] == 429
    assert world.api("integration").get("/units").status_code == 200, "a good token is not slowed by others' bad ones"
