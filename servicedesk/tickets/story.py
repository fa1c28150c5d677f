"""A matter of the past, told as facts and custody: pure, for imports and demo data.

What would lie after `now` has not happened yet, so the same story cut earlier gives a matter still under way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from servicedesk.custody import rules as custody
from servicedesk.custody.rules import Ledger, Line, WaitingFor
from servicedesk.tickets.facts import What
from servicedesk.tickets.states import State


@dataclass(frozen=True)
class Leg:
    """One team's custody: minutes until it accepted and held after that; `returned`: it gave it back, unaccepted."""

    team_id: int
    line: Line
    holder_id: int | None
    waited: int
    held: int
    returned: bool = False


@dataclass(frozen=True)
class Past:
    """What is known of a matter. `outcome`: the state it reached (new active suspended resolved closed cancelled).

    `paused`: minutes the last team waited for the reporter's answer. `reopened_after`: minutes after its resolution at
    which the reporter reopened it, to be solved again after as long (0: never).
    """

    opened_at: dt.datetime
    priority: int
    first_team_id: int
    first_line: Line
    reporter_id: int | None = None
    tax: bool = False
    targets: int = 0
    source: str = "person"
    description: str = ""
    legs: tuple[Leg, ...] = ()
    outcome: State = State.NEW
    resolved_at: dt.datetime | None = None
    closed_after: dt.timedelta = dt.timedelta(hours=3)
    stars: int | None = None
    solution: str = ""
    cause: str | None = None
    article: str | None = None
    paused: int = 0
    reopened_after: int = 0
    sent_because: str = ""
    returned_because: str = ""
    missing: str = ""
    reopened_because: str = ""


@dataclass(frozen=True)
class Told:
    """One fact."""

    at: dt.datetime
    kind: What
    by: int | None = None
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Passing:
    """One hand-off of the story."""

    giver: Leg
    receiver: Leg
    sent_at: dt.datetime
    accepted_at: dt.datetime | None
    returned_at: dt.datetime | None


@dataclass
class Story:
    """What became of it by `now`."""

    state: State
    facts: list[Told]
    ledger: Ledger
    passings: list[Passing] = field(default_factory=list)
    accepted_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    bounces: int = 0
    reopened: int = 0

    @property
    def pending(self) -> bool:
        """A hand-off waits for acceptance."""
        return bool(self.passings) and self.passings[-1].accepted_at is None and self.passings[-1].returned_at is None


