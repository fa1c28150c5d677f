"""Two administrators at once: the second waits for the first and judges what is then true (both databases)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import roles, service
from accounts.models import Person, Role, Team, Unit, UnitClosure, UnitLevel
from core import clock
from core.errors import Conflict, Invalid
from tests.fixtures.world import World

OFFICE = "610122-01"
Act = Callable[[Session], object]


def one_during_the_other(world: World, first: Act, then: Act) -> Exception | None:
    """Do `first` and, while its transaction is open, begin `then`; returns what refused the second."""
    begun, refused = threading.Event(), []

    def slow() -> None:
        try:
            with world.write() as session:
                first(session)
                session.flush()
                begun.set()
                time.sleep(0.5)
        finally:
            begun.set()

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait()
    try:
        with world.write() as session:
            then(session)
    except (Conflict, Invalid) as error:
        refused.append(error)
    thread.join()
    return refused[0] if refused else None


def unit(session: Session, code: str) -> Unit:
    return session.scalars(sa.select(Unit).where(Unit.code == code)).one()


def give(session: Session) -> object:
    person = session.scalars(sa.select(Person).where(Person.login == "zz-clerk")).one()
    return service.grant(session, person=person, role_code="leader", unit=unit(session, OFFICE), now=clock.now())


def hire(session: Session) -> object:
    return service.create_person(session, login="new", name="新", unit=unit(session, OFFICE), now=clock.now())


def move(session: Session) -> None:
    service.move_unit(session, unit(session, OFFICE), unit(session, "610124"), now=clock.now())


def retire(session: Session) -> None:
    service.retire_unit(session, unit(session, OFFICE), on=clock.local_date(clock.now()), now=clock.now())


@pytest.fixture(autouse=True)
def _nobody_works_in_the_office(world: World) -> None:
    with world.write() as session:
        session.execute(sa.update(Person).where(Person.login == "ty-clerk").values(active=False))


@pytest.mark.parametrize(
    ("first", "then", "kind"),
    [
        (give, move, Conflict),
        (give, retire, Conflict),
        (hire, retire, Conflict),
        (retire, give, Invalid),
        (retire, hire, Invalid),
        (give, give, type(None)),
    ],
    ids=["give-move", "give-retire", "hire-retire", "retire-give", "retire-hire", "give-give"],
)
def test_R_03_whoever_comes_second_sees_what_the_first_did(world: World, first: Act, then: Act, kind: type) -> None:
    assert isinstance(one_during_the_other(world, first, then), kind)


def add_county(session: Session) -> object:
    parent = unit(session, "6101")
    return service.create_unit(
        session, code="610198", name="县", level=UnitLevel.COUNTY, parent=parent, now=clock.now()
    )


def add_its_office(session: Session) -> object:
    parent = unit(session, "610198")
    return service.create_unit(
        session, code="610198-1", name="所", level=UnitLevel.OFFICE, parent=parent, now=clock.now()
    )


def move_county(session: Session) -> None:
    service.move_unit(session, unit(session, "610198"), unit(session, "6103"), now=clock.now())


@pytest.mark.parametrize(("first", "then"), [(move_county, add_its_office), (add_its_office, move_county)])
def test_R_03_a_unit_added_while_the_one_above_moves_is_below_its_new_place_only(
    world: World, first: Act, then: Act
) -> None:
    with world.write() as session:
        add_county(session)
    assert one_during_the_other(world, first, then) is None
    with world.read() as session:
        above = sa.select(Unit.code).join(UnitClosure, UnitClosure.ancestor_id == Unit.id)
        codes = session.scalars(above.where(UnitClosure.descendant_id == unit(session, "610198-1").id))
        assert set(codes) == {"610198-1", "610198", "6103", "61"}


def test_a_role_confirmed_by_two_at_once_is_changed_by_the_first(world: World) -> None:
    with world.read() as session:
        seen = list(session.get_one(Role, "leader").permissions)

    def change(permission: str) -> Act:
        def act(session: Session) -> None:
            role = session.get_one(Role, "leader")
            roles.change(session, role, name="领导", permissions=[permission], seen=seen)

        return act

    assert isinstance(one_during_the_other(world, change("alert.read"), change("item.read")), Conflict)
    with world.read() as session:
        assert session.get_one(Role, "leader").permissions == ["alert.read"]


def test_two_default_teams_at_once_are_one(world: World) -> None:
    def add(code: str) -> Act:
        return lambda session: service.create_team(
            session, code=code, name=code, unit=unit(session, "610124"), is_default=True
        )

    assert one_during_the_other(world, add("X-1"), add("X-2")) is None
    with world.read() as session:
        defaults = sa.select(Team.code).where(Team.unit_id == world.units["610124"], Team.is_default)
        assert session.scalars(defaults).all() == ["X-2"]


def test_two_rights_at_once_are_counted_twice(world: World) -> None:
    """Each raises the person's version: a viewer loaded between the two is not used after the second."""
    with world.read() as session:
        before = session.get_one(Person, world.people["zz-clerk"]).access_version

    def other(session: Session) -> None:
        person = session.get_one(Person, world.people["zz-clerk"])
        service.grant(session, person=person, role_code="engineer", unit=unit(session, "610124"), now=clock.now())

    assert one_during_the_other(world, give, other) is None
    with world.read() as session:
        assert session.get_one(Person, world.people["zz-clerk"]).access_version == before + 2
