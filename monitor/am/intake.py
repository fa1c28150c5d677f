"""Alerts from other systems become episodes: joined, kept alive, or ended (A-01, A-06).

Many requests are taken in one transaction. What is most of a storm goes by many: the same again moves numbers in the book
(or in one statement), new problems are written in bulk. What is seldom (an end, a second label set of an open episode)
goes by the verbs of `alerts.service`, one by one. Both obey the same rules.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.scope import Viewer
from core.errors import Forbidden
from core.i18n import gettext as _
from monitor.alerts import bulk, keys, rules, service, telling
from monitor.alerts.book import UPDATE, Book, Entry, book_of, enter, notes_of, values
from monitor.alerts.models import Alert, Member
from monitor.alerts.telling import Told
from monitor.am.sender import Sender
from monitor.am.wire import Incoming
from monitor.quiet import shelf

ROUNDS = 3
"""How often a batch is looked at anew when other processes begin the same problems at the same moment."""


@dataclass(slots=True)
class Named:
    """An alert under the labels it is known by here, and whose it is."""

    alert: Incoming
    sender: Sender
    fingerprint: str
    problem_key: str
    is_lasting: bool = True


@dataclass(slots=True, eq=False)
class Part:
    """One request. `refused`: nothing of it was taken, and why. `entries`: by the alerts' place in it where each stands,
    None where the same bytes may mean another alert next time (as an item moves, or others' alerts end)."""

    incoming: Sequence[Incoming]
    viewer: Viewer
    refused: Forbidden | None = None
    entries: list[Entry | None] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)


def take(session: Session, incoming: Sequence[Incoming], viewer: Viewer, *, now: dt.datetime) -> None:
    """Take a batch whole, in the caller's transaction; the events are recorded with it.

    Raises Forbidden where even under the sender's own unit the labels are those of an alert it may not move.
    """
    part = Part(incoming, viewer)
    take_all(session, [part], now=now)
    if part.refused is not None:
        raise part.refused


def take_all(session: Session, parts: Sequence[Part], *, now: dt.datetime) -> None:
    """Take several requests in one transaction, as if one came after the other; a refused one leaves nothing."""
    senders: dict[int, Sender] = {}
    for part in parts:
        part.refused = None
        sender = senders.setdefault(id(part.viewer), Sender(session, part.viewer))
        sender.look_up(part.incoming)
        labelled = [sender.labelled(alert) for alert in part.incoming]
        sender.look_up(labelled)
        part.named = [_named(alert, sender) for alert in labelled]
        for named, given in zip(part.named, part.incoming, strict=True):
            named.is_lasting = sender.names_alike(given)
    waiting = list(parts)
    while waiting:
        waiting = _Wave(session, now).take(waiting)


def _named(alert: Incoming, sender: Sender) -> Named:
    return Named(
        alert,
        sender,
        keys.fingerprint(alert.labels),
        keys.problem_key_of_labels(alert.labels),
    )


