"""Sessions are listed in words, and ended one by one or all others: by the person, and by who administers them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from accounts.models import AuditRow, SignInSession
from core import clock
from tests.fixtures.world import World


def _ids(world: World, login: str) -> list[int]:
    with world.read() as session:
        mine = SignInSession.person_id == world.people[login]
        return list(session.scalars(sa.select(SignInSession.id).where(mine).order_by(SignInSession.id)))


def test_the_person_sees_and_ends_their_own_devices(world: World) -> None:
    desk, phone, old = (world.client("lt-clerk") for _n in range(3))
    _desk, at_phone, at_old = _ids(world, "lt-clerk")
    with world.write() as session:
        session.get_one(SignInSession, at_phone).user_agent = "Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile"
        session.get_one(SignInSession, at_phone).address = "10.61.1.22"
        session.get_one(SignInSession, at_old).last_seen_at = clock.now() - dt.timedelta(minutes=40)
    page = desk.get("/profile").get_data(as_text=True)
    for shown in ("Chrome · Android", "10.61.1.22", "登录于", "最近使用", "本机"):
        assert shown in page
    assert f"/profile/sessions/{at_old}/end" not in page, "what idled away is no session any more"
    assert old.get("/profile").status_code == 303
    assert world.submit(desk, f"/profile/sessions/{at_phone}/end").status_code == 303
    assert phone.get("/profile").status_code == 303
    assert desk.get("/profile").status_code == 200
    assert world.submit(desk, f"/profile/sessions/{at_phone}/end").status_code == 303, "twice is once (R-02)"


def test_all_others_end_and_this_one_stays(world: World) -> None:
    here, there, elsewhere = (world.client("lt-clerk") for _n in range(3))
    assert world.submit(here, "/profile/sessions/end-others").status_code == 303
    assert [c.get("/profile").status_code for c in (here, there, elsewhere)] == [200, 303, 303]
    with world.read() as session:
        row = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "sessions-ended")).one()
        assert (row.actor, row.object, row.after) == ("lt-clerk", "person:lt-clerk", {"sessions": 2})


def test_nobody_ends_another_s_session_here_and_no_token_ends_any(world: World) -> None:
    victim = world.client("lt-head")
    (theirs,) = _ids(world, "lt-head")
    assert world.submit(world.client("lt-clerk"), f"/profile/sessions/{theirs}/end").status_code == 404
    api = world.api("lt-head")
    assert api.post(f"http://localhost/profile/sessions/{theirs}/end").status_code == 403
    assert api.post("http://localhost/profile/sessions/end-others").status_code == 403
    assert victim.get("/profile").status_code == 200


def test_the_security_administrator_sees_and_ends_them_one_by_one(world: World) -> None:
    first, second = world.client("lt-engineer"), world.client("lt-engineer")
    one, other = _ids(world, "lt-engineer")
    path = f"/admin/people/lt-engineer/sessions/{one}/end"
    for stranger in ("lt-head", "lt-clerk", "sys-admin", "aud-admin"):
        assert world.submit(world.client(stranger), path).status_code == 404, stranger
    admin = world.client("sec-admin")
    page = admin.get("/admin/people/lt-engineer").get_data(as_text=True)
    assert path in page
    assert f"/sessions/{other}/end" in page
    assert world.submit(admin, f"/admin/people/lt-clerk/sessions/{one}/end").status_code == 404, "not this person's"
    assert world.submit(admin, path).status_code == 303
    assert [c.get("/profile").status_code for c in (first, second)] == [303, 200]
    assert world.submit(admin, "/admin/people/lt-engineer/sessions/end").status_code == 303
    assert second.get("/profile").status_code == 303
    assert "现在没有登录" in admin.get("/admin/people/lt-engineer").get_data(as_text=True)
