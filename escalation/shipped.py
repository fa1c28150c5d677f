"""Channels every installation starts with."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n import gettext as _
from escalation.notify.models import Channel, ChannelKind


def install(session: Session, *, now: dt.datetime) -> None:  # noqa: ARG001  the signature of all installers
    """The page and e-mail; chat and SMS are added by an administrator."""
    known = set(session.scalars(sa.select(Channel.code)))
    for code, kind, name in (("live", ChannelKind.LIVE, _("站内")), ("email", ChannelKind.EMAIL, _("邮件"))):
        if code not in known:
            session.add(Channel(code=code, kind=kind, name=name, url=None, active=True, per_minute=600))
