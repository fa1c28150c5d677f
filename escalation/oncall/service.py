"""Running chains: start, advance, acknowledge, stop, escalate now (E-07, E-08). Nothing is sent here; pages are deliveries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts import queries as accounts
from accounts.models import Person, UnitClosure
from accounts.signin import rules as tokens
from core.errors import Conflict, Forbidden, NotFound
from core.i18n import gettext as _
from escalation.notify import links
from escalation.notify.service import Message, cancel_for, tell
from escalation.oncall import rules
from escalation.oncall.models import AckLink, Chain, ChainState, Override, PagingEntry, Policy, Schedule
from escalation.oncall.rules import Position
from servicedesk.tickets.models import Ticket

LINK_LASTS = dt.timedelta(hours=12)


def rotation_of(schedule: Schedule) -> rules.Rotation:
    """The schedule's rotation as the rules want it."""
    hour, minute = map(int, schedule.handover.split(":"))
    return rules.Rotation(tuple(schedule.people), schedule.shift_days, schedule.starts_on, dt.time(hour, minute))


def stand_ins_of(session: Session, schedule_id: int) -> list[rules.StandIn]:
    """The overrides in force of a schedule."""
    rows = session.scalars(
        sa.select(Override).where(Override.schedule_id == schedule_id, Override.cancelled_at.is_(None))
    )
    return [rules.StandIn(o.person_id, o.from_at, o.until_at, o.id) for o in rows]


def on_call_now(session: Session, schedules: Sequence[Schedule], at: dt.datetime) -> dict[int, Person]:
    """Schedule id → who is on duty, without the gaps; two statements for however many schedules."""
    rows = session.scalars(
        sa.select(Override).where(
            Override.schedule_id.in_([s.id for s in schedules]),
            Override.cancelled_at.is_(None),
            Override.from_at <= at,
            Override.until_at > at,
        )
    )
    stand_ins: dict[int, list[rules.StandIn]] = {}
    for row in rows:
        stand_ins.setdefault(row.schedule_id, []).append(
            rules.StandIn(row.person_id, row.from_at, row.until_at, row.id)
        )
    turns = {s.id: rules.on_call(rotation_of(s), stand_ins.get(s.id, []), at)[0] for s in schedules}
    wanted = sa.select(Person).where(Person.id.in_([p for p in turns.values() if p]), Person.active)
    people = {p.id: p for p in session.scalars(wanted)}
    return {schedule: people[person] for schedule, person in turns.items() if person in people}


def person_on_call(session: Session, schedule: Schedule, at: dt.datetime) -> Person | None:
    """Who is on duty; None for a gap, also when the one named is disabled."""
    person_id, _by_override = rules.on_call(rotation_of(schedule), stand_ins_of(session, schedule.id), at)
    person = session.get(Person, person_id) if person_id is not None else None
    return person if person is not None and person.active else None


def policy_for(session: Session, team_id: int, unit_id: int) -> Policy | None:
    """The team's own policy, else the default of the nearest unit above."""
    own = session.scalar(sa.select(Policy).where(Policy.team_id == team_id, Policy.active).order_by(Policy.id).limit(1))
    if own is not None:
        return own
    return session.scalar(
        sa.select(Policy)
        .join(UnitClosure, UnitClosure.ancestor_id == Policy.unit_id)
        .where(UnitClosure.descendant_id == unit_id, Policy.team_id.is_(None), Policy.active)
        .order_by(UnitClosure.depth, Policy.id)
        .limit(1)
    )


def start(session: Session, ticket: Ticket, *, now: dt.datetime) -> Chain | None:
    """Begin paging for a ticket, if a policy wants it; returns the running chain. Running twice starts one chain."""
    policy = policy_for(session, ticket.team_id, ticket.team.unit_id)
    if policy is None or ticket.priority > policy.max_priority or not policy.steps:
        return None
    chain = session.scalar(sa.select(Chain).where(Chain.ticket_id == ticket.id, Chain.episode == ticket.reopened))
    if chain is not None:
        return chain
    chain = Chain(
        ticket_id=ticket.id,
        number=ticket.number,
        episode=ticket.reopened,
        policy_id=policy.id,
        steps=policy.steps,
        loops=policy.loops,
        step=0,
        loop=0,
        rounds=0,
        next_at=now,
        state=ChainState.RUNNING,
        started_at=now,
    )
    session.add(chain)
    session.flush()
    _log(session, chain, "started", now, text=policy.name)
    advance(session, chain, now=now)
    return chain


def advance(session: Session, chain: Chain, *, now: dt.datetime) -> None:
    """Page every step that is due; a step that resolves to nobody is logged and skipped at once (E-08).

    After the last step `chain.step` stands behind it while its delay passes; only then is the chain at its end.
    """
    while chain.state is ChainState.RUNNING and chain.next_at is not None and chain.next_at <= now:
        if chain.step >= len(chain.steps):
            _end(session, chain, ChainState.EXHAUSTED, now=now, by_id=None)
            return
        step = chain.steps[chain.step]
        people = _people_of(session, step["targets"], chain, now)
        if people:
            _page(session, chain, people, now)
            chain.next_at = now + dt.timedelta(minutes=float(step["delay_minutes"]))
        else:
            _log(session, chain, "skipped", now, step=chain.step, text=_("这一步没有可呼叫的人"))
        following = rules.after(Position(chain.step, chain.loop), len(chain.steps), chain.loops)
        if following is None:
            chain.step = len(chain.steps)
        else:
            chain.step, chain.loop = following.step, following.loop


def _people_of(session: Session, targets: list[dict[str, Any]], chain: Chain, now: dt.datetime) -> list[Person]:
    found: dict[int, Person] = {}
    for target in targets:
        for person in _resolve(session, target, chain, now):
            if person.active:
                found[person.id] = person
    return list(found.values())


