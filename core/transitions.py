"""State machines as tables: the page's buttons, the API's checks and the tests read the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from core.errors import TransitionRefused
from core.i18n import gettext as _

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[S, A]):
    """A named table (state, action) → state. What is not listed is refused.

    `by_events`: actions that only something which happened can take, never a person.
    """

    name: str
    table: Mapping[tuple[S, A], S]
    by_events: frozenset[A] = frozenset()

    def allowed(self, state: S) -> list[A]:
        """The actions the table lists for `state`, in the table's order (likeliest first)."""
        return [action for (from_state, action) in self.table if from_state == state]

    def offered(self, state: S) -> list[A]:
        """The actions a person can be offered in `state`, likeliest first."""
        return [action for action in self.allowed(state) if action not in self.by_events]

    def target(self, state: S, action: A) -> S:
        """The state after `action`.

        Raises TransitionRefused, naming what is allowed to a person, where the table has no such step.
        """
        if (found := self.table.get((state, action))) is not None:
            return found
        allowed = [str(a) for a in self.offered(state)]
        raise TransitionRefused(
            _("当前状态下不能执行此操作。"), allowed=allowed, state=str(state), action=str(action), machine=self.name
        )

    def states(self) -> set[S]:
        """Every state that the table reaches or leaves."""
        return {s for s, _action in self.table} | set(self.table.values())
