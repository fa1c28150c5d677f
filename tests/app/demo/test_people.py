"""The demo province is believable, complete and the same every time."""

from __future__ import annotations

from collections import Counter

import pytest
from pypinyin import lazy_pinyin

from app.demo import units as demo_units
from app.demo.cast import cast, password
from app.demo.catalogue import groups, services, teams
from app.demo.people import people
from app.demo.units import read_data, units

CONTRACT_PARTS = {
    "county-clerk", "county-clerk-2", "city-engineer", "province-engineer", "province-head", "on-call", "vendor",
    "leader", "wall", "system-admin", "security-admin", "audit-admin", "integration",
}  # fmt: skip


def test_eleven_cities_and_107_counties() -> None:
    count = Counter(unit.level for unit in units())
    assert (count["province"], count["city"], count["county"], count["vendor"]) == (1, 11, 107, 3)
    per_county = Counter(unit.parent for unit in units() if unit.level == "office")
    assert len(per_county) == 107
    assert set(per_county.values()) <= set(range(2, 7))


def test_yangling_district_belongs_to_yangling_bureau() -> None:
    by_code = {unit.code: unit for unit in units()}
    assert by_code["610403"].name == "杨陵区局"
    assert by_code["610403"].parent == "6111"
    assert by_code["6111"].name == "杨凌示范区局"


@pytest.mark.parametrize("scale", ["small", "province"])
def test_codes_are_unique_and_parents_come_first(scale: demo_units.Scale) -> None:
    seen: set[str] = set()
    for unit in units(scale):
        assert unit.code not in seen
        assert unit.parent is None or unit.parent in seen
        seen.add(unit.code)


def test_small_units_are_the_same_as_in_the_whole_province() -> None:
    assert set(units("small")) <= set(units("province"))


def test_ten_thousand_people_with_unique_logins() -> None:
    everybody = list(people())
    assert len(everybody) >= 10_000
    assert len({person.login for person in everybody}) == len(everybody)


@pytest.mark.parametrize("scale", ["small", "province"])
def test_every_person_sits_in_a_unit_and_every_reference_exists(scale: demo_units.Scale) -> None:
    places = {unit.code for unit in units(scale)}
    groups_of_people = {team.code for team in teams(units(scale))}
    for person in people(scale):
        assert person.unit in places
        assert set(person.teams) <= groups_of_people
        assert set(person.head_of) <= set(person.teams)
        for grant in person.grants:
            assert grant.unit is None or grant.unit in places
            assert grant.team is None or grant.team in groups_of_people


@pytest.mark.parametrize("scale", ["small", "province"])
def test_every_team_has_exactly_one_head_and_somebody_else(scale: demo_units.Scale) -> None:
    heads = Counter(team for person in people(scale) for team in person.head_of)
    members = Counter(team for person in people(scale) for team in person.teams)
    for team in teams(units(scale)):
        assert heads[team.code] == 1, team
        assert members[team.code] >= 2, team


def test_same_seed_same_people_other_seed_other_people() -> None:
    assert list(people("small", 1)) == list(people("small", 1))
    assert list(people("small", 1)) != list(people("small", 2))


def test_the_cast_has_every_part_of_the_contract() -> None:
    parts = [person.part for person in cast()]
    assert set(parts) >= CONTRACT_PARTS
    assert len(parts) == len(set(parts))
    by_part = {person.part: person for person in cast()}
    assert by_part["county-clerk"].unit[:4] != by_part["county-clerk-2"].unit[:4]


def test_no_administrator_holds_two_kinds() -> None:
    for person in people("small"):
        assert sum(grant.role.endswith("-admin") for grant in person.grants) <= 1


def test_passwords_differ_by_person_and_by_installation() -> None:
    secrets = {password(person.login, key) for person in cast() for key in ("one", "two")}
    assert len(secrets) == 2 * len(cast())
    assert password("wall", "one") == password("wall", "one")


def test_every_service_has_a_group_a_team_and_a_vendor() -> None:
    teams_by_code = {team.code for team in teams(units())}
    vendors = {unit.code for unit in units() if unit.level == "vendor"}
    catalogue = services()
    assert len({service.code for service in catalogue}) == len(catalogue) >= 40
    for service in catalogue:
        assert service.group in groups()
        assert service.team in teams_by_code
        assert service.vendor in vendors


def test_pinyin_of_the_names_is_right() -> None:
    surnames_with_own_reading = {"曾": "zeng", "任": "ren", "贾": "jia", "万": "wan", "尹": "yin"}
    names = read_data("names.toml")
    for name, pinyin, _weight in names["surnames"]:
        assert pinyin == surnames_with_own_reading.get(name, "".join(lazy_pinyin(name)))
    for name, pinyin in names["male"] + names["female"]:
        assert pinyin == "".join(lazy_pinyin(name))