def _resolve(session: Session, target: dict[str, Any], chain: Chain, now: dt.datetime) -> list[Person]:
    kind, target_id = target["kind"], target.get("id")
    if kind == "schedule":
        schedule = session.get(Schedule, target_id)
        person = person_on_call(session, schedule, now) if schedule is not None and schedule.active else None
        return [person] if person else []
    if kind == "person":
        person = session.get(Person, target_id)
        return [person] if person else []
    if kind == "team":
        return list(accounts.members(session, int(target_id or 0)))
    ticket = session.get_one(Ticket, chain.ticket_id)  # head: of the team that holds the ticket now
    head = ticket.team.head or accounts.head_of_unit(session, ticket.team.unit_id, now=now)
    return [head] if head else []


def _page(session: Session, chain: Chain, people: list[Person], now: dt.datetime) -> None:
    ticket = session.get_one(Ticket, chain.ticket_id)
    _log(session, chain, "paged", now, step=chain.step, people=[p.id for p in people])
    for person in people:
        nonce = tokens.new_token()
        session.add(
            AckLink(
                token_hash=tokens.token_hash(nonce), chain_id=chain.id, person_id=person.id, expires_at=now + LINK_LASTS
            )
        )
        tell(
            session,
            Message(
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
            ),
            [person.id],
            now=now,
        )
    chain.rounds += 1


def _end(session: Session, chain: Chain, state: ChainState, *, now: dt.datetime, by_id: int | None) -> None:
    chain.state, chain.ended_at, chain.ended_by_id, chain.next_at = state, now, by_id, None
    if (
        state is not ChainState.EXHAUSTED
    ):  # nobody has answered: a page that still waits to be sent is needed more than ever
        cancel_for(session, key_prefix=f"page:{chain.id}:", now=now)
    _log(session, chain, str(state), now, people=[by_id] if by_id else [])


def _log(
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


def running(session: Session, ticket_id: int, *, lock: bool = True) -> Chain | None:
    """The chain that runs for a ticket."""
    statement = sa.select(Chain).where(Chain.ticket_id == ticket_id, Chain.state == ChainState.RUNNING)
    return session.scalar(statement.with_for_update() if lock else statement)


def acknowledged(session: Session, ticket_id: int, *, by_id: int, now: dt.datetime) -> None:
    """Somebody has seen the incident: the paging stops, and nothing of a chain that ran out is sent any more."""
    if (chain := running(session, ticket_id)) is not None:
        _end(session, chain, ChainState.ACKNOWLEDGED, now=now, by_id=by_id)
    else:
        _take_back(session, ticket_id, now=now)


def stop(session: Session, ticket_id: int, *, now: dt.datetime) -> None:
    """The incident is over: the paging stops."""
    if (chain := running(session, ticket_id)) is not None:
        _end(session, chain, ChainState.STOPPED, now=now, by_id=None)
    else:
        _take_back(session, ticket_id, now=now)


def _take_back(session: Session, ticket_id: int, *, now: dt.datetime) -> None:
    ran_out = sa.select(Chain.id).where(Chain.ticket_id == ticket_id, Chain.state == ChainState.EXHAUSTED)
    for chain_id in session.scalars(ran_out):
        cancel_for(session, key_prefix=f"page:{chain_id}:", now=now)


def escalate_now(session: Session, ticket: Ticket, *, by_id: int, now: dt.datetime) -> Chain:
    """Page the next step at once, even after an acknowledgement. Raises Conflict where no policy pages this ticket."""
    chain = session.scalar(
        sa.select(Chain).where(Chain.ticket_id == ticket.id).order_by(Chain.id.desc()).limit(1).with_for_update()
    )
    if chain is None:
        chain = start(session, ticket, now=now)
        if chain is None:
            raise Conflict(_("没有适用于这个事项的呼叫策略。"))
        return chain
    if chain.step >= len(chain.steps):
        chain.step, chain.loop = 0, 0
    chain.state, chain.ended_at, chain.next_at = ChainState.RUNNING, None, now
    _log(session, chain, "escalated", now, people=[by_id])
    advance(session, chain, now=now)
    return chain


def link(
    session: Session, secret: str, token: str, *, now: dt.datetime, lock: bool = False
) -> tuple[AckLink, Chain, Person]:
    """The link behind a token, its chain and its person.

    Raises NotFound when there is none, it has expired or was used; Forbidden when the person has been disabled since.
    """
    nonce = links.nonce_of(secret, token)
    statement = sa.select(AckLink).where(AckLink.token_hash == tokens.token_hash(nonce or ""))
    row = session.scalar(statement.with_for_update() if lock else statement)
    if nonce is None or row is None or row.expires_at <= now or row.used_at is not None:
        raise NotFound(_("这个链接已使用、已过期或不存在。请登录后查看。"))
    person = session.get_one(Person, row.person_id)
    if not person.active:
        raise Forbidden(_("%(name)s 的账号已停用，不能再确认呼叫；呼叫会继续，请通知现在的值班人。", name=person.name))
    return row, session.get_one(Chain, row.chain_id), person


def tick(session: Session, now: dt.datetime) -> int:
    """Advance every chain whose step is due; returns how many. Overdue ones are found here whatever stopped them (E-08)."""
    due = session.scalars(
        sa.select(Chain)
        .where(Chain.state == ChainState.RUNNING, Chain.next_at <= now)
        .order_by(Chain.next_at)
        .limit(200)
        .with_for_update(skip_locked=True)
    ).all()
    for chain in due:
        advance(session, chain, now=now)
    return len(due)
