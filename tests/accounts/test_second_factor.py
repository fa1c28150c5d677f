"""The second factor: codes that count once, recovery codes, roles that ask for it, and an administrator's reset."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from accounts.factor import rules
from accounts.factor.models import RecoveryCode, SecondFactor
from accounts.models import AuditRow, Role, SignInFailure, SignInSession
from accounts.signin.stages import Needs, Stage, following
from core import clock, sealed
from core.outbox import OutboxRow
from tests.fixtures.world import PASSWORD, World

NOON = dt.datetime(2026, 11, 23, 4, 0, tzinfo=dt.UTC)


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page[:500]
    return found[1]


def post(client: FlaskClient, path: str, data: dict[str, Any] | None = None, *, page: str = "/login") -> Any:
    """A form sent with the token of the page it stands on."""
    token = _token(client.get(page).get_data(as_text=True))
    return client.post(path, data={**(data or {}), "csrf_token": token})


def sign_in(client: FlaskClient, login: str, password: str = PASSWORD, **more: str) -> Any:
    return post(client, "/login", {"login": login, "password": password, **more})


def secret_on(page: str) -> str:
    found = re.search(r'data-copy="([A-Z2-7]{32})"', page)
    assert found, "the secret can be typed by hand"
    return found[1]


def codes_on(page: str) -> list[str]:
    return re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", page)


def code_at(secret: str, at: dt.datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def enrolled(world: World, login: str, at: dt.datetime) -> tuple[str, list[str]]:
    """Binds an authenticator on the profile page; returns its secret and the recovery codes."""
    client = world.client(login)
    begun = world.submit(client, "/profile/factor/begin", {"password": PASSWORD})
    assert begun.status_code == 303
    secret = secret_on(client.get("/profile/factor").get_data(as_text=True))
    page = world.submit(client, "/profile/factor/confirm", {"code": code_at(secret, at)})
    assert page.status_code == 200
    return secret, codes_on(page.get_data(as_text=True))


def test_a_code_is_asked_after_the_password_and_nothing_opens_before(world: World) -> None:
    with clock.frozen(NOON):
        secret, codes = enrolled(world, "lt-clerk", NOON)
        assert len(codes) == len(set(codes)) == 10
        client = world.app.test_client()
        answer = sign_in(client, "lt-clerk", next="/profile")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login/factor")
        halfway = client.get_cookie("taxops_session")
        assert client.get("/profile").headers["Location"].startswith("/login?"), "half a sign-in opens nothing"
        assert client.get("/desk/report").status_code == 303
        wrong = post(client, "/login/factor", {"code": "000000"}, page="/login/factor")
        assert wrong.status_code == 401
    with clock.frozen(NOON + dt.timedelta(seconds=30)):
        now = NOON + dt.timedelta(seconds=30)
        done = post(client, "/login/factor", {"code": code_at(secret, now)}, page="/login/factor")
        assert (done.status_code, done.headers["Location"]) == (303, "/profile")
        assert client.get("/profile").status_code == 200
        whole = client.get_cookie("taxops_session")
        assert halfway is not None
        assert whole is not None
        assert halfway.value != whole.value, "the cookie of before the code is worth nothing"
        other = world.app.test_client()
        other.set_cookie("taxops_session", halfway.value)
        assert other.get("/profile").status_code == 303


def test_a_code_counts_once_and_a_step_either_way(world: World) -> None:
    with clock.frozen(NOON):
        secret, _codes = enrolled(world, "lt-clerk", NOON)
        replayed = world.app.test_client()
        sign_in(replayed, "lt-clerk")
        again = post(replayed, "/login/factor", {"code": code_at(secret, NOON)}, page="/login/factor")
        assert again.status_code == 401, "the code that bound it was used"
    later = NOON + dt.timedelta(minutes=5)
    with clock.frozen(later):
        late = code_at(secret, later - dt.timedelta(seconds=30))
        early = code_at(secret, later + dt.timedelta(seconds=30))
        old = code_at(secret, later - dt.timedelta(seconds=90))
        for code, status in ((old, 401), (late, 303), (late, 401), (early, 303), (code_at(secret, later), 401)):
            client = world.app.test_client()
            sign_in(client, "lt-clerk")
            assert post(client, "/login/factor", {"code": code}, page="/login/factor").status_code == status, code


def test_wrong_codes_lock_though_the_password_is_right_each_time(world: World) -> None:
    """The password alone must not set the count back: else codes could be tried without end."""
    with clock.frozen(NOON):
        secret, _codes = enrolled(world, "lt-clerk", NOON)
        statuses = []
        for _try in range(5):
            client = world.app.test_client()
            sign_in(client, "lt-clerk")
            statuses.append(post(client, "/login/factor", {"code": "123456"}, page="/login/factor").status_code)
        assert statuses == [401] * 5
        assert sign_in(world.app.test_client(), "lt-clerk").status_code == 429
        locked = post(client, "/login/factor", {"code": code_at(secret, NOON)}, page="/login/factor")
        assert locked.status_code == 429
        assert int(locked.headers["Retry-After"]) <= 61
    later = NOON + dt.timedelta(minutes=2)
    with clock.frozen(later):
        client = world.app.test_client()
        sign_in(client, "lt-clerk")
        assert post(client, "/login/factor", {"code": code_at(secret, later)}, page="/login/factor").status_code == 303
        with world.read() as session:
            assert session.get(SignInFailure, "lt-clerk") is None


def test_each_recovery_code_is_used_once_and_new_ones_end_the_old(world: World) -> None:
    with clock.frozen(NOON):
        secret, codes = enrolled(world, "lt-clerk", NOON)
        for code, status in ((codes[0], 303), (codes[0], 401), (codes[1].upper().replace("-", " "), 303)):
            client = world.app.test_client()
            sign_in(client, "lt-clerk")
            assert post(client, "/login/factor", {"code": code}, page="/login/factor").status_code == status
        assert "还剩 8 个" in client.get("/profile").get_data(as_text=True)
    later = NOON + dt.timedelta(minutes=5)
    with clock.frozen(later):
        assert world.submit(client, "/profile/factor/codes", {"code": "000000"}).status_code == 422
        page = world.submit(client, "/profile/factor/codes", {"code": code_at(secret, later)}).get_data(as_text=True)
        fresh = codes_on(page)
        assert len(fresh) == 10
        assert set(fresh).isdisjoint(codes)
        assert not codes_on(client.get("/profile/factor").get_data(as_text=True)), "shown once"
        for code, status in ((codes[2], 401), (fresh[2], 303)):
            client = world.app.test_client()
            sign_in(client, "lt-clerk")
            assert post(client, "/login/factor", {"code": code}, page="/login/factor").status_code == status


def test_a_role_that_asks_leads_through_binding_and_nothing_else_opens(world: World) -> None:
    with clock.frozen(NOON):
        admin = world.client("sec-admin")
        assert "现有 1 人拥有此角色，其中 1 人" in admin.get("/admin/roles/audit-admin/edit").get_data(as_text=True)
        saved = world.submit(admin, "/admin/roles/audit-admin/sign-in", {"second_factor": "true"})
        assert saved.status_code == 303
        api = world.api("aud-admin")
        client = world.app.test_client()
        answer = sign_in(client, "aud-admin", next="/admin/audit")
        assert answer.headers["Location"] == "/login/enrol"
        assert client.get("/admin/audit").status_code == 303
        assert client.get("/login/factor").headers["Location"] == "/login/enrol", "no other stage can be chosen"
        assert api.get("/audit").status_code == 200, "API tokens are not affected"
        post(client, "/login/enrol/begin", page="/login/enrol")
        page = client.get("/login/enrol").get_data(as_text=True)
        assert "<svg" in page
        assert "style=" not in page, "the content policy forbids inline style"
        secret = secret_on(page)
        assert post(client, "/login/enrol", {"code": "000000"}, page="/login/enrol").status_code == 422
        bound = post(client, "/login/enrol", {"code": code_at(secret, NOON)}, page="/login/enrol")
        assert bound.status_code == 200
        assert len(codes_on(bound.get_data(as_text=True))) == 10
        assert 'href="/admin/audit"' in bound.get_data(as_text=True)
        assert client.get("/admin/audit").status_code == 200
    later = NOON + dt.timedelta(minutes=1)
    with clock.frozen(later):
        refused = world.submit(client, "/profile/factor/disable", {"code": code_at(secret, later)})
        assert refused.status_code == 409, "what the role asks for can't be given up"
        assert sign_in(world.app.test_client(), "aud-admin").headers["Location"] == "/login/factor"


def test_everybody_signs_in_in_one_step_as_shipped(world: World) -> None:
    with world.read() as session:
        assert not session.scalars(sa.select(Role).where(Role.second_factor)).all()
    assert sign_in(world.app.test_client(), "sys-admin", next="/profile").headers["Location"] == "/profile"


def test_half_a_sign_in_ends_by_itself(world: World) -> None:
    with clock.frozen(NOON):
        secret, _codes = enrolled(world, "lt-clerk", NOON)
        client = world.app.test_client()
        sign_in(client, "lt-clerk")
    late = NOON + dt.timedelta(minutes=16)
    with clock.frozen(late):
        assert client.get("/login/factor").headers["Location"].startswith("/login?")
        token = _token(client.get("/login").get_data(as_text=True))
        answer = client.post("/login/factor", data={"code": code_at(secret, late), "csrf_token": token})
        assert answer.status_code == 401


def test_nobody_comes_to_the_stages_without_a_password(world: World) -> None:
    client = world.app.test_client()
    for path in ("/login/factor", "/login/enrol"):
        assert client.get(path).headers["Location"].startswith("/login?")
    inside = world.client("lt-clerk")
    assert inside.get("/login/factor").headers["Location"] == "/", "who is in is led in"


def test_a_session_left_open_binds_no_stranger_s_phone(world: World) -> None:
    client = world.client("lt-clerk")
    assert world.submit(client, "/profile/factor/begin", {"password": "wrong"}).status_code == 422
    assert world.submit(client, "/profile/factor/confirm", {"code": "123456"}).status_code == 409
    api = world.api("lt-clerk")
    assert api.get("/profile/factor").status_code in {403, 404}
    with clock.frozen(NOON):
        enrolled(world, "lt-clerk", NOON)
        assert world.submit(client, "/profile/factor/begin", {"password": PASSWORD}).status_code == 422, "a code now"
        assert world.submit(client, "/profile/factor/disable", {"code": "123456"}).status_code == 422


def test_an_administrator_resets_within_reach_and_the_person_is_told(world: World) -> None:
    with clock.frozen(NOON):
        enrolled(world, "lt-engineer", NOON)
        for stranger in ("lt-head", "sys-admin", "aud-admin", "lt-clerk"):
            path = "/admin/people/lt-engineer/factor/reset"
            assert world.submit(world.client(stranger), path).status_code == 404, stranger
        admin, own = world.client("sec-admin"), world.client("lt-engineer")
        assert world.submit(admin, "/admin/people/nobody-x/factor/reset").status_code == 404
        assert world.submit(admin, "/admin/people/sec-admin/factor/reset").status_code == 409
        assert world.submit(admin, "/admin/people/lt-engineer/factor/reset").status_code == 303
        assert own.get("/profile").status_code == 303, "their sign-ins ended"
        assert sign_in(world.app.test_client(), "lt-engineer", next="/profile").headers["Location"] == "/profile"
        world.relay()
        inbox = world.client("lt-engineer").get("/inbox").get_data(as_text=True)
        assert "您的二次验证被管理员重置" in inbox
        with world.read() as session:
            row = session.scalars(sa.select(AuditRow).where(AuditRow.verb == "factor-reset")).one()
            assert (row.actor, row.object) == ("sec-admin", "person:lt-engineer")


def test_no_secret_or_code_is_written_down_readably(world: World) -> None:
    with clock.frozen(NOON):
        secret, codes = enrolled(world, "lt-clerk", NOON)
        with world.read() as session:
            row = session.get_one(SecondFactor, world.people["lt-clerk"])
            kept = [row.secret or "", *session.scalars(sa.select(RecoveryCode.code_hash))]
            kept += [f"{a.before}{a.after}" for a in session.scalars(sa.select(AuditRow))]
            kept += [r.payload for r in session.scalars(sa.select(OutboxRow))]
            kept += [f"{s.user_agent}{s.address}" for s in session.scalars(sa.select(SignInSession))]
            for text in kept:
                assert secret not in text
                assert not any(code in text or code.replace("-", "") in text for code in codes)
            own = str(world.app.config["SECRET_KEY"])
            place = f"person:{row.person_id}"
            assert row.secret
            assert sealed.unseal(row.secret, secret=own, purpose="second factor", place=place) == secret
            with pytest.raises(sealed.Unreadable):
                sealed.unseal(row.secret, secret=own, purpose="second factor", place="person:0")
            with pytest.raises(sealed.Unreadable):
                sealed.unseal(row.secret, secret="x" * 32, purpose="second factor", place=place)


@pytest.mark.parametrize(
    ("done", "needs", "expected"),
    [
        (None, Needs(False, False), None),
        (None, Needs(True, False), Stage.FACTOR),
        (None, Needs(True, True, True), Stage.FACTOR),
        (Stage.FACTOR, Needs(True, True, True), Stage.PASSWORD),
        (Stage.PASSWORD, Needs(True, True, True), None),
        (None, Needs(False, True, True), Stage.PASSWORD),
        (Stage.PASSWORD, Needs(False, True, True), Stage.ENROL),
        (Stage.ENROL, Needs(True, True, True), None),
    ],
)
def test_what_comes_after_what(done: Stage | None, needs: Needs, expected: Stage | None) -> None:
    assert following(done, needs) == expected


def test_recovery_codes_have_no_letters_that_are_taken_for_another() -> None:
    codes = rules.new_recovery_codes()
    assert all(re.fullmatch(r"[2-9a-hjkmnp-z]{5}-[2-9a-hjkmnp-z]{5}", code) for code in codes)
