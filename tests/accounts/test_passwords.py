"""What a password has to be, that none comes back, when it is due, and the hints while one types."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from accounts.models import AuditRow, Person, Role, SignInSession
from accounts.signin import password_rules, passwords
from accounts.signin.models import FormerPassword
from accounts.signin.password_rules import Whose
from core import clock
from tests.accounts.test_second_factor import post, sign_in
from tests.fixtures.world import PASSWORD, World

LAN = Whose("lt-clerk", "李兰")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("Shan-Hong", "太短"), ("Shan-Hong1", None), ("shanhong12", "太短"), ("xishan hongye hao", None), ("西山红叶好看得很一二三四", None),
        ("password2026!", "容易猜到"), ("P@ssw0rd2026", "容易猜到"), ("Woaini5201314", "容易猜到"), ("Qwertyuiop123", "容易猜到"),
        ("1qaz@WSX3edc", "容易猜到"), ("13812345678ab", "容易猜到"), ("aaaaaaaaaaaa", "容易猜到"), ("zhangwei19900101", "容易猜到"),
        ("Shuiwu@2026ju", "容易猜到"), ("abcdefghijkl", "容易猜到"), ("ab12ab12ab12", "容易猜到"), ("Taxops@2026!!", "容易猜到"),
        ("hong-lt.clerk-ye", "登录名"), ("krelc-tl-hongye", "登录名"), ("hongye李兰shan12", "姓名"), (PASSWORD, None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it(password: str, expected: str | None) -> None:
    found = password_rules.problem(password, LAN)
    assert (found is None) if expected is None else (expected in str(found))


def test_every_rule_has_a_hint_that_turns() -> None:
    assert [met for _text, met in password_rules.hints("", LAN)] == [None, None, None]
    assert [met for _text, met in password_rules.hints("lt-clerk", LAN)] == [False, True, False]
    assert [met for _text, met in password_rules.hints("Xi-Shan-Hong-Ye", LAN)] == [True, True, True]


def _reset(world: World, login: str, password: str, by: str = "sec-admin") -> Any:
    return world.submit(world.client(by), f"/admin/people/{login}/password", {"password": password})


def test_one_an_administrator_gave_is_changed_at_the_first_sign_in(world: World) -> None:
    assert _reset(world, "lt-clerk", "password2026!").status_code == 422
    assert _reset(world, "lt-clerk", "Xi-Shan-Hong-Ye-1", by="sys-admin").status_code == 404
    assert _reset(world, "lt-clerk", "Xi-Shan-Hong-Ye-1").status_code == 303
    client, other = world.app.test_client(), world.app.test_client()
    answer = sign_in(client, "lt-clerk", "Xi-Shan-Hong-Ye-1", next="/profile")
    assert answer.headers["Location"] == "/login/password"
    assert client.get("/profile").status_code == 303, "nothing opens before"
    sign_in(other, "lt-clerk", "Xi-Shan-Hong-Ye-1")
    tries = (
        ({"new": "Ba-Shui-Liu-Yan-2", "again": "Ba-Shui-Liu-Yan-3"}, "不一样"),
        ({"new": "Xi-Shan-Hong-Ye-1", "again": "Xi-Shan-Hong-Ye-1"}, "最近 5 次"),
        ({"new": PASSWORD, "again": PASSWORD}, "最近 5 次"),
        ({"new": "woaini123456", "again": "woaini123456"}, "容易猜到"),
    )
    for given, expected in tries:
        refused = post(client, "/login/password", given, page="/login/password")
        assert refused.status_code == 422
        assert expected in refused.get_data(as_text=True)
    new = {"new": "Ba-Shui-Liu-Yan-2", "again": "Ba-Shui-Liu-Yan-2"}
    done = post(client, "/login/password", new, page="/login/password")
    assert (done.status_code, done.headers["Location"]) == (303, "/profile")
    assert client.get("/profile").status_code == 200
    assert other.get("/login/password").status_code == 303, "the other half sign-in is over"
    assert sign_in(world.app.test_client(), "lt-clerk", "Ba-Shui-Liu-Yan-2", next="/x").headers["Location"] == "/x"
    world.relay()
    assert "您的口令被管理员重置" in client.get("/inbox").get_data(as_text=True)


def test_the_last_five_are_not_taken_again_and_older_ones_are_forgotten(world: World) -> None:
    with world.write() as session:
        person = session.get_one(Person, world.people["lt-clerk"])
        old, newer = (passwords.hash_password(f"Feng-Gu-Shan-{n}") for n in range(2))
        for hashed in (
            old,
            old,
            newer,
            newer,
            newer,
            newer,
            newer,
        ):  # argon2 is slow on purpose: two hashes tell enough
            passwords.store(session, person, hashed, now=clock.now())
        session.flush()
        assert session.scalar(sa.select(sa.func.count()).select_from(FormerPassword)) == 4
        known = passwords.former(session, person)
    assert len(known.hashes) == 5
    with pytest.raises(Exception, match="最近 5 次"):
        passwords.accept(known, "Feng-Gu-Shan-1")
    assert passwords.accept(known, "Feng-Gu-Shan-0")
    with world.read() as session:
        written = "".join(f"{r.before}{r.after}" for r in session.scalars(sa.select(AuditRow)))
        assert "argon2" not in written


def test_an_age_set_on_a_role_counts_for_its_holders_only(world: World) -> None:
    now = clock.now()
    admin = world.client("sec-admin")
    assert world.submit(admin, "/admin/roles/audit-admin/sign-in", {"password_days": "7"}).status_code == 422
    assert world.submit(admin, "/admin/roles/audit-admin/sign-in", {"password_days": "90"}).status_code == 303
    with world.write() as session:
        for login in ("aud-admin", "sys-admin"):
            session.get_one(Person, world.people[login]).password_set_at = now - dt.timedelta(days=89)
    with world.read() as session:
        people = {login: session.get_one(Person, world.people[login]) for login in ("aud-admin", "sys-admin")}
        later = now + dt.timedelta(days=1)
        assert not passwords.due(session, people["aud-admin"], now=now)
        assert passwords.due(session, people["aud-admin"], now=later)
        assert not passwords.due(session, people["sys-admin"], now=later)
        assert session.get_one(Role, "audit-admin").password_days == 90


def test_hints_are_for_oneself_or_whom_one_administers(world: World) -> None:
    client = world.client("lt-clerk")
    page = world.submit(client, "/password/hints", {"new": "lt-clerk-hongye-9"}).get_data(as_text=True)
    assert page.count("未满足") == 1
    assert "lt-clerk-hongye-9" not in page
    path = "/admin/people/lt-engineer/password/hints"
    assert world.submit(world.client("sec-admin"), path, {"password": "x"}).status_code == 200
    assert world.submit(client, path, {"password": "x"}).status_code == 404
    with world.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SignInSession)) == 2
