"""Which checks have an alert open, and its label set in the book of alerts, whose numbers results that come again move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from monitor.alerts import keys
from monitor.alerts.book import Book, Entry, book_of, enter, notes_of
from monitor.alerts.models import Alert
from monitor.results.stand import Stand, listed
from monitor.rules import severity_of


def look_up(session: Session, stands: Iterable[Stand]) -> None:
    """Find out of which of these an alert is open, where it is not known."""
    unknown = {keys.problem_key_of_check(s.check_id): s for s in stands if s.alert_open is None}
    if not unknown:
        return
    open_ones = sa.select(Alert.problem_key).where(
        Alert.problem_key.in_(listed(session, unknown)), Alert.resolved_at.is_(None)
    )
    firing = set(session.scalars(open_ones))
    for key, stand in unknown.items():
        stand.alert_open = key in firing


def settle(session: Session, stands: Iterable[Stand], known: Mapping[str, Alert]) -> None:
    """What a batch leaves: whether each check's alert is open, and of those that are, what may be moved without it.

    `known`: the newest episodes that the batch loaded; those of other checks are as they were.
    """
    book = book_of(session.get_bind())
    coming: list[Entry] = []
    for stand in stands:
        alert = known.get(keys.problem_key_of_check(stand.check_id))
        if alert is None or book is None:
            continue
        stand.alert_open, stand.firing = alert.resolved_at is None, None
        if stand.alert_open and stand.state is not None and severity_of(stand.state) is alert.severity:
            stand.firing = _entry(book, alert, coming)
    if book is not None and coming:
        enter(session, book, coming)


def _entry(book: Book, alert: Alert, coming: list[Entry]) -> Entry | None:
    firing = [m for m in alert.members if m.resolved_at is None]
    if len(firing) != 1 or firing[0].expires_at is not None:
        return None
    [member] = firing
    found = book.get(member.fingerprint)
    if found is None or found.member_id != member.id or found.words is None:
        place = (alert.unit_id, alert.item_id, alert.service_id, alert.team_id)
        found = Entry(
            member.id, alert.id, member.fingerprint, place=place, of_check=True, notes=notes_of(member.annotations),
            shown=True, starts_at=member.starts_at, last_seen_at=member.last_seen_at, count=member.count,
            expires_at=None, resend_s=member.resend_s,
        )  # fmt: skip
        found.words = dict(member.annotations)
        coming.append(found)
    return found
