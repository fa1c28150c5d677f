"""Verbs on units, people, teams and grants. None commits; all refuse what would widen a right by accident (R-03)."""

from accounts.service.people import create_administrator, create_person, person_in_use, set_active, set_directory
from accounts.service.rights import grant, revoke
from accounts.service.teams import change_team, create_team, join_team, leave_team
from accounts.service.units import (
    create_unit,
    hanging_grants,
    move_unit,
    retire_unit,
    set_contract_end,
    unit_by_code,
)

__all__ = [
    "change_team",
    "create_administrator",
    "create_person",
    "create_team",
    "create_unit",
    "grant",
    "hanging_grants",
    "join_team",
    "leave_team",
    "move_unit",
    "person_in_use",
    "retire_unit",
    "revoke",
    "set_active",
    "set_contract_end",
    "set_directory",
    "unit_by_code",
]