class _Wave:
    """Requests that have no problem in common, so that in which order they are written does not matter."""

    def __init__(self, session: Session, now: dt.datetime) -> None:
        self._session, self._now = session, now
        self._book: Book | None = book_of(session.get_bind())
        self._known: dict[str, Entry] = {}
        self._problems: dict[str, bulk.Problem] = {}
        self._told = Told()
        self._again: list[Entry] = []

    def take(self, waiting: Sequence[Part]) -> list[Part]:
        """Take the first requests; returns those that have to wait for them."""
        parts, later = _first(waiting)
        self._look_up([n for part in parts for n in part.named])
        for part in parts:
            self._set_apart(part)
        ours = [part for part in parts if part.refused is None]
        for _round in range(ROUNDS):
            lost = self._write([part.named for part in ours])
            if not lost:
                break
            self._look_up(lost)
        else:
            raise sa.exc.OperationalError("alerts", None, Exception("too many at the same problem"))
        self._session.flush()
        self._told.record(self._session, now=self._now)
        for part in ours:
            part.entries = [self._known.get(n.fingerprint) if n.is_lasting else None for n in part.named]
        return later

    def _look_up(self, named: Collection[Named]) -> None:
        """What is open of these, from the book or the rows, and the newest episode of each problem that is not."""
        fingerprints = {n.fingerprint for n in named}
        found = self._in_book(fingerprints)
        if missing := sorted(fingerprints - found.keys()):
            rows = bulk.open_members(self._session, missing)
            if self._book is not None:
                enter(self._session, self._book, rows.values())
            found |= rows
        self._known |= found
        new = {n.problem_key for n in named if n.fingerprint not in found}
        if new:
            self._problems |= bulk.newest(self._session, sorted(new))

    def _in_book(self, fingerprints: Iterable[str]) -> dict[str, Entry]:
        """A transaction that writes has the book to itself, but for the numbers of what comes again."""
        if self._book is None:
            return {}
        self._session.connection()  # the right to write first: nobody else changes rows from here on
        known = ((f, self._book.get(f)) for f in fingerprints)
        return {f: entry for f, entry in known if entry is not None and entry.ready}

    def _set_apart(self, part: Part) -> None:
        """Under its sender's unit, what has the labels of an open alert that is not this sender's to move."""
        taken = {n.fingerprint for n in part.named if self._is_taken(n)}
        if not taken:
            return
        sender = part.named[0].sender
        apart = [sender.apart(n.alert) if n.fingerprint in taken else n.alert for n in part.named]
        sender.look_up(apart)
        part.named = [_named(alert, sender) for alert in apart]
        for n in part.named:
            n.is_lasting = False
        self._look_up(part.named)
        if any(self._is_taken(n) for n in part.named):
            part.refused = Forbidden(_("这组标签属于您无权处理的告警；请加上能区分来源的标签再提交。"))

    def _is_taken(self, named: Named) -> bool:
        entry, problem = (
            self._known.get(named.fingerprint),
            self._problems.get(named.problem_key),
        )
        if entry is not None:
            return not named.sender.may_move(entry.place)
        return problem is not None and problem.is_open and not named.sender.may_move(problem.place)

    def _write(self, batches: Sequence[Sequence[Named]]) -> list[Named]:
        """Write what is known by now; returns what others began in between."""
        new: list[Named] = []
        seldom: list[Named] = []
        for named in batches:
            self._sort({n.fingerprint: n for n in named}, new, seldom)
        lost = self._begin(new)
        self._move()
        if seldom:
            self._one_by_one(seldom)
        return lost

    def _sort(self, batch: Mapping[str, Named], new: list[Named], seldom: list[Named]) -> None:
        """Where each alert of a request goes; several of one problem keep their order (of equal ones the last counts)."""
        of_problem = Counter(n.problem_key for n in batch.values())
        for n in batch.values():
            entry, problem = (
                self._known.get(n.fingerprint),
                self._problems.get(n.problem_key),
            )
            over, alone = n.alert.is_over(self._now), of_problem[n.problem_key] == 1
            if entry is not None and entry.of_check:
                continue  # a check's own alert ends by evidence only
            if not alone or (entry is not None and over):
                seldom.append(n)
            elif entry is not None:
                self._same(entry, n.alert)
            elif not over:
                (seldom if problem is not None and problem.is_open else new).append(n)

    def _same(self, entry: Entry, alert: Incoming) -> None:
        self._reword(entry, alert)
        if self._book is None:
            entry.seen(self._now, alert.ends_at)
            self._again.append(entry)
            return
        with self._book.lock:
            entry.seen(self._now, alert.ends_at)
            if entry.ready and entry.open:
                self._book.touched(entry)
            else:
                self._again.append(entry)

    def _reword(self, entry: Entry, alert: Incoming) -> None:
        """What it says has changed, or since when; that is kept before the answer."""
        changed: dict[str, object] = {}
        notes = notes_of(alert.annotations)
        if alert.annotations and notes != entry.notes:
            entry.notes, entry.raw_notes, changed["annotations"] = (
                notes,
                0,
                alert.annotations,
            )
            if entry.shown:
                shown = sa.and_(Alert.id == entry.alert_id, Alert.fingerprint == entry.fingerprint)
                self._session.execute(_plain(sa.update(Alert).where(shown).values(summary=summary(alert))))
        if alert.starts_at < entry.starts_at:
            entry.starts_at = changed["starts_at"] = alert.starts_at
        if changed:
            self._session.execute(_plain(sa.update(Member).where(Member.id == entry.member_id).values(changed)))

    def _move(self) -> None:
        if self._again:
            self._session.connection().execute(UPDATE, [values(entry) for entry in self._again])
            self._again = []

    def _begin(self, new: Sequence[Named]) -> list[Named]:
        if not new:
            return []
        before = {n.fingerprint: self._problems.get(n.problem_key) for n in new}
        slow = self._known_resends([n for n in new if n.alert.ends_at is None and before[n.fingerprint] is not None])
        firings = [(_firing(n, slow.get(n.fingerprint, 0), self._now), before[n.fingerprint]) for n in new]
        begun, entries, lost = bulk.begin(self._session, firings, now=self._now)
        for one in self._tellable(begun):
            self._told.add(one, telling.begun(one))
        if self._book is not None:
            enter(self._session, self._book, entries)
        self._known |= {entry.fingerprint: entry for entry in entries}
        gone = {firing.fingerprint for firing in lost}
        return [n for n in new if n.fingerprint in gone]

    def _tellable(self, begun: Sequence[bulk.Begun]) -> Iterable[telling.Telling]:
        """Where silences or rules may keep something quiet, that is decided by the whole rows (quiet.seam)."""
        if shelf.book(self._session).is_empty:
            return begun
        rows = sa.select(Alert).where(Alert.id.in_([one.id for one in begun])).options(selectinload(Alert.members))
        return self._session.scalars(rows.order_by(Alert.id)).all()

    def _known_resends(self, named: Sequence[Named]) -> dict[str, int]:
        """How slowly these sources resend: what timed out and comes again was only slow (A-06)."""
        last = bulk.last_members(self._session, [n.fingerprint for n in named]) if named else {}
        return {f: _resend(*row, now=self._now) for f, row in last.items()}

    def _one_by_one(self, seldom: Sequence[Named]) -> None:
        """Ends, and label sets that join or share a problem, by the verbs; they take what they touch out of the book."""
        members = _open_members(self._session, [n.fingerprint for n in seldom])
        known = service.newest(self._session, sorted({n.problem_key for n in seldom}))
        for n in seldom:
            member = members.get(n.fingerprint)
            if member is not None:
                _again(member, n.alert, self._told, self._now)
            elif not n.alert.is_over(self._now):
                slow = self._known_resends([n]) if n.alert.ends_at is None else {}
                firing = _firing(n, slow.get(n.fingerprint, 0), self._now)
                known[n.problem_key] = service.fire(self._session, firing, told=self._told, now=self._now, known=known)
        self._session.flush()
        for n in seldom:
            self._known.pop(n.fingerprint, None)


