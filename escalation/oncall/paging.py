"""A chain's steps: who is paged, in what words, and when the next step is due. What is told is written together at the end."""

from __future__ import annotations

import datetime as dt
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Person
from accounts.signin import rules as tokens
from core.i18n import gettext as _
from escalation.notify import links
from escalation.notify.service import Message, Told, cancel_for, tell_many
from escalation.oncall import roster, rules
from escalation.oncall.models import AckLink, Chain, ChainState, PagingEntry, Schedule
from escalation.oncall.rules import Position
from servicedesk.tickets.models import Ticket

LINK_LASTS = dt.timedelta(hours=12)


class Paging:
    """Advances chains at one instant; what several of them ask of a roster or a team is asked once.

    Use: `with Paging(session, now) as paging: paging.advance(chain)`; the pages are written when it ends.
    """

    def __init__(self, session: Session, now: dt.datetime) -> None:
        self._session, self._now = session, now
        self._found: dict[tuple[str, int | None], list[Person]] = {}
        self._told: list[Told] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is None:
            tell_many(self._session, self._told, now=self._now)

    def advance(self, chain: Chain) -> None:
        """Page every step that is due; a step that resolves to nobody is logged and skipped at once (E-08).

        After the last step `chain.step` stands behind it while its delay passes; only then is the chain at its end.
        """
        session, now = self._session, self._now
        while chain.state is ChainState.RUNNING and chain.next_at is not None and chain.next_at <= now:
            if chain.step >= len(chain.steps):
                end(session, chain, ChainState.EXHAUSTED, now=now, by_id=None)
                return
            step = chain.steps[chain.step]
            people = self._people(step["targets"], chain)
            if people:
                self._page(chain, people)
                chain.next_at = now + dt.timedelta(minutes=float(step["delay_minutes"]))
            else:
                log(session, chain, "skipped", now, step=chain.step, text=_("这一步没有可呼叫的人"))
            following = rules.after(Position(chain.step, chain.loop), len(chain.steps), chain.loops)
            if following is None:
                chain.step = len(chain.steps)
            else:
                chain.step, chain.loop = following.step, following.loop

    def _people(self, targets: list[dict[str, Any]], chain: Chain) -> list[Person]:
        found: dict[int, Person] = {}
        for target in targets:
            found |= {person.id: person for person in self._resolve(target, chain) if person.active}
        return list(found.values())

    def _resolve(self, target: dict[str, Any], chain: Chain) -> list[Person]:
        kind, target_id = target["kind"], target.get("id")
        if kind == "head":  # of the team that holds the ticket now
            team = self._session.get_one(Ticket, chain.ticket_id).team
            kind, target_id = "head", team.id
        if (kind, target_id) not in self._found:
            self._found[kind, target_id] = self._looked_up(kind, target_id, chain)
        return self._found[kind, target_id]

    def _looked_up(self, kind: str, target_id: int | None, chain: Chain) -> list[Person]:
        session, now = self._session, self._now
        if kind == "schedule":
            schedule = session.get(Schedule, target_id)
            person = roster.person_on_call(session, schedule, now) if schedule is not None and schedule.active else None
        elif kind == "person":
            person = session.get(Person, target_id)
        elif kind == "team":
            return list(accounts.members(session, int(target_id or 0)))
        else:
            team = session.get_one(Ticket, chain.ticket_id).team
            person = team.head or accounts.head_of_unit(session, team.unit_id, now=now)
        return [person] if person else []

    def _page(self, chain: Chain, people: list[Person]) -> None:
        ticket = self._session.get_one(Ticket, chain.ticket_id)
        log(self._session, chain, "paged", self._now, step=chain.step, people=[p.id for p in people])
        for person in people:
            nonce = tokens.new_token()
            link = AckLink(
                token_hash=tokens.token_hash(nonce),
                chain_id=chain.id,
                person_id=person.id,
                expires_at=self._now + LINK_LASTS,
            )
            self._session.add(link)
            self._told.append(Told(_message(ticket, chain, nonce), [person.id]))
        chain.rounds += 1


def _message(ticket: Ticket, chain: Chain, nonce: str) -> Message:
    return Message(
        topic="page",
        group_url=f"/desk/tickets/{ticket.number}",  # a link that acts for one person is not for a group
        key=f"page:{chain.id}:{chain.rounds}",
        ref=ticket.number,
        url=f"{links.PREFIX}{nonce}",
        words=lambda: (
            _("【呼叫】%(title)s", title=ticket.title),
            _(
                "%(number)s，优先级 %(p)d。打开链接查看并确认；无人确认将继续呼叫下一位。",
                number=ticket.number,
                p=ticket.priority,
            ),
        ),
    )


def end(session: Session, chain: Chain, state: ChainState, *, now: dt.datetime, by_id: int | None) -> None:
    chain.state, chain.ended_at, chain.ended_by_id, chain.next_at = state, now, by_id, None
    if (
        state is not ChainState.EXHAUSTED
    ):  # nobody has answered: a page that still waits to be sent is needed more than ever
        cancel_for(session, key_prefix=f"page:{chain.id}:", now=now)
    log(session, chain, str(state), now, people=[by_id] if by_id else [])


def log(
    session: Session,
    chain: Chain,
    what: str,
    now: dt.datetime,
    *,
    step: int | None = None,
    people: list[int] | None = None,
    text: str = "",
) -> None:
    session.add(PagingEntry(chain_id=chain.id, at=now, what=what, step=step, people=people or [], text=text[:200]))
