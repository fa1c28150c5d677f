"""What still stands between a right password and the work: pure, one table.

A browser that has shown the password and nothing more has a session that waits (`SignInSession.waiting_for`); with it
only the pages of that stage open, and every other page says: sign in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """What a session waits for."""

    FACTOR = "factor"  # the code of the person's authenticator
    PASSWORD = "password"  # noqa: S105  a new password: the one given is an administrator's, or too old
    ENROL = "enrol"  # a role asks for a second factor and there is none yet


@dataclass(frozen=True)
class Needs:
    """What is known of the person: whether they have a second factor, have to, and whether the password is due."""

    has_factor: bool
    factor_required: bool
    password_due: bool = False


def following(done: Stage | None, needs: Needs) -> Stage | None:
    """The stage after `done` (None: after the password); None: the person is in. No stage comes twice."""
    ahead = {
        Stage.FACTOR: needs.has_factor,
        Stage.PASSWORD: needs.password_due,
        Stage.ENROL: needs.factor_required and not needs.has_factor,
    }
    order = list(ahead)
    for stage in order[order.index(done) + 1 :] if done is not None else order:
        if ahead[stage]:
            return stage
    return None
