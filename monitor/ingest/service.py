"""Verbs of alert sources: made and retired by administrators, and what they post is taken."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Unit, UnitLevel
from accounts.scope import Viewer
from core.errors import Conflict, Invalid, NotFound
from core.i18n import gettext as _
from monitor.am import intake
from monitor.ingest import template
from monitor.ingest.models import Form, Source

_ERROR_KEPT = 500


def token_hash(token: str) -> str:
    """What is kept of a token; it is random, so a fast hash is right."""
    return hashlib.sha256(token.encode()).hexdigest()


def url_of(source: Source, token: str, base_url: str) -> str:
    """Where to post."""
    return f"{base_url}/ingest/{source.form.value}/{token}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source as an administrator wants it."""

    form: Form
    name: str
    unit_id: int
    hold_s: int
    template: Mapping[str, Any] = field(default_factory=dict)


def create(session: Session, wanted: Wanted, *, now: dt.datetime) -> tuple[Source, str]:
    """A new source and its token, which is told this once. Raises Conflict for a name that is taken."""
    _refuse_taken(session, wanted.name, 0)
    token = secrets.token_urlsafe(24)
    made = Source(
        form=wanted.form,
        name=wanted.name,
        unit_id=wanted.unit_id,
        token_hash=token_hash(token),
        template=dict(wanted.template),
        hold_s=wanted.hold_s,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made, token


def change(session: Session, source: Source, wanted: Wanted) -> Source:
    """Change all but its form. Raises Conflict for a name that is taken."""
    _refuse_taken(session, wanted.name, source.id)
    source.name, source.unit_id, source.hold_s = wanted.name, wanted.unit_id, wanted.hold_s
    source.template = dict(wanted.template)
    session.flush()
    return source


def renew(session: Session, source: Source) -> str:
    """A new token, told this once; the old one is worth nothing from now on."""
    token = secrets.token_urlsafe(24)
    source.token_hash = token_hash(token)
    session.flush()
    return token


def retire(session: Session, source: Source, *, now: dt.datetime) -> None:
    """Its address is none any more."""
    if source.retired_at is None:
        source.retired_at, source.name = now, f"{source.name[:90]} #{source.id}"
        session.flush()


def _refuse_taken(session: Session, name: str, own_id: int) -> None:
    taken = sa.select(Source.id).where(Source.name == name, Source.id != own_id)
    if session.scalar(taken) is not None:
        raise Conflict(_("名称“%(name)s”已被使用。", name=name))


def take(session: Session, form: Form, token: str, body: bytes, *, now: dt.datetime) -> int:
    """Take what a source posts, whole or not at all; returns how many alerts.

    Raises NotFound for a token that is none, Invalid naming each fault with its place in the body.
    """
    source = session.scalar(
        sa.select(Source).where(
            Source.token_hash == token_hash(token), Source.form == form, Source.retired_at.is_(None)
        )
    )
    if source is None:
        raise NotFound(_("没有这个接入地址。"))
    made = template.make(source.form, source.template, body, hold=dt.timedelta(seconds=source.hold_s), now=now)
    source.last_at = now
    if made.wrong:
        said = "；".join(f"{e.field}：{e.message}" for e in made.wrong[:20])
        source.last_error = said[:_ERROR_KEPT]
        raise Invalid(said, made.wrong)
    source.last_error, source.taken = None, source.taken + len(made.alerts)
    intake.take(session, made.alerts, speaker(session, source), now=now)
    return len(made.alerts)


def speaker(session: Session, source: Source) -> Viewer:
    """The viewer a source is: it may bring alerts to its unit and below, and nothing else."""
    unit = session.get_one(Unit, source.unit_id)
    here = frozenset({unit.id})
    return Viewer(
        person_id=0,
        login=f"source:{source.id}",
        name=source.name,
        unit_id=unit.id,
        unit_code=unit.code,
        unit_name=unit.name,
        unit_level=unit.level,
        is_service=True,
        units={"alert.write": here},
        provinces=here if unit.level is UnitLevel.PROVINCE else frozenset(),
    )


def one(session: Session, source_id: int) -> Source:
    """A source in use. Raises NotFound."""
    found = session.get(Source, source_id)
    if found is None or found.retired_at is not None:
        raise NotFound(_("没有这个接入来源。"))
    return found
