"""One person's page, and the rights given to and taken from them there."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import places, queries
from accounts.admin.authority import require, require_at
from accounts.admin.pages import as_invalid, blueprint
from accounts.admin.schemas import GrantIn
from accounts.current import viewer
from accounts.directory import client
from accounts.models import Grant, Person, Role, Unit
from accounts.signin import password_rules
from accounts.signin.password_rules import Whose
from core import clock
from core.errors import Invalid, NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form

A_DAY = dt.timedelta(days=1)


@blueprint.get("/people/<login>")
@access.needs("person.read")
def person(login: str) -> ResponseReturnValue:
    """One person with rights, teams, sessions and tokens."""
    return person_page(login)


def person_page(login: str, form: Form[GrantIn] | None = None, *, password_error: str | None = None) -> str:
    """One person's page, with what was refused on it."""
    session, who, now = db.session(), viewer(), clock.now()
    row = queries.person(session, who, login)
    more = queries.person_overview(session, row, now=now)
    at_services = [grant.service_id for grant, *_places in more["grants"] if grant.service_id is not None]
    grants = who.can("grant.write") and row.id != who.person_id
    return render_template(
        "accounts/person.html",
        person=row,
        more=more,
        may_grant=grants,
        roles=session.scalars(
            sa.select(Role).where(Role.code != "reporter").order_by(Role.administrator.is_not(None), Role.code)
        ).all(),
        services=places.services(session, None if grants else at_services),
        last_day=lambda until: clock.local_date(until - dt.timedelta(microseconds=1)),
        form=form or Form(GrantIn, {"unit": row.unit.code}),
        password_error=password_error,
        has_directory=client.of_settings(current_app.config["TAXOPS"]) is not None,
        hints=password_rules.hints("", Whose(row.login, row.name)),
    )


@blueprint.post("/people/<login>/grants")
@access.needs("grant.write")
def add_grant(login: str) -> ResponseReturnValue:
    """Give a role at a unit's subtree, for a team or for a service; to a day, or for good."""
    row = queries.person(db.session(), viewer(), login)
    form = Form(GrantIn, request.form)
    given = form.validate()
    if given is None:
        return person_page(login, form), 422
    try:
        _grant(row, given)
    except TaxopsError as error:
        db.session().rollback()
        form.refuse(as_invalid(error, {}))
        return person_page(login, form), 422
    db.session().commit()
    flash(_("授权已生效。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


def _grant(row: Person, given: GrantIn) -> None:
    """The narrowest place that was named counts: a service before a team before a unit."""
    session = db.session()
    unit = team = None
    if given.service is not None:
        place = _unit_of_service(given.service)
    elif given.team:
        team = queries.team(session, viewer(), given.team)
        place = team.unit
    elif given.unit:
        place = unit = service.unit_by_code(session, given.unit)
    else:
        raise Invalid.of("unit", _("授权须恰好指定一处：机构、班组或服务。"))
    require("grant.write", place)
    service.grant(
        session,
        person=row,
        role_code=given.role,
        unit=unit,
        team=team,
        service_id=given.service,
        until=clock.day_start(given.until + A_DAY) if given.until else None,
        now=clock.now(),
        by=viewer().person_id,
    )


def _unit_of_service(service_id: int) -> Unit:
    found = places.services(db.session(), [service_id]).get(service_id)
    if found is None:
        raise Invalid.of("service", _("没有这个服务。"))
    return db.session().get_one(Unit, found.unit_id)


@blueprint.post("/people/<login>/grants/<int:grant_id>/revoke")
@access.needs("grant.write")
def revoke_grant(login: str, grant_id: int) -> ResponseReturnValue:
    """Take a role back, now."""
    row = queries.person(db.session(), viewer(), login)
    held = db.session().get(Grant, grant_id)
    if held is None or held.person_id != row.id:
        raise NotFound(_("没有这项授权。"))
    require_at("grant.write", held)
    service.revoke(db.session(), grant_id, now=clock.now())
    db.session().commit()
    flash(_("授权已收回。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)
