"""The book of all silences and rules, kept in memory until somebody changes one."""

from __future__ import annotations

import weakref

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from core import clock
from monitor.quiet import rules
from monitor.quiet.matching import Book, Inhibition, Silenced
from monitor.quiet.models import InhibitionRule, QuietVersion, Silence

_CHANGED = "quiet_changed"
_books: weakref.WeakKeyDictionary[sa.Engine, tuple[int, Book]] = weakref.WeakKeyDictionary()


def book(session: Session) -> Book:
    """Silences that are not over, and rules in use; one small query while nothing was changed."""
    if session.info.get(_CHANGED):
        return _load(session)  # not kept: this transaction may yet be rolled back
    number = session.scalar(sa.select(QuietVersion.number)) or 0
    engine = session.get_bind().engine
    kept = _books.get(engine)
    if kept is not None and kept[0] == number:
        return kept[1]
    made = _load(session)
    _books[engine] = (number, made)
    return made


def changed(session: Session) -> None:
    """A silence or a rule is another one when this transaction commits."""
    session.flush()
    session.info[_CHANGED] = True
    raised = session.execute(sa.update(QuietVersion).values(number=QuietVersion.number + 1))
    if not getattr(raised, "rowcount", 0):
        session.add(QuietVersion(number=1))
        session.flush()


def _load(session: Session) -> Book:
    silences = session.scalars(
        sa.select(Silence)
        .where(Silence.ends_at > clock.now())
        .options(selectinload(Silence.places))
        .order_by(Silence.id)
    )
    found = session.scalars(
        sa.select(InhibitionRule)
        .where(InhibitionRule.active, InhibitionRule.retired_at.is_(None))
        .order_by(InhibitionRule.id)
    )
    return Book([silenced(s) for s in silences], [inhibition(r) for r in found])


def silenced(silence: Silence) -> Silenced:
    """A silence as matching needs it."""
    places = frozenset((p.kind.value, p.place_id) for p in silence.places)
    return Silenced(silence.uid, rules.read(silence.matchers), places, silence.starts_at, silence.ends_at)


def inhibition(rule: InhibitionRule) -> Inhibition:
    """A rule as matching needs it."""
    source, target = rules.read(rule.source), rules.read(rule.target)
    return Inhibition(rule.id, source, target, tuple(sorted(rule.equal)), rule.across_units)
