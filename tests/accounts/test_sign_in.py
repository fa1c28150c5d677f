"""Signing in and out, as a browser does it."""

from __future__ import annotations

import datetime as dt
import re

from accounts.models import Person, SignInSession
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