class _Teller:
    def __init__(self, past: Past, now: dt.datetime) -> None:
        self.past, self.now, self.at = past, now, past.opened_at
        opened = {
            "priority": past.priority,
            "line": str(past.first_line),
            "team": past.first_team_id,
            "source": past.source,
            "tax": past.tax,
            "targets": past.targets,
        }
        self.story = Story(
            State.NEW,
            [Told(past.opened_at, What.OPENED, past.reporter_id, past.description, opened)],
            custody.begin(past.first_team_id, past.first_line, past.opened_at),
        )

    def passes(self, minutes: float) -> bool:
        """Let time pass; False when that lies in the future."""
        self.at += dt.timedelta(minutes=minutes)
        return self.at <= self.now

    def tell(self, kind: What, by: int | None = None, text: str = "", **data: object) -> None:
        self.story.facts.append(Told(self.at, kind, by, text, {k: v for k, v in data.items() if v is not None}))

    def hold(self, leg: Leg) -> None:
        self.story.ledger = custody.move(
            self.story.ledger, team=leg.team_id, line=leg.line, holder=leg.holder_id, at=self.at, accepted=True
        )

    def wait(self, whom: WaitingFor | None, team: int | None = None) -> None:
        self.story.ledger = custody.wait(self.story.ledger, whom, self.at, waiting_team=team)

    def first(self, leg: Leg) -> bool:
        if not self.passes(leg.waited):
            return False
        self.story.state, self.story.accepted_at = State.ACTIVE, self.at
        self.hold(leg)
        self.tell(What.ACCEPTED, leg.holder_id, line=str(leg.line))
        return self.passes(leg.held)

    def climb(self, giver: Leg, leg: Leg) -> bool:
        sent_at = self.at
        self.wait(WaitingFor.RECEIVER, leg.team_id)
        self.tell(What.SENT, giver.holder_id, self.past.sent_because, line=str(leg.line), to_team=leg.team_id)
        self.story.passings.append(Passing(giver, leg, sent_at, None, None))
        if not self.passes(leg.waited + (leg.held if leg.returned else 0)):
            return False
        if leg.returned:
            self.story.bounces += 1
            self.wait(None)
            self.tell(
                What.RETURNED,
                leg.holder_id,
                self.past.returned_because,
                missing=self.past.missing,
                bounces=self.story.bounces,
                to_team=giver.team_id,
            )
            self.story.passings[-1] = Passing(giver, leg, sent_at, None, self.at)
            return True
        self.hold(leg)
        self.tell(What.ACCEPTED, leg.holder_id, line=str(leg.line))
        self.story.passings[-1] = Passing(giver, leg, sent_at, self.at, None)
        return self.passes(leg.held)

    def walk(self, legs: Sequence[Leg]) -> bool:
        """Accept and climb through all legs; False when the present was reached on the way."""
        if not legs or not self.first(legs[0]):
            return False
        giver = legs[0]
        for leg in legs[1:]:
            if leg.team_id == giver.team_id:  # it came back and was worked on again
                if not self.passes(leg.waited + leg.held):
                    return False
                continue
            if not self.climb(giver, leg):
                return False
            giver = giver if leg.returned else leg
        return True

    def finish(self) -> None:
        past, story = self.past, self.story
        by = custody.current(story.ledger).holder
        if story.state is State.ACTIVE and past.paused and not self.pause(by):
            return
        if past.outcome is State.SUSPENDED and story.state is State.ACTIVE:
            self.suspend(by)
        if past.outcome not in {State.RESOLVED, State.CLOSED}:
            return
        self.at = max(self.at, past.resolved_at or self.at)
        if self.at > self.now:
            return
        self.resolve(by)
        if past.reopened_after and not self.reopen(by):
            return
        if past.outcome is State.CLOSED and self.passes(past.closed_after.total_seconds() / 60):
            self.close(State.CLOSED)
            if past.stars is not None:
                self.tell(What.CONFIRMED, past.reporter_id, stars=past.stars)
            else:
                self.tell(What.CLOSED, None, automatic=True)

    def suspend(self, by: int | None) -> None:
        self.story.state = State.SUSPENDED
        self.wait(WaitingFor.REPORTER)
        self.tell(What.SUSPENDED, by, waiting_for=str(WaitingFor.REPORTER))

    def pause(self, by: int | None) -> bool:
        """Wait for the reporter's answer and go on; False when the answer lies in the future."""
        self.suspend(by)
        if not self.passes(self.past.paused):
            return False
        self.story.state = State.ACTIVE
        self.wait(None)
        self.tell(What.RESUMED, by)
        return True

    def resolve(self, by: int | None) -> None:
        self.story.state, self.story.resolved_at = State.RESOLVED, self.at
        self.wait(WaitingFor.CONFIRMATION)
        self.tell(What.RESOLVED, by, self.past.solution, cause=self.past.cause, article=self.past.article)

    def reopen(self, by: int | None) -> bool:
        """Not solved after all, and then it was; False when either lies in the future."""
        if not self.passes(self.past.reopened_after):
            return False
        self.story.state, self.story.resolved_at = State.ACTIVE, None
        self.story.reopened += 1
        self.wait(None)
        self.tell(What.REOPENED, self.past.reporter_id, self.past.reopened_because, count=self.story.reopened)
        if not self.passes(self.past.reopened_after):
            return False
        self.resolve(by)
        return True

    def close(self, state: State) -> None:
        self.story.state, self.story.closed_at = state, self.at
        self.story.ledger = custody.end(self.story.ledger, self.at)


def tell(past: Past, now: dt.datetime) -> Story:
    """The story up to `now`."""
    teller = _Teller(past, now)
    if past.outcome is State.CANCELLED:
        teller.passes(past.legs[0].waited if past.legs else 0)
        teller.at = min(teller.at, now)
        teller.close(State.CANCELLED)
        teller.tell(What.CANCELLED, past.reporter_id)
        return teller.story
    if teller.walk(past.legs) or (not past.legs and past.outcome is not State.NEW):
        teller.finish()
    return teller.story
