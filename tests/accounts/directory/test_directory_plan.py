"""What a sync would do, as a table: nobody is deleted or taken over, no right comes or comes back, and it knows when to stop."""

from __future__ import annotations

import dataclasses

import pytest

from accounts.directory.rules import Entry, Known, Plan, What, Why, plan

LAN = Known("lan", "李兰", "610122", "lan@example.test", "029-1", active=True, directory=True)
SAYS = Entry("lan", "李兰", "610122", "lan@example.test", "029-1")


def known(**changes: object) -> Known:
    return dataclasses.replace(LAN, **changes)  # type: ignore[arg-type]


def says(**changes: object) -> Entry:
    return dataclasses.replace(SAYS, **changes)  # type: ignore[arg-type]


def one(entries: list[Entry], *mine: Known, most: int = 100) -> list[tuple[What, Why | None, dict[str, object]]]:
    made = plan(entries, {each.login: each for each in mine}, most=most)
    return [(step.what, step.why, dict(step.fields)) for step in made.steps]


@pytest.mark.parametrize(
    ("entries", "mine", "steps"),
    [
        ([SAYS], [LAN], []),
        ([says(name="李岚", email=None)], [LAN], [(What.CHANGE, None, {"name": ("李兰", "李岚")})]),
        ([says(unit="6101")], [LAN], [(What.CHANGE, None, {"unit": ("610122", "6101")})]),
        ([says(unit="6101")], [known(holds=True)], [(What.SKIP, Why.RIGHTS, {"unit": ("610122", "6101")})]),
        ([], [LAN], [(What.DISABLE, None, {})]),
        ([], [known(kept=True)], [(What.SKIP, Why.ADMINISTRATOR, {})]),
        ([], [known(directory=False)], []),
        ([], [known(active=False)], []),
        ([SAYS], [known(directory=False)], [(What.SKIP, Why.LOCAL, {})]),
        ([SAYS], [known(active=False)], [(What.SKIP, Why.DISABLED, {})]),
        ([SAYS], [known(active=False, left=True)], [(What.ENABLE, None, {})]),
        ([SAYS], [known(active=False, left=True, holds=True)], [(What.SKIP, Why.RIGHTS, {})]),
        ([SAYS, says(name="另一个")], [LAN], [(What.SKIP, Why.TWICE, {})]),
        ([says(unit=None, said="西安分局")], [LAN], [(What.SKIP, Why.UNIT, {"unit": (None, "西安分局")})]),
        ([says(login="李兰")], [], [(What.SKIP, Why.LOGIN, {})]),
        ([says(name="")], [], [(What.SKIP, Why.NAME, {})]),
        ([says(phone=None)], [], [
            (What.ADD, None, {"name": (None, "李兰"), "unit": (None, "610122"), "email": (None, "lan@example.test")})
        ]),
    ],
)  # fmt: skip
def test_one_person(entries: list[Entry], mine: list[Known], steps: list[object]) -> None:
    assert one(entries, *mine) == steps


@pytest.mark.parametrize(("there", "gone", "most", "stopped"), [
    (100, 10, 10, False), (100, 11, 10, True), (100, 1, 0, True), (9, 1, 10, True), (10, 1, 10, False), (3, 3, 100, False),
])  # fmt: skip
def test_it_stops_above_its_share(there: int, gone: int, most: int, stopped: bool) -> None:
    mine = {f"p-{i:03}": known(login=f"p-{i:03}") for i in range(there)}
    local = {f"l-{i:03}": known(login=f"l-{i:03}", directory=False) for i in range(100)}
    made: Plan = plan([says(login=login) for login in list(mine)[gone:]], mine | local, most=most)
    assert (len(made.of(What.DISABLE)), made.theirs, made.stopped) == (gone, there, stopped)
