"""The machine this program runs on, watched from the first minute: real items, real checks, no made-up state."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from accounts.models import Unit, UnitLevel
from accounts.validity import standing
from cmdb.models import Item, Origin, RelationKind
from cmdb.service import create_item, relate
from collectors.discover import Proposal, discover, listeners
from config import Settings
from core import clock
from core.db import reading, transaction
from core.errors import TaxopsError
from core.i18n import gettext as _
from monitor.checks import pollers, service
from monitor.models import HERE, Check, Poller

log = structlog.get_logger(__name__)
DISCOVERED = "discovered"
_INTERPRETERS = frozenset({"", "python", "python3", "node", "taxops", "chromium", "chrome", "code", "ssh"})
_RUNS_ON_HOST = frozenset({"application", "database", "middleware", "directory", "dns", "load-balancer", "certificate"})


def ensure(engine: sa.Engine, settings: Settings) -> bool:
    """Register what is found on this machine, once in the life of an installation.

    Returns False while there is no province yet that could own it; then ask again later.
    """
    with reading(engine) as session:
        if session.scalar(sa.select(Poller.id).where(Poller.name == HERE)) is not None:
            _started(engine, settings)
            return True
        if _province(session) is None:
            return False
    found = asyncio.run(
        discover(own_url=f"{_own_url(settings)}/healthz", database_file=_database_file(settings), home=settings.home)
    )
    found = [proposal for proposal in found if not _is_passing(proposal)]
    with transaction(engine) as session:
        session.info["actor"] = "system"
        province = _province(session)
        if province is None:
            return False
        now = clock.now()
        pollers.here(session, unit_id=province.id, now=now)
        register(session, province, found, now=now)
    _started(engine, settings)
    log.info("monitor.self", checks=len(found))
    return True


def register(session: Session, province: Unit, found: list[Proposal], *, now: dt.datetime) -> list[Check]:
    """Items and checks for proposals that nothing watches yet."""
    known = {tuple(row) for row in session.execute(sa.select(Check.type, Check.target))}
    host: Item | None = None
    made: list[Check] = []
    for proposal in found:
        if proposal.key in known:
            continue
        item = _item(session, province, proposal, now)
        host = item if proposal.type == "host" else host
        wanted = service.Definition(
            type=proposal.type,
            target=proposal.target,
            params=dict(proposal.params),
            name=_check_name(proposal),
            origin=DISCOVERED,
        )
        made.append(service.create(session, item, wanted, now=now))
        if host is not None and item is not host:
            _belongs(session, item, host, now)
    return made


def _is_passing(proposal: Proposal) -> bool:
    """A bare port of an interpreter or of nobody known: somebody's trial rather than a service, gone tomorrow."""
    if proposal.type != "tcp":
        return False
    port = proposal.target.rpartition(":")[2]
    return {str(one.port): one.process for one in listeners()}.get(port, "") in _INTERPRETERS


def _check_name(proposal: Proposal) -> str:
    return _("主机资源") if proposal.type == "host" else proposal.name


def _item(session: Session, province: Unit, proposal: Proposal, now: dt.datetime) -> Item:
    """The item of a proposal, made if the province has none of that name."""
    host = socket.gethostname()
    name = proposal.name if proposal.type == "host" else _("%(host)s %(what)s", host=host, what=proposal.name)
    name = name[:120]
    found = session.scalar(
        sa.select(Item).where(Item.unit_id == province.id, Item.name == name, Item.retired_at.is_(None))
    )
    if found is not None:
        return found
    return create_item(
        session, name=name, type_code=proposal.item_type, unit=province, address=proposal.target, now=now
    )


def _belongs(session: Session, item: Item, host: Item, now: dt.datetime) -> None:
    kind = RelationKind.RUNS_ON if item.type_code in _RUNS_ON_HOST else None
    if kind is None:
        return
    try:
        with session.begin_nested():
            relate(session, source=item, kind=kind, target=host, now=now, origin=Origin.DISCOVERED)
    except TaxopsError as error:  # it stands already: nothing to add
        log.debug("monitor.self.relation", error=error.message)


def _started(engine: sa.Engine, settings: Settings) -> None:
    """From now on this poller answers for its checks; silence while the program was off proves nothing about them."""
    with transaction(engine) as session:
        session.info["actor"] = "system"
        _follow_own_place(session, settings)
        session.execute(
            sa.update(Poller).where(Poller.name == HERE).values(running_since=clock.now(), last_seen_at=clock.now())
        )


def _follow_own_place(session: Session, settings: Settings) -> None:
    """Started at another port or from another folder, the program goes on watching itself, not its old place."""
    database = _database_file(settings)
    places = {"http": f"{_own_url(settings)}/healthz", "sqlite": str(database.resolve()) if database else ""}
    names = {"http": _("本平台页面"), "sqlite": _("本平台数据库文件")}
    own = sa.select(Check).where(
        Check.origin == DISCOVERED, Check.retired_at.is_(None), Check.type.in_(places), Check.name.in_(names.values())
    )
    for check in session.scalars(own).all():
        place = places[check.type]
        if place and check.target != place and check.name == names[check.type]:
            service.change(session, check, service.Definition(target=place), now=clock.now())


def _province(session: Session) -> Unit | None:
    return session.scalar(
        sa.select(Unit).where(Unit.level == UnitLevel.PROVINCE, standing(clock.now())).order_by(Unit.id).limit(1)
    )


def _own_url(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104  read, not bound
    return f"http://{host}:{settings.port}"


def _database_file(settings: Settings) -> Path | None:
    database = make_url(settings.database_url).database
    return Path(database) if settings.embedded and database else None
