"""Loading the demo: once, again, over somebody's data, and what one can do with it afterwards."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from accounts import service as accounts
from accounts.models import AuditRow, Person, Team, Unit, UnitClosure
from accounts.signin.passwords import verify
from app.demo.cast import cast, password
from app.demo.cli import sign_ins
from app.demo.load import load, matters
from cmdb import queries, service
from cmdb.models import Health, Item, ItemService, ItemVersion, Service
from cmdb.service.membership import rebuild
from cmdb.service.versions import snapshot
from core import clock
from core.db import reading, transaction
from core.errors import Conflict
from servicedesk.tickets.models import Ticket, TicketPrincipal
from tests.fixtures.world import World

SECRET = "a-key-of-this-installation"


def load_small(engine: sa.Engine, **options: object) -> dict[str, int]:
    return load(engine, secret=SECRET, now=clock.now(), scale="small", **options).added  # type: ignore[arg-type]


def test_loading_twice_adds_nothing_the_second_time(engine: sa.Engine) -> None:
    first = load_small(engine)
    assert first["people"] > 300
    assert first["units"] == 29
    again = load_small(engine)
    assert set(again.values()) == {0}
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AuditRow).where(AuditRow.verb == "demo.load")) == 1


def test_an_interrupted_load_is_finished_by_the_next(engine: sa.Engine) -> None:
    class Stop(Exception):
        pass

    def stop(stage: str, done: int, _total: int) -> None:
        if stage == "items" and done:
            raise Stop

    with pytest.raises(Stop):
        load_small(engine, progress=stop)
    added = load_small(engine)
    assert added["people"] == 0
    assert added["relations"] > 100
    assert set(load_small(engine).values()) == {0}


def test_somebodys_data_is_refused_and_untouched(world: World) -> None:
    with pytest.raises(Conflict, match="V1"):
        load_small(world.engine)
    with world.read() as session:
        assert session.scalar(sa.select(Person.id).where(Person.login == "wangxiulan")) is None


def test_the_first_administrators_do_not_stand_in_the_way_and_only_the_cast_can_sign_in(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        accounts.create_administrator(
            session,
            login="root-admin",
            name="root",
            kind="system",
            unit_code=None,
            password="Long-Enough-2026",
            now=clock.now(),
        )
    assert load_small(engine)["people"] > 300
    with reading(engine) as session:
        able = session.scalars(sa.select(Person).where(Person.password_hash.is_not(None))).all()
        assert {person.login for person in able} == {player.login for player in cast()} | {"root-admin"}
        clerk = next(person for person in able if person.login == "wangxiulan")
        assert verify(clerk.password_hash, password("wangxiulan", SECRET))
        assert not verify(clerk.password_hash, password("wangxiulan", "another key"))
    shown = sign_ins(engine, SECRET)
    assert [row["role"] for row in shown] == [player.part for player in cast()]
    assert shown[0]["unit"] == "610122"


def test_the_bulk_load_is_what_the_verbs_would_have_made(engine: sa.Engine) -> None:
    load_small(engine)
    with transaction(engine) as session:
        closure = {tuple(row) for row in session.execute(sa.select(UnitClosure.ancestor_id, UnitClosure.descendant_id))}
        for unit in session.scalars(sa.select(Unit)):
            at: Unit | None = unit
            while at is not None:
                assert (at.id, unit.id) in closure
                at = at.parent
        for item in session.scalars(sa.select(Item).limit(200)):
            version = session.scalars(sa.select(ItemVersion).where(ItemVersion.item_id == item.id)).one()
            assert version.snapshot == snapshot(item)
        before = {tuple(row) for row in session.execute(sa.select(ItemService.item_id, ItemService.service_id))}

        rebuild(session, session.scalars(sa.select(Service.item_id)).all())
        assert {tuple(row) for row in session.execute(sa.select(ItemService.item_id, ItemService.service_id))} == before
        assert session.scalar(sa.select(sa.func.count()).select_from(Team).where(Team.head_id.is_(None))) == 0


def test_no_state_is_made_up_and_both_lines_of_lantian_down_cut_the_county_off(engine: sa.Engine) -> None:
    load_small(engine)
    with transaction(engine) as session:
        assert set(session.scalars(sa.select(Item.health).distinct())) == {Health.NODATA}
        main = session.scalars(sa.select(Item).where(Item.name == "西安至蓝田县主线路")).one()
        spare = session.scalars(sa.select(Item).where(Item.name == "西安至蓝田县备线路")).one()
        assert queries.impact_of(session, main).people == 0
        service.set_health(session, spare.id, "check:1", Health.CRITICAL, now=clock.now())
        found = queries.impact_of(session, main)
        staff = session.scalar(
            sa.select(sa.func.count())
            .select_from(Person)
            .join(Unit, Unit.id == Person.unit_id)
            .where(Unit.code.startswith("610122"))
        )
        assert found.people == staff
        assert found.systems >= 12
        assert f"{staff} 人" in found.sentence


def test_a_postgresql_filled_at_once_has_its_indexes_and_keys_again(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described() -> list[tuple[str, str]]:
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
                    " SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                )
            )
            return sorted((str(name), str(text)) for name, text in rows)

    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no keys to put aside")
    monkeypatch.setattr(matters, "AT_ONCE", 10)
    before = described()
    assert load_small(engine, tickets=60)["tickets"] == 60
    assert described() == before
    with reading(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Ticket)) == 60
        assert session.scalar(sa.select(sa.func.count()).select_from(TicketPrincipal)) > 100

    monkeypatch.setattr(matters._Writer, "_write", lambda *_args: iter((1 // 0,)))
    with engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE ticket CASCADE"))
    with pytest.raises(ZeroDivisionError):
        load_small(engine, tickets=60)
    assert described() == before
