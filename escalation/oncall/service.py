"""Running chains: start, advance, acknowledge, stop, escalate now (E-07, E-08). Nothing is sent here; pages are deliveries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Person, UnitClosure
from accounts.signin import rules as tokens
from core.errors import Conflict, Forbidden, NotFound
from core.i18n import gettext as _
from escalation.notify import links
from escalation.notify.service import cancel_for
from escalation.oncall.models import AckLink, Chain, ChainState, Policy
from escalation.oncall.paging import Paging, end, log
from servicedesk.tickets.models import Ticket


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
    return start_many(session, [ticket], now=now).get(ticket.id)


def start_many(session: Session, tickets: Sequence[Ticket], *, now: dt.datetime) -> dict[int, Chain]:
    """The same for several at once: ticket id → its chain, of those that a policy pages for."""
    policies = {team: policy_for(session, *team) for team in {(t.team_id, t.team.unit_id) for t in tickets}}
    wanted: dict[int, tuple[Ticket, Policy]] = {}
    for ticket in tickets:
        policy = policies[ticket.team_id, ticket.team.unit_id]
        if policy is not None and ticket.priority <= policy.max_priority and policy.steps:
            wanted[ticket.id] = ticket, policy
    if not wanted:
        return {}
    known = session.scalars(sa.select(Chain).where(Chain.ticket_id.in_(wanted)))
    chains = {c.ticket_id: c for c in known if c.episode == wanted[c.ticket_id][0].reopened}
    begun = [(_begun(ticket, policy, now), policy) for ticket, policy in wanted.values() if ticket.id not in chains]
    session.add_all([chain for chain, _policy in begun])
    session.flush()
    with Paging(session, now) as paging:
        for chain, policy in begun:
            log(session, chain, "started", now, text=policy.name)
            paging.advance(chain)
    return chains | {chain.ticket_id: chain for chain, _policy in begun}


def _begun(ticket: Ticket, policy: Policy, now: dt.datetime) -> Chain:
    return Chain(
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


def running(session: Session, ticket_id: int, *, lock: bool = True) -> Chain | None:
    """The chain that runs for a ticket."""
    statement = sa.select(Chain).where(Chain.ticket_id == ticket_id, Chain.state == ChainState.RUNNING)
    return session.scalar(statement.with_for_update() if lock else statement)


def acknowledged(session: Session, ticket_id: int, *, by_id: int, now: dt.datetime) -> None:
    """Somebody has seen the incident: the paging stops, and nothing of a chain that ran out is sent any more."""
    if (chain := running(session, ticket_id)) is not None:
        end(session, chain, ChainState.ACKNOWLEDGED, now=now, by_id=by_id)
    else:
        _take_back(session, ticket_id, now=now)


def stop(session: Session, ticket_id: int, *, now: dt.datetime) -> None:
    """The incident is over: the paging stops."""
    if (chain := running(session, ticket_id)) is not None:
        end(session, chain, ChainState.STOPPED, now=now, by_id=None)
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
    log(session, chain, "escalated", now, people=[by_id])
    with Paging(session, now) as paging:
        paging.advance(chain)
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
    with Paging(session, now) as paging:
        for chain in due:
            paging.advance(chain)
    return len(due)