def _plain(statement: sa.Update) -> sa.Update:
    return statement.execution_options(synchronize_session=False)


def _first(waiting: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """The requests that have no problem in common with one before them, and the others."""
    first: list[Part] = []
    later: list[Part] = []
    seen: set[str] = set()
    for part in waiting:
        problems = {n.problem_key for n in part.named}
        (first if seen.isdisjoint(problems) else later).append(part)
        seen |= problems
    return first, later


def _open_members(session: Session, fingerprints: list[str]) -> dict[str, Member]:
    rows = session.scalars(
        sa.select(Member)
        .where(Member.fingerprint.in_(fingerprints), Member.resolved_at.is_(None))
        .options(selectinload(Member.alert).selectinload(Alert.members))
        .order_by(Member.id)
        .with_for_update()
    )
    return {member.fingerprint: member for member in rows}


def _again(member: Member, alert: Incoming, told: Told, now: dt.datetime) -> None:
    """The same again, or its end; of an alert that a batch names more than once."""
    if member.alert.check_id is not None:
        return
    pause = int((now - member.last_seen_at).total_seconds())
    member.last_seen_at, member.updated_at, member.count = now, now, member.count + 1
    member.resend_s = max(member.resend_s, pause)
    member.starts_at = min(member.starts_at, alert.starts_at)
    if alert.annotations and member.annotations != alert.annotations:
        member.annotations = alert.annotations
        if member.fingerprint == member.alert.fingerprint:
            member.alert.summary = summary(alert)
    if alert.ends_at is not None and alert.is_over(now):
        service.end_member(member.alert, member, at=alert.ends_at, why="ended", told=told)
        return
    member.expires_at = rules.expires_at(alert.ends_at, seen_at=now, resend=dt.timedelta(seconds=member.resend_s))


def _firing(named: Named, resend_s: int, now: dt.datetime) -> service.Firing:
    alert = named.alert
    return service.Firing(
        problem_key=named.problem_key,
        labels=alert.labels,
        annotations=alert.annotations,
        severity=rules.severity_of_labels(alert.labels),
        summary=summary(alert),
        source="api",
        starts_at=alert.starts_at,
        where=named.sender.where(alert),
        expires_at=rules.expires_at(alert.ends_at, seen_at=now, resend=dt.timedelta(seconds=resend_s)),
        resend_s=resend_s,
        generator_url=alert.generator_url,
        fingerprint=named.fingerprint,
    )


def _resend(resend_s: int, timed_out: bool, last_seen_at: dt.datetime, *, now: dt.datetime) -> int:
    pause = int((now - last_seen_at).total_seconds()) if timed_out else 0
    return max(resend_s, pause if pause <= rules.SLOWEST_RESEND.total_seconds() else 0)


def summary(alert: Incoming) -> str:
    """The one line a person reads first."""
    for name in ("summary", "title", "message", "description"):
        if text := alert.annotations.get(name, "").strip():
            return text.splitlines()[0][:300]
    name = alert.labels.get("alertname", "")
    instance = alert.labels.get("instance") or alert.labels.get("item") or ""
    return (f"{instance}：{name}" if name and instance else name or ", ".join(sorted(alert.labels.values())))[:300]
