"""What accounts tells: something about a person's way in was changed, and they should know."""

from __future__ import annotations

from core.events.base import Event


class SignInChanged(Event, frozen=True, kw_only=True):
    """`what`: factor-enabled | factor-disabled | factor-reset | recovery-codes-made | recovery-code-used | password-reset.

    `by_id`: who did it, None for the person themself.
    """

    person_id: int
    what: str
    by_id: int | None = None
