"""What a person can hold in the rooms above. Each registers its own kind by its wiring; accounts knows none of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from accounts.models import Person
from core.i18n import LazyText


@dataclass(frozen=True)
class Held:
    """One thing somebody holds: its `name` (a number or a name, never what stands in it: administrators read no matters),
    and to whom it goes (`to`: words); `stuck`: why it can't go anywhere, which refuses the whole action."""

    name: str
    to: str = ""
    stuck: str = ""


class Belongings(Protocol):
    """A kind of things that people hold."""

    code: str
    label: LazyText

    def held(self, session: Session, person: Person, heir: Person | None, *, now: dt.datetime) -> Sequence[Held]:
        """What this person holds, and where each would go with this heir (or without one)."""
        ...

    def hand_over(self, session: Session, person: Person, heir: Person | None, *, by: int, now: dt.datetime) -> None:
        """Do what `held` says."""
        ...


_KINDS: dict[str, Belongings] = {}


def register(kind: Belongings) -> None:
    """Make a kind known; repeating it changes nothing."""
    _KINDS[kind.code] = kind


def kinds() -> Sequence[Belongings]:
    """All kinds, in a fixed order."""
    return [_KINDS[code] for code in sorted(_KINDS)]
