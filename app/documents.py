"""Tickets, items and alerts as documents of the search. kb indexes what it does not know: these sources tell it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from accounts.scope import PrincipalKind, Viewer
from app import timelines
from cmdb.models import Item, ItemService, Service
from cmdb.queries import items as item_queries
from kb.search.access import Admitted, Ancestry
from kb.search.documents import Document, FileText
from kb.search.fallback import holding, newest
from kb.search.forms import LONGEST_FILES
from monitor.alerts import queries as alert_queries
from monitor.alerts.models import Alert
from servicedesk.attachments.reading import texts
from servicedesk.finding import place_of, written_forms
from servicedesk.tickets import access as ticket_access
from servicedesk.tickets.models import Ticket, TicketPrincipal

BATCH = 500


class TicketSource:
    """Title, description, solution, public lines and files; internal ones stay out, and so do vendors, who see episodes only."""

    kind = "ticket"

    def iterate(self, session: Session) -> Iterator[Document]:
        """All tickets, in batches; what lies above each unit is asked once for all of them."""
        last, ancestry = 0, Ancestry(session)
        while rows := self._load(session, Ticket.id > last, BATCH):
            yield from self._documents(session, rows, ancestry)
            last = rows[-1].id

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """Those of these numbers."""
        return self._documents(session, self._load(session, Ticket.number.in_(keys), len(keys)), Ancestry(session))

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """By the ticket's own predicate."""
        if viewer.vendor_unit_id is not None:
            return set()
        wanted = sa.select(Ticket.number).where(Ticket.number.in_(sorted(keys)), ticket_access.visible(viewer))
        return set(session.scalars(wanted))

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """By number, or by the words of title and error code."""
        if viewer.vendor_unit_id is not None:
            return ()
        among = sa.and_(newest(session, Ticket.id), holding(words, (Ticket.title, Ticket.error_code)))
        wanted = sa.select(Ticket).where(sa.or_(Ticket.number == key.upper(), among), ticket_access.visible(viewer))
        found = list(session.scalars(wanted.order_by(Ticket.id.desc()).limit(limit)))
        return self._documents(session, found, Ancestry(session))

    def _load(self, session: Session, condition: sa.ColumnElement[bool], limit: int) -> list[Ticket]:
        return list(session.scalars(sa.select(Ticket).where(condition).order_by(Ticket.id).limit(limit)))

    def _documents(self, session: Session, tickets: list[Ticket], ancestry: Ancestry) -> Iterator[Document]:
        rows: dict[int, list[Admitted]] = {t.id: [] for t in tickets}
        admitted = sa.select(
            TicketPrincipal.ticket_id, TicketPrincipal.kind, TicketPrincipal.principal_id, TicketPrincipal.until_at
        ).where(TicketPrincipal.ticket_id.in_(list(rows)), TicketPrincipal.kind != PrincipalKind.VENDOR)
        for ticket_id, kind, principal_id, until_at in session.execute(admitted):
            rows[ticket_id].append(Admitted(kind, principal_id, until_at))
        told = timelines.of_tickets(session, list(rows))
        files = texts.of_tickets(session, list(rows))
        for ticket in tickets:
            parts = (ticket.description, ticket.cause or "", ticket.solution or "", told.get(ticket.id, ""))
            yield Document(
                kind="ticket",
                key=ticket.number,
                title=f"{ticket.number} {ticket.title}",
                body="\n".join(p for p in parts if p),
                url=f"/desk/tickets/{ticket.number}",
                principals=ancestry.of_rows(ticket_access.READ, rows[ticket.id])
                | ({f"{ticket_access.READ}@service:{ticket.service_id}"} if ticket.service_id else frozenset()),
                updated_at=ticket.updated_at,
                tags=(ticket.category, *written_forms(ticket.number)),
                error_codes=(ticket.error_code,) if ticket.error_code else (),
                files=_joined(session, files.get(ticket.id, ())),
                state=str(ticket.state),
                place=place_of(ticket.opened_at, ticket.id),
            )


def _joined(session: Session, files: Sequence[texts.Said]) -> str:
    """What a ticket's files say, within what is indexed; read one ticket after the other, since that may be much."""
    told = texts.beginnings(session, files, LONGEST_FILES - len(files))  # and a line break each
    return "\n".join(told[file.sha256] for file in files if file.sha256 in told)


def files_of_tickets(session: Session, numbers: Sequence[str], most: int) -> dict[str, list[FileText]]:
    """Ticket number → the beginnings of its public attachments, as whoever may read the ticket may read them."""
    numbered = dict(session.execute(sa.select(Ticket.id, Ticket.number).where(Ticket.number.in_(numbers))).all())
    files = texts.of_tickets(session, list(numbered))
    told = texts.beginnings(session, [file for some in files.values() for file in some], most)
    return {
        numbered[ticket_id]: [FileText(file.name, told[file.sha256]) for file in some if file.sha256 in told]
        for ticket_id, some in files.items()
    }


