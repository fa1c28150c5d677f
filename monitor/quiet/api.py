"""/silences and /inhibition-rules of API v1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.current import viewer
from accounts.models import Person, Unit
from core import clock
from core.errors import Forbidden, Invalid
from core.i18n import gettext as _
from monitor.am.matchers import Matcher
from monitor.quiet import queries, service
from monitor.quiet import schemas as s
from monitor.quiet.models import InhibitionRule, PlaceKind, Silence
from web.api import Api, Created, ListQuery, etag
from web.db import db
from web.paging import Page

api = Api("silences", __name__)


def out(session: Session, silences: Sequence[Silence]) -> list[s.SilenceOut]:
    """Silences as the API shows them."""
    now, counts = clock.now(), queries.silenced_now(session, silences, viewer())
    logins = _names(session, Person.id, Person.login, {x.by_id for x in silences})
    unit_ids = {p.place_id for x in silences for p in x.places if p.kind is PlaceKind.UNIT}
    units = _names(session, Unit.id, Unit.code, unit_ids)
    return [
        s.SilenceOut(
            id=x.uid,
            matchers=[s.MatcherIn.model_validate(m) for m in x.matchers],
            starts_at=x.starts_at,
            ends_at=x.ends_at,
            by=logins[x.by_id],
            author=x.author,
            comment=x.comment,
            state=x.state(now),
            units=[units[p.place_id] for p in x.places if p.place_id in units and p.kind is PlaceKind.UNIT],
            alerts=counts.get(x.uid, 0),
            created_at=x.created_at,
            updated_at=x.updated_at,
        )
        for x in silences
    ]


def _names(session: Session, key: Any, value: Any, ids: set[int]) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(sa.select(key, value).where(key.in_(sorted(ids))))} if ids else {}


def _one(silence: Silence) -> s.SilenceOut:
    etag.tagged(silence.version)
    return out(db.session(), [silence])[0]


@api.get("/silences", needs="alert.read", query=s.SilenceQuery, answer=s.SilenceOut, listing=True)
def index(query: s.SilenceQuery) -> Page[Any]:
    """Silences, the newest first; those that are over only with `state=expired`."""
    session = db.session()
    found = queries.listing(
        session,
        viewer(),
        now=clock.now(),
        state=query.state,
        by=query.by,
        unit=query.unit,
        uid=query.id,
        q=query.q,
        cursor=query.cursor,
        limit=query.limit,
    )
    return Page(out(session, found.items), found.next)


@api.get("/silences/<uid>", needs="alert.read", answer=s.SilenceOut)
def show(uid: str) -> s.SilenceOut:
    """One silence, also when it is over."""
    return _one(queries.one(db.session(), viewer(), uid))


@api.post("/silences", needs="silence.write", body=s.SilenceIn, answer=s.SilenceOut, many=True)
def create(body: s.SilenceIn) -> Created:
    """Keep alerts quiet for a time; it reaches no further than its maker's right."""
    session, now = db.session(), clock.now()
    wanted = service.Wanted(
        tuple(m.matcher() for m in body.matchers),
        body.starts_at or now,
        body.ends_at,
        body.comment,
        unit_id=service.unit_named(session, body.unit),
    )
    made = service.create(session, viewer(), wanted, now=now)
    return Created(_one(made), f"/api/v1/silences/{made.uid}")


@api.patch("/silences/<uid>", needs="silence.write", body=s.SilenceFields, answer=s.SilenceOut)
def change(uid: str, body: s.SilenceFields) -> s.SilenceOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    silence = changeable(session, uid)
    etag.must_match(silence.version)
    _refuse_null(body)
    matchers: tuple[Matcher, ...] | None = tuple(m.matcher() for m in body.matchers) if body.matchers else None
    service.change(
        session,
        viewer(),
        silence,
        matchers=matchers,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        comment=body.comment,
        now=clock.now(),
    )
    return _one(silence)


@api.delete("/silences/<uid>", needs="silence.write", status=204)
def expire(uid: str) -> None:
    """End it now; it stays to be looked at."""
    session = db.session()
    service.expire(session, viewer(), changeable(session, uid), now=clock.now())


def changeable(session: Session, uid: str) -> Silence:
    """The silence, if the viewer may change it. Raises NotFound where it is not to see, Forbidden where only to see."""
    silence = queries.one(session, viewer(), uid)
    if not service.may_change(session, viewer(), silence):
        raise Forbidden(_("您可以查看这个静默，但它的范围超出您的权限，不能修改。"))
    return silence


def _refuse_null(body: Any) -> None:
    for name in body.model_fields_set:
        if getattr(body, name) is None:
            raise Invalid.of(name, _("不能为空。"))


def rule_out(rule: InhibitionRule) -> s.InhibitionOut:
    """A rule as the API shows it."""
    etag.tagged(rule.version)
    return s.InhibitionOut.model_validate(rule)


@api.get(
    "/inhibition-rules", needs=("alert.read", "settings.read"), query=ListQuery, answer=s.InhibitionOut, listing=True
)
def rules(query: ListQuery) -> Page[Any]:
    """All inhibition rules, by id."""
    found = queries.rules_page(db.session(), q=query.q, cursor=query.cursor, limit=query.limit)
    return Page([s.InhibitionOut.model_validate(r) for r in found.items], found.next)


@api.get("/inhibition-rules/<int:rule_id>", needs=("alert.read", "settings.read"), answer=s.InhibitionOut)
def rule(rule_id: int) -> s.InhibitionOut:
    """One inhibition rule."""
    return rule_out(queries.rule(db.session(), rule_id))


@api.post("/inhibition-rules", needs="settings.write", body=s.InhibitionIn, answer=s.InhibitionOut)
def create_rule(body: s.InhibitionIn) -> Created:
    """A new inhibition rule; what fires already is looked at too."""
    made = service.put_rule(db.session(), wanted(body), now=clock.now())
    return Created(rule_out(made), f"/api/v1/inhibition-rules/{made.id}")


@api.patch("/inhibition-rules/<int:rule_id>", needs="settings.write", body=s.InhibitionFields, answer=s.InhibitionOut)
def change_rule(rule_id: int, body: s.InhibitionFields) -> s.InhibitionOut:
    """Change the fields given; with If-Match only if nobody else changed it meanwhile."""
    session = db.session()
    found = queries.rule(session, rule_id)
    etag.must_match(found.version)
    _refuse_null(body)
    merged = {**s.InhibitionOut.model_validate(found).model_dump(exclude={"id"}), **body.model_dump(exclude_unset=True)}
    return rule_out(
        service.put_rule(session, wanted(s.InhibitionIn.model_validate(merged)), rule=found, now=clock.now())
    )


@api.delete("/inhibition-rules/<int:rule_id>", needs="settings.write", status=204)
def retire_rule(rule_id: int) -> None:
    """Retire a rule; what it kept quiet is told as if it never had been quiet."""
    session = db.session()
    service.retire_rule(session, queries.rule(session, rule_id), now=clock.now())


def wanted(body: s.InhibitionIn) -> service.WantedRule:
    """What the service takes."""
    return service.WantedRule(
        body.name,
        tuple(m.matcher() for m in body.source),
        tuple(m.matcher() for m in body.target),
        body.equal,
        bool(body.across_units),
        body.active is not False,
    )
