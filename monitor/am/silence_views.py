"""/api/v2/silences and /api/v2/silence/ID."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.orm import Session

from accounts.current import viewer
from accounts.models import Person
from core import clock
from core.errors import Forbidden, Invalid
from core.i18n import gettext as _
from monitor.am import silences
from monitor.am.answers import answer, asked_matchers, blueprint
from monitor.quiet import queries, rules, service
from monitor.quiet.models import Silence
from web import access
from web.db import db


@blueprint.get("/silences")
@access.needs("alert.read")
def list_silences() -> Response:
    """Silences the viewer may see, chosen by `filter`; those that ended in the last five days included."""
    session, now, wanted = db.session(), clock.now(), asked_matchers()
    found = queries.everything(session, viewer(), kept_since=now - silences.KEPT, limit=silences.MOST)
    chosen = silences.in_order([s for s in found if silences.fits(s, wanted)], now)
    names = _logins(session, {s.by_id for s in chosen})
    return answer([silences.shown(s, names[s.by_id], now) for s in chosen])


@blueprint.post("/silences")
@access.needs("silence.write")
def post_silence() -> Response:
    """Make a silence, or edit the one of that id."""
    if request.mimetype != "application/json":
        raise Invalid.of("Content-Type", _("请以 application/json 提交。"))
    session, posted = db.session(), silences.read(request.get_data())
    made = _edited(session, posted) if posted.id else _made(session, posted, None)
    session.commit()
    return answer({"silenceID": made.uid})


def _made(session: Session, posted: silences.PostedSilence, follows: str | None) -> Silence:
    wanted = service.Wanted(
        tuple(m.matcher() for m in posted.matchers),
        posted.starts_at,
        posted.ends_at,
        posted.comment,
        author=posted.created_by,
    )
    return service.create(session, viewer(), wanted, follows=follows, now=clock.now())


def _edited(session: Session, posted: silences.PostedSilence) -> Silence:
    """The same silence where only its times and words change, else the old one ends and a new one follows it."""
    now = clock.now()
    old = _changeable(session, posted.id or "")
    matchers = tuple(m.matcher() for m in posted.matchers)
    stays = rules.stays_itself(
        old.state(now),
        same_matchers=rules.plain(matchers) == old.matchers,
        before=old.starts_at,
        starts_at=posted.starts_at,
        now=now,
    )
    if not stays:
        made = _made(session, posted, old.uid)
        service.expire(session, viewer(), old, what="replaced", now=now)
        return made
    starts_at = posted.starts_at if old.starts_at > now else None
    service.change(session, viewer(), old, starts_at=starts_at, ends_at=posted.ends_at, comment=posted.comment, now=now)
    old.author = posted.created_by
    return old


@blueprint.get("/silence/<uid>")
@access.needs("alert.read")
def show_silence(uid: str) -> Response:
    """One silence."""
    session = db.session()
    found = queries.one(session, viewer(), uid)
    return answer(silences.shown(found, _logins(session, {found.by_id})[found.by_id], clock.now()))


@blueprint.delete("/silence/<uid>")
@access.needs("silence.write")
def delete_silence(uid: str) -> Response:
    """End it now; it stays to be looked at."""
    session = db.session()
    service.expire(session, viewer(), _changeable(session, uid), now=clock.now())
    session.commit()
    return Response(status=200)


def _changeable(session: Session, uid: str) -> Silence:
    found = queries.one(session, viewer(), uid)
    if not service.may_change(session, viewer(), found):
        raise Forbidden(_("您可以查看这个静默，但它的范围超出您的权限，不能修改。"))
    return found


def _logins(session: Session, ids: set[int]) -> dict[int, str]:
    rows = session.execute(sa.select(Person.id, Person.login).where(Person.id.in_(sorted(ids))))
    return {row.id: row.login for row in rows}
