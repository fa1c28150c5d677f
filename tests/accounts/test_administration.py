"""Units, people, grants and the audit trail: who may, who may not, and what is refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from accounts import service
from accounts.models import AuditRow, Grant, Person, Unit, UnitClosure
from core import clock
from core.errors import Conflict
from tests.fixtures.world import World


def test_units_by_scope(world: World) -> None:
    codes = {u["code"] for u in world.api("sec-admin").get("/units?limit=200").get_json()["items"]}
    assert codes == {"61", "6101", "6103", "610122", "610124", "610326", "610122-01", "V1", "V2"}
    assert world.api("lt-clerk").get("/units").status_code == 404, "no grant: as if there were no such address"
    assert world.api("sec-admin").get("/units/nowhere").status_code == 404


def test_create_unit_bulk_is_all_or_nothing(world: World) -> None:
    api = world.api("integration")
    good = {"code": "610122-02", "name": "蓝关税务所", "level": "office", "parent": "610122"}
    bad = {"code": "610122-03", "name": "葛牌税务所", "level": "office", "parent": "nowhere"}
    refused = api.post("/units", {"items": [good, bad]})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "items[1].parent"
    assert api.get("/units/610122-02").status_code == 404
    made = api.post("/units", {"items": [good]})
    assert made.status_code == 201
    assert made.get_json()["items"][0]["code"] == "610122-02"


def test_wrong_fields_are_all_named(world: World) -> None:
    answer = world.api("integration").post("/units", {"code": "!", "level": "planet", "surprise": 1})
    assert answer.status_code == 422
    assert {e["field"] for e in answer.get_json()["errors"]} == {"code", "name", "level", "surprise"}
    assert answer.content_type == "application/problem+json"


def test_R_02_same_key_makes_one_thing(world: World) -> None:
    api = world.api("integration")
    unit = {"code": "610122-09", "name": "三里所", "level": "office", "parent": "610122"}
    first = api.post("/units", unit, headers={"Idempotency-Key": "k-1"})
    again = api.post("/units", unit, headers={"Idempotency-Key": "k-1"})
    other = api.post("/units", {**unit, "name": "别的"}, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.get_json() == again.get_json()
    assert again.headers["Location"] == "/api/v1/units/610122-09"


def test_R_03_moving_or_retiring_a_unit_with_grants_is_refused(world: World) -> None:
    api = world.api("sec-admin")
    assert api.patch("/units/610122", {"parent": "6103"}).status_code == 409
    assert api.delete("/units/610122").status_code == 409
    with world.read() as session:
        assert session.scalars(sa.select(Unit.valid_until).where(Unit.code == "610122")).one() is None


def test_R_03_moving_a_unit_without_grants_moves_its_subtree(world: World) -> None:
    api = world.api("integration")
    api.post("/units", {"code": "610199", "name": "新区局", "level": "county", "parent": "6101"})
    api.post("/units", {"code": "610199-01", "name": "新区所", "level": "office", "parent": "610199"})
    assert api.patch("/units/610199", {"parent": "6103"}).status_code == 200
    with world.read() as session:
        ids = {c: i for i, c in session.execute(sa.select(Unit.id, Unit.code))}
        pairs = {
            tuple(r)
            for r in session.execute(sa.select(UnitClosure.ancestor_id, UnitClosure.descendant_id, UnitClosure.depth))
        }
    assert (ids["6103"], ids["610199-01"], 2) in pairs
    assert (ids["6101"], ids["610199-01"], 2) not in pairs
    assert (ids["610199"], ids["610199-01"], 1) in pairs


def test_nobody_holds_two_kinds_of_administrator(world: World) -> None:
    with world.write() as session:
        person = session.get_one(Person, world.people["sys-admin"])
        unit = session.get_one(Unit, world.units["61"])
        with pytest.raises(Conflict):
            service.grant(session, person=person, role_code="audit-admin", unit=unit, now=clock.now())


def test_making_an_administrator_twice_makes_one_and_ends_the_sessions(world: World) -> None:
    client = world.client("sys-admin")
    for _again in range(2):
        with world.write() as session:
            service.create_administrator(
                session, login="sys-admin", name="x", kind="system", unit_code="61", password="Xin-Kou-Ling-9",
                now=clock.now(),
            )  # fmt: skip
    with world.read() as session:
        held = session.scalars(sa.select(Grant).where(Grant.person_id == world.people["sys-admin"])).all()
    assert len(held) == 1
    assert client.get("/profile").status_code == 303


def test_R_03_last_administrator_remains(world: World) -> None:
    with world.read() as session:
        grant_id = session.scalar(sa.select(Grant.id).where(Grant.role_code == "security-admin"))
    client = world.client("sec-admin")
    assert world.submit(client, f"/admin/people/sec-admin/grants/{grant_id}/revoke").status_code == 409
    assert world.submit(client, "/admin/people/sec-admin/active", {"active": "false"}).status_code == 409
    assert world.submit(client, "/admin/people/aud-admin/active", {"active": "false"}).status_code == 409


def test_grant_takes_effect_at_once_and_ends_at_once(world: World) -> None:
    admin, clerk = world.client("sec-admin"), world.client("lt-clerk")
    assert clerk.get("/oncall").status_code == 404
    world.submit(admin, "/admin/people/lt-clerk/grants", {"role": "engineer", "unit": "610122"})
    assert clerk.get("/oncall").status_code == 200
    with world.read() as session:
        grant_id = session.scalar(sa.select(Grant.id).where(Grant.person_id == world.people["lt-clerk"]))
    world.submit(admin, f"/admin/people/lt-clerk/grants/{grant_id}/revoke")
    assert clerk.get("/oncall").status_code == 404


def test_disabled_person_is_out_at_once(world: World) -> None:
    clerk = world.client("lt-clerk")
    token = world.api("lt-clerk")
    world.submit(world.client("sec-admin"), "/admin/people/lt-clerk/active", {"active": "false"})
    assert clerk.get("/profile").status_code == 303
    assert token.get("/tickets").status_code == 401


def test_R_02_disabling_twice_disables(world: World) -> None:
    """A double click is one wish; the page says which."""
    admin = world.client("sec-admin")
    form = '<input type="hidden" name="active" value="{}">'
    assert form.format("false") in admin.get("/admin/people/lt-clerk").get_data(as_text=True)
    for wanted, kept in (("false", False), ("false", False), ("true", True), ("true", True)):
        assert world.submit(admin, "/admin/people/lt-clerk/active", {"active": wanted}).status_code == 303
        with world.read() as session:
            assert session.get_one(Person, world.people["lt-clerk"]).active is kept
        assert form.format("false" if kept else "true") in admin.get("/admin/people/lt-clerk").get_data(as_text=True)
    assert world.submit(admin, "/admin/people/lt-clerk/active").status_code == 422, "whoever says nothing is asked"


def test_every_write_is_audited_with_before_and_after(world: World) -> None:
    world.api("sec-admin").patch("/people/lt-clerk", {"phone": "029-82710001"})
    rows = world.api("aud-admin").get("/audit?object=person&actor=sec-admin").get_json()["items"]
    assert rows[0]["after"] == {"phone": "029-82710001"}
    assert rows[0]["before"] == {"phone": None}
    assert rows[0]["from_address"] == "127.0.0.1"


def test_password_is_hidden_in_the_audit(world: World) -> None:
    admin = world.client("sec-admin")
    assert world.submit(admin, "/admin/people/lt-clerk/password", {"password": "Xin-Kou-Ling-9"}).status_code == 303
    with world.read() as session:
        row = session.scalars(
            sa.select(AuditRow).where(AuditRow.actor == "sec-admin").order_by(AuditRow.id.desc())
        ).first()
        assert row is not None
        assert row.after is not None
        assert row.after["password_hash"] == "●●●"


@pytest.mark.parametrize(
    ("path", "reader"),
    [
        ("/admin/units", "sec-admin"),
        ("/admin/units/610122", "sec-admin"),
        ("/admin/people", "sec-admin"),
        ("/admin/people/lt-clerk", "sec-admin"),
        ("/admin/teams", "sec-admin"),
        ("/admin/teams/P-APP", "sec-admin"),
        ("/admin/roles", "sec-admin"),
        ("/admin/audit", "aud-admin"),
        ("/admin/outbox", "sys-admin"),
    ],
)
def test_administrators_are_separate(world: World, path: str, reader: str) -> None:
    assert world.client(reader).get(path).status_code == 200
    others = {"lt-clerk", "lt-head", "p-head", "v1-head", "wall", "sec-admin", "aud-admin", "sys-admin"} - {reader}
    if path.startswith(("/admin/units", "/admin/teams")):
        others -= {"sys-admin"}  # reads units to place what it sets up
    for stranger in sorted(others):
        assert world.client(stranger).get(path).status_code == 404, stranger


def test_administrators_read_no_tickets(world: World) -> None:
    for login in ("sys-admin", "sec-admin", "aud-admin"):
        assert not world.viewer(login).units_for("ticket.read")
