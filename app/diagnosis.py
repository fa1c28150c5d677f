"""Looking at an installation from outside: settings, disk, database, mail, and what got stuck. Reads only."""

from __future__ import annotations

import datetime as dt
import shutil
import smtplib
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role, Team, Unit, UnitLevel
from accounts.validity import in_force, standing
from app import migrate
from config import Settings
from core import clock
from core.db import make_engine, reading
from core.outbox import OutboxRow
from escalation.notify.models import Delivery, DeliveryState

GIB = 1024**3
LEAST_FREE = 2 * GIB
LATE = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state` ok|warning|critical; `mend` says what to do where it is not ok."""

    part: str
    state: str
    text: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order a person would look."""
    findings = [*_home(settings)]
    engine = make_engine(settings.database_url)
    try:
        found = _database(engine)
        findings.append(found)
        if found.state == "ok":
            with reading(engine) as session:
                for look in _LOOKS:
                    findings.extend(look(session))
    finally:
        engine.dispose()
    findings.append(_mail(settings))
    return findings


def _home(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.home).free
    if free < LEAST_FREE:
        yield Finding("disk", "warning", f"{free / GIB:.1f} GiB free below {settings.home}", "free some room")
    else:
        yield Finding("disk", "ok", f"{free / GIB:.0f} GiB free below {settings.home}")
    key = settings.path("secret.key")
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("secret key", "warning", f"{key} can be read by others", f"chmod 600 {key}")


def _database(engine: sa.Engine) -> Finding:
    name = engine.url.render_as_string(hide_password=True)
    try:
        revision = migrate.current(engine)
    except sa.exc.SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        return Finding(
            "database", "critical", f"{name}: {reason}", "check TAXOPS_DATABASE_URL and that the server runs"
        )
    if revision != migrate.head():
        return Finding("database", "critical", f"{name} is at {revision or 'nothing'}", "run: taxops init")
    return Finding("database", "ok", f"{name} at {revision}")


def _people(session: Session) -> Iterator[Finding]:
    for kind in ("system", "security", "audit"):
        held = session.scalar(
            sa.select(sa.func.count())
            .select_from(Grant)
            .join(Role, Role.code == Grant.role_code)
            .join(Person, Person.id == Grant.person_id)
            .where(
                Role.administrator == kind,
                Person.active,
                Person.password_hash.is_not(None),
                in_force(clock.now()),
            )
        )
        if not held:
            mend = f"run: taxops admin create LOGIN --kind {kind}"
            yield Finding("administrators", "warning", f"there is no {kind} administrator", mend)
    without = (standing(clock.now()), Unit.id.not_in(sa.select(Team.unit_id).where(Team.active)))
    bare = session.scalars(sa.select(Unit.name).where(Unit.level == UnitLevel.PROVINCE, *without)).all()
    if bare:
        text = f"{', '.join(bare)} has no team: alerts there and below may find nobody to go to"
        yield Finding("teams", "warning", text, "add a team under 管理 → 班组")
    lower = Unit.level.in_([UnitLevel.CITY, UnitLevel.COUNTY])
    empty = session.scalar(sa.select(sa.func.count()).select_from(Unit).where(lower, *without))
    if empty:
        text = f"{empty} cities or counties have no team: their matters go to the unit above"
        yield Finding("teams", "warning", text, "add a team under 管理 → 班组")


def _stuck(session: Session) -> Iterator[Finding]:
    now = clock.now()
    dead = session.scalar(sa.select(sa.func.count()).select_from(OutboxRow).where(OutboxRow.dead_at.is_not(None)))
    if dead:
        yield Finding(
            "outbox", "warning", f"{dead} pieces of work failed for good", "look at 管理 → 失败任务 and retry"
        )
    late = session.scalar(
        sa.select(sa.func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None), OutboxRow.next_try_at < now - LATE)
    )
    if late:
        yield Finding("outbox", "warning", f"{late} events wait for more than five minutes", "is `taxops run` running?")
    lost = session.scalar(sa.select(sa.func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.DEAD))
    if lost:
        yield Finding("notifications", "warning", f"{lost} notifications could not be sent", "look at 管理 → 通知投递")
    if not (dead or late or lost):
        yield Finding("outbox", "ok", "nothing is stuck")


_LOOKS: tuple[Callable[[Session], Iterator[Finding]], ...] = (_people, _stuck)


def _mail(settings: Settings) -> Finding:
    if not settings.smtp_url:
        return Finding("mail", "warning", "e-mail is off", "set TAXOPS_SMTP_URL=smtp://host:25")
    parts = urlsplit(settings.smtp_url)
    where = f"{parts.hostname}:{parts.port or 25}"
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    try:
        with kind(parts.hostname or "localhost", parts.port or 25, timeout=5) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding("mail", "critical", f"{where}: {error}", "check TAXOPS_SMTP_URL and that the server runs")
    return Finding("mail", "ok", f"{where} answers")
