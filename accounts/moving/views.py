"""The page and the API of moving somebody, or letting them go."""

from __future__ import annotations

from typing import Any

import pydantic
import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service as accounts
from accounts.admin import queries
from accounts.admin.api import api
from accounts.admin.authority import require, require_over
from accounts.admin.pages import as_invalid, blueprint
from accounts.current import viewer
from accounts.models import Person, Role
from accounts.moving import service
from accounts.moving.service import Part, Plan, Way
from core import clock
from core.errors import Forbidden, NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form


class MoveIn(ApiModel):
    """Moving somebody (`way` transfer: `unit` is where to, `role` what they become there) or letting them go (leave).

    `heir`: the login of who takes their open matters, duties and drafts over; without one they go to the heads of their
    teams. `seen`: the digest of the preview; where it is given and something changed since, nothing is done (409).
    """

    way: Way = Way.TRANSFER
    unit: str | None = pydantic.Field(default=None, max_length=40)
    role: str | None = pydantic.Field(default=None, max_length=40)
    heir: str | None = pydantic.Field(default=None, max_length=64)
    reason: str = pydantic.Field(min_length=1, max_length=400)
    seen: str | None = pydantic.Field(default=None, max_length=64)


class HeldOut(ApiModel):
    """One thing held: `to` says in words what becomes of it, `stuck` why nothing can."""

    kind: str
    name: str
    to: str
    stuck: str


class MoveOut(ApiModel):
    """What somebody holds, or what was done with it."""

    login: str
    unit: str
    active: bool
    held: list[HeldOut]
    seen: str


def _person(login: str) -> Person:
    """Somebody within reach; who moves people gives and takes rights, so both permissions are asked."""
    row = queries.person(db.session(), viewer(), login)
    require_over("person.write", row)
    require_over("grant.write", row)
    return row


def _plan(given: MoveIn) -> Plan:
    session, who = db.session(), viewer()
    unit = accounts.unit_by_code(session, given.unit) if given.unit else None
    if unit is not None:
        require("person.write", unit)
        require("grant.write", unit)
    heir = None
    if given.heir:
        heir = accounts.person_in_use(session, given.heir, field="heir")
        if not queries.person_scope_covers(session, who, heir):
            raise Forbidden(_("接手人在您的管辖范围之外。"))
    return Plan(given.way, given.reason, unit, given.role, heir)


def _out(row: Person, done: list[Part]) -> MoveOut:
    held = [HeldOut(kind=p.code.partition("-")[2], name=h.name, to=h.to, stuck=h.stuck) for p in done for h in p.held]
    return MoveOut(
        login=row.login, unit=row.unit.code, active=row.active, held=held, seen=service.digest(row, done)
    )  # fmt: skip


class HeirQuery(ApiModel):
    """With whom in mind."""

    heir: str | None = pydantic.Field(default=None, max_length=64)


@api.get("/people/<login>/belongings", needs="grant.write", query=HeirQuery, answer=MoveOut)
def belongings(login: str, query: HeirQuery) -> MoveOut:
    """What somebody holds, and what would become of it: the preview of a move."""
    row = _person(login)
    heir = accounts.person_in_use(db.session(), query.heir, field="heir") if query.heir else None
    return _out(row, service.parts(db.session(), row, heir, now=clock.now()))


@api.post("/people/<login>/move", needs="grant.write", body=MoveIn, answer=MoveOut, status=200)
def move(login: str, body: MoveIn) -> MoveOut:
    """Move somebody or let them go, in one transaction: rights end, what they hold is handed over."""
    row = _person(login)
    plan = _plan(body)
    done = service.carry_out(db.session(), row, plan, seen=body.seen, by=viewer().person_id, now=clock.now())
    db.session().flush()
    return _out(row, done)


@blueprint.get("/people/<login>/move")
@access.needs("grant.write")
def move_person(login: str) -> ResponseReturnValue:
    """The form, with what the person holds."""
    row = _person(login)
    return _page(row, Form(MoveIn, {"unit": row.unit.code}), None)


def _page(row: Person, form: Form[MoveIn], plan: Plan | None, **more: Any) -> str:
    session = db.session()
    held = service.parts(session, row, plan.heir if plan else None, now=clock.now())
    roles = session.scalars(
        sa.select(Role).where(Role.code != "reporter").order_by(Role.administrator.is_not(None), Role.code)
    )
    return render_template(
        "accounts/move.html",
        person=row,
        form=form,
        plan=plan,
        held=held,
        stuck=any(h.stuck for part in held for h in part.held),
        seen=service.digest(row, held),
        roles=[(r.code, r.name) for r in roles],
        ways=[(Way.TRANSFER.value, _("调动：换机构或换角色")), (Way.LEAVE.value, _("离职：停用账号"))],
        **more,
    )


@blueprint.post("/people/<login>/move")
@access.needs("grant.write")
def carry_out_move(login: str) -> ResponseReturnValue:
    """First what would happen; with `seen` (the preview's digest), doing it."""
    row = _person(login)
    form = Form(MoveIn, request.form)
    given = form.validate()
    if given is None:
        return _page(row, form, None), 422
    if given.way is Way.LEAVE:  # the form begins with the present unit
        given = given.model_copy(update={"unit": None, "role": None})
    try:
        plan = _plan(given)
        if given.seen is None:
            service.check(row, plan, viewer().person_id)
            return _page(row, form, plan)
        service.carry_out(db.session(), row, plan, seen=given.seen, by=viewer().person_id, now=clock.now())
        db.session().commit()
    except TaxopsError as error:
        db.session().rollback()
        form.refuse(as_invalid(error, {NotFound.slug: "unit"}))
        return _page(_person(login), form, None), 422
    flash(
        _("%(name)s 的调动已办理。", name=row.name)
        if plan.way is Way.TRANSFER
        else _("%(name)s 的离职已办理。", name=row.name),
        "ok",
    )
    return redirect(url_for("admin.person", login=login), 303)