class ItemSource:
    """Name, address and attributes."""

    kind = "item"

    def iterate(self, session: Session) -> Iterator[Document]:
        """All items that are not retired, in batches."""
        last = 0
        while rows := self._load(session, Item.id > last, BATCH):
            yield from self._documents(session, rows)
            last = rows[-1].id

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """Those of these ids."""
        ids = [int(k) for k in keys if k.isdigit()]
        return self._documents(session, self._load(session, Item.id.in_(ids), len(ids)))

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """By the item's own predicate."""
        ids = [int(k) for k in keys if k.isdigit()]
        return {
            str(i) for i in session.scalars(sa.select(Item.id).where(Item.id.in_(ids), item_queries.visible(viewer)))
        }

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """By name or address."""
        among = sa.and_(newest(session, Item.id), holding(words, (Item.name, Item.address)))
        named = sa.or_(Item.name == key, Item.address == key, among)
        wanted = sa.select(Item.id).where(named, Item.retired_at.is_(None), item_queries.visible(viewer))
        ids = list(session.scalars(wanted.order_by(Item.id.desc()).limit(limit)))
        return self._documents(session, self._load(session, Item.id.in_(ids), len(ids)))

    def _load(self, session: Session, condition: sa.ColumnElement[bool], limit: int) -> list[Item]:
        statement = sa.select(Item).options(selectinload(Item.service), selectinload(Item.type))
        return list(
            session.scalars(statement.where(condition, Item.retired_at.is_(None)).order_by(Item.id).limit(limit))
        )

    def _documents(self, session: Session, items: list[Item]) -> Iterator[Document]:
        ancestry = Ancestry(session)
        teams = self._teams(session, [i.id for i in items])
        for item in items:
            attributes = " ".join(str(v) for v in item.attributes.values() if isinstance(v, str | int | float))
            yield Document(
                kind="item",
                key=str(item.id),
                title=item.name,
                body=f"{item.type.label} {item.address or ''} {attributes}".strip(),
                url=f"/cmdb/items/{item.id}",
                principals=ancestry.granted("item.read", units=[item.unit_id], teams=teams.get(item.id, ())),
                updated_at=item.updated_at,
                state=str(item.health),
            )

    def _teams(self, session: Session, ids: list[int]) -> dict[int, list[int]]:
        """Item → teams of the services that need it, and its own where it is a service."""
        found: dict[int, list[int]] = {}
        needed = (
            sa.select(ItemService.item_id, Service.team_id)
            .join(Service, Service.item_id == ItemService.service_id)
            .where(ItemService.item_id.in_(ids), Service.team_id.is_not(None))
        )
        own = sa.select(Service.item_id, Service.team_id).where(Service.item_id.in_(ids), Service.team_id.is_not(None))
        for item_id, team_id in [*session.execute(needed), *session.execute(own)]:
            found.setdefault(item_id, []).append(int(team_id or 0))
        return found


class AlertSource:
    """Open alerts only: what is over is found through its ticket."""

    kind = "alert"

    def iterate(self, session: Session) -> Iterator[Document]:
        """All open alerts."""
        rows = session.scalars(sa.select(Alert).where(Alert.resolved_at.is_(None)).order_by(Alert.id))
        yield from self._documents(session, rows)

    def fetch(self, session: Session, keys: Sequence[str]) -> Iterable[Document]:
        """Those of these fingerprints that are open."""
        wanted = sa.select(Alert).where(Alert.fingerprint.in_(keys), Alert.resolved_at.is_(None))
        return self._documents(session, session.scalars(wanted))

    def readable(self, session: Session, viewer: Viewer, keys: Collection[str]) -> set[str]:
        """By the alert's own predicate."""
        wanted = sa.select(Alert.fingerprint).where(
            Alert.fingerprint.in_(sorted(keys)), Alert.resolved_at.is_(None), alert_queries.admitted(viewer)
        )
        return set(session.scalars(wanted))

    def look_up(
        self, session: Session, viewer: Viewer, key: str, words: Sequence[Sequence[str]], limit: int
    ) -> Iterable[Document]:
        """By the alert's name or summary."""
        among = sa.and_(newest(session, Alert.id), holding(words, (Alert.alertname, Alert.summary)))
        wanted = sa.select(Alert).where(
            sa.or_(Alert.fingerprint == key, among), Alert.resolved_at.is_(None), alert_queries.admitted(viewer)
        )
        return self._documents(session, session.scalars(wanted.order_by(Alert.id.desc()).limit(limit)))

    def _documents(self, session: Session, alerts: Iterable[Alert]) -> Iterator[Document]:
        ancestry = Ancestry(session)
        rows = list(alerts)
        ids = sorted({a.item_id for a in rows if a.item_id is not None})
        words = dict(session.execute(sa.select(Item.id, Item.name).where(Item.id.in_(ids))).all())
        for alert in rows:
            principals = ancestry.granted(
                "alert.read", units=[alert.unit_id], teams=[alert.team_id] if alert.team_id else []
            )
            yield Document(
                kind="alert",
                key=alert.fingerprint,
                title=alert.alertname,
                body=f"{alert.summary} {words.get(alert.item_id or 0, '')}".strip(),
                url=f"/alerts/{alert.fingerprint}",
                principals=principals,
                updated_at=alert.changed_at,
                state=str(alert.severity),
            )
