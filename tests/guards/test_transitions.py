"""Every state machine of the product: all states reachable, ends are ends, and what is not listed is refused."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import pytest

from core.errors import TransitionRefused
from core.transitions import Machine
from tests.guards import source


def machines() -> list[Machine[Any, Any]]:
    """All Machine tables in modules named states."""
    found: dict[int, Machine[Any, Any]] = {}
    for path, _ in source.product_modules():
        if path.stem == "states":
            module = importlib.import_module(".".join(path.relative_to(source.ROOT).with_suffix("").parts))
            values = itertools.chain(
                vars(module).values(), *(each.values() for each in vars(module).values() if isinstance(each, dict))
            )
            found |= {id(value): value for value in values if isinstance(value, Machine)}
    return list(found.values())


#: An empty table is a kind of ticket that is not built yet: it refuses everything.
MACHINES = [machine for machine in machines() if machine.table]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reachable_from_the_first(machine: Machine[Any, Any]) -> None:
    first = next(iter(machine.table))[0]
    reached, queue = {first}, [first]
    while queue:
        state = queue.pop()
        new = {machine.target(state, action) for action in machine.allowed(state)} - reached
        reached |= new
        queue += new
    assert reached == machine.states(), "states nobody reaches"


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_unlisted_pair_is_refused_and_told_what_is_allowed(machine: Machine[Any, Any]) -> None:
    states, actions = machine.states(), {action for _, action in machine.table}
    for state, action in itertools.product(states, actions):
        if (state, action) in machine.table:
            assert machine.target(state, action) == machine.table[state, action]
        else:
            with pytest.raises(TransitionRefused):
                machine.target(state, action)
