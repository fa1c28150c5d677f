"""From facts to stretches: when each clock of a ticket runs, and which promise holds at each moment. Pure.

- `respond` runs from the opening to the first acceptance, `resolve` from the opening to the resolution; it never
  restarts: a reopened ticket goes on where it stood.
- Sending starts the receiver's `line-<line>-respond`; its acceptance ends that, ends the sender's `line-<line>` and
  starts the receiver's own (T-03). Coming back to a line later starts another round of the same name.
- Suspending pauses whatever runs (T-02).
- A promise is made when a clock starts and again when the priority (or the service) changes; whether the filing period
  runs is looked at in those moments only, so that no due time moves by itself overnight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from servicedesk.clocks.facts import Fact, FactKind
from servicedesk.clocks.targets import Purpose, Target

K = FactKind
DEFAULT_PRIORITY = 5
FIRST_RESPONSE = "respond"
END_TO_END = "resolve"
Promise = Callable[[int, bool, Purpose, dt.datetime], Target]  # priority, tax, purpose, at


class Outcome(StrEnum):
    """How a clock ended, lateness aside."""

    DONE = "done"  # what it waited for happened
    STOPPED = "stopped"  # it became pointless


@dataclass(eq=False)
class Stretches:
    """One clock's life: the stretches in which it runs (`until` None: still), the promises and since when they hold."""

    name: str
    round: int
    purpose: Purpose
    line: str
    started_at: dt.datetime
    runs: list[tuple[dt.datetime, dt.datetime | None]] = field(default_factory=list)
    promises: list[tuple[dt.datetime, Target]] = field(default_factory=list)
    outcome: Outcome | None = None
    stopped_at: dt.datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it runs at the end of the story."""
        return bool(self.runs) and self.runs[-1][1] is None

    def run(self, at: dt.datetime) -> None:
        """Begin to run, or go on."""
        if not self.running:
            self.runs.append((at, None))

    def pause(self, at: dt.datetime) -> None:
        """Stand still."""
        if self.running:
            self.runs[-1] = (self.runs[-1][0], at)

    def end(self, at: dt.datetime, outcome: Outcome) -> None:
        """End; only `go_on` undoes it."""
        if self.outcome is None:
            self.pause(at)
            self.outcome, self.stopped_at = outcome, at

    def go_on(self, at: dt.datetime) -> None:
        """Live again where it stood."""
        self.outcome = self.stopped_at = None
        self.run(at)


class Script:
    """Reads facts in order and keeps the ticket's clocks. Use `read`."""

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self.clocks: list[Stretches] = []
        self.priority = DEFAULT_PRIORITY
        self.tax = False
        self.suspended = self.resolved_now = self.over = False
        self.answers: list[Stretches] = []  # respond clocks that wait: the first one, and a receiver's
        self.at_line: Stretches | None = None  # the clock of the line that is answerable
        self.held: list[Stretches] = []  # ended by the resolution; reopening lets them go on

    def read(self, facts: Iterable[Fact]) -> list[Stretches]:
        """All clocks after `facts`, in the order they were started. Facts of one instant keep the order given."""
        for fact in sorted(facts, key=lambda fact: fact.at):
            if (step := _STEPS.get(fact.kind)) and self.concerns(fact):
                step(self, fact)
        return self.clocks

    def concerns(self, fact: Fact) -> bool:
        """Whether `fact` can move anything now: not before the opening, not after the end, little while resolved."""
        if self.over or not self.clocks:
            return not self.over and fact.kind == K.OPENED
        return fact.kind in _WHILE_RESOLVED if self.resolved_now else fact.kind != K.REOPENED

    def start(self, name: str, purpose: Purpose, line: str, at: dt.datetime) -> Stretches:
        turn = 1 + sum(clock.name == name for clock in self.clocks)
        clock = Stretches(name, turn, purpose, line, at)
        clock.promises.append((at, self.promise(self.priority, self.tax, purpose, at)))
        if not self.suspended:
            clock.run(at)
        self.clocks.append(clock)
        return clock

    def living(self) -> list[Stretches]:
        return [clock for clock in self.clocks if clock.outcome is None]

    # --- one step for each kind of fact --------------------------------------------------------------------------

    def opened(self, fact: Fact) -> None:
        if self.clocks:
            return
        self.priority, self.tax = int(fact.data.get("priority", DEFAULT_PRIORITY)), bool(fact.data.get("tax"))
        line = str(fact.data.get("line", ""))
        self.answers = [self.start(FIRST_RESPONSE, Purpose.RESPOND, line, fact.at)]
        self.start(END_TO_END, Purpose.RESOLVE, "", fact.at)

    def sent(self, fact: Fact) -> None:
        line = str(fact.data["line"])
        self.drop_handover(fact.at)
        self.answers.append(self.start(f"line-{line}-respond", Purpose.RESPOND, line, fact.at))

    def accepted(self, fact: Fact) -> None:
        line = str(fact.data.get("line") or (self.answers[-1].line if self.answers else ""))
        handed_over = bool(self.handovers())
        for clock in self.answers:
            clock.end(fact.at, Outcome.DONE)
        self.answers = []
        if line and (handed_over or self.at_line is None or self.at_line.line != line):
            self.move_to(line, fact.at)

    def returned(self, fact: Fact) -> None:
        if handovers := self.handovers():  # not accepted: returning is an answer, and the sender never stopped
            for clock in handovers:
                clock.end(fact.at, Outcome.DONE)
                self.answers.remove(clock)
        elif line := fact.data.get("line"):
            self.move_to(str(line), fact.at)

    def withdrawn(self, fact: Fact) -> None:
        self.drop_handover(fact.at)

    def arbitrated(self, fact: Fact) -> None:
        self.drop_handover(fact.at)
        line = str(fact.data.get("line") or "")
        if line and (self.at_line is None or self.at_line.line != line):  # else it stays where it is
            if self.at_line:
                self.at_line.end(fact.at, Outcome.DONE)
                self.at_line = None
            self.answers.append(self.start(f"line-{line}-respond", Purpose.RESPOND, line, fact.at))

    def suspend(self, fact: Fact) -> None:
        self.suspended = True
        for clock in self.living():
            clock.pause(fact.at)

    def resume(self, fact: Fact) -> None:
        self.suspended = False
        for clock in self.living():
            clock.run(fact.at)

    def changed(self, fact: Fact) -> None:
        before = self.priority, self.tax
        self.priority = int(fact.data.get("priority", self.priority))
        self.tax = bool(fact.data.get("tax", self.tax))
        if before == (self.priority, self.tax):
            return  # urgency and impact moved against each other: what was promised stands
        for clock in [*self.living(), *self.held]:  # ended for good: judged by what held then
            clock.promises.append((fact.at, self.promise(self.priority, self.tax, clock.purpose, fact.at)))

    def resolved(self, fact: Fact) -> None:
        self.drop_handover(fact.at)  # nobody needs to take it over any more
        self.resolved_now = True
        self.held = self.living()
        for clock in self.held:
            clock.end(fact.at, Outcome.STOPPED if clock in self.answers else Outcome.DONE)

    def reopened(self, fact: Fact) -> None:
        self.suspended = self.resolved_now = False
        for clock in self.held:
            clock.go_on(fact.at)
        self.held = []

    def ended(self, fact: Fact) -> None:
        for clock in self.living():
            clock.end(fact.at, Outcome.STOPPED)
        self.over = True

    # --- shared ----------------------------------------------------------------------------------------------------

    def handovers(self) -> list[Stretches]:
        return [clock for clock in self.answers if clock.name != FIRST_RESPONSE]

    def drop_handover(self, at: dt.datetime) -> None:
        for clock in self.handovers():
            clock.end(at, Outcome.STOPPED)
            self.answers.remove(clock)

    def move_to(self, line: str, at: dt.datetime) -> None:
        if self.at_line:
            self.at_line.end(at, Outcome.DONE)
        self.at_line = self.start(f"line-{line}", Purpose.RESOLVE, line, at)


_WHILE_RESOLVED = frozenset({K.REOPENED, K.PRIORITY, K.SERVICE, K.CONFIRMED, K.CLOSED, K.CANCELLED})
_STEPS: dict[str, Callable[[Script, Fact], None]] = {
    K.OPENED: Script.opened,
    K.SENT: Script.sent,
    K.ACCEPTED: Script.accepted,
    K.RETURNED: Script.returned,
    K.WITHDRAWN: Script.withdrawn,
    K.ARBITRATED: Script.arbitrated,
    K.SUSPENDED: Script.suspend,
    K.RESUMED: Script.resume,
    K.PRIORITY: Script.changed,
    K.SERVICE: Script.changed,
    K.RESOLVED: Script.resolved,
    K.REOPENED: Script.reopened,
    K.CONFIRMED: Script.ended,
    K.CLOSED: Script.ended,
    K.CANCELLED: Script.ended,
}
