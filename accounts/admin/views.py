"""Administration pages of units, people, teams, roles, the audit trail and failed background work."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts import service
from accounts.admin import queries
from accounts.admin.schemas import GrantIn, PersonIn, TeamIn, UnitIn
from accounts.current import viewer
from accounts.models import LEVEL_LABELS, Grant, Person, Role, Team, Unit, UnitLevel
from accounts.permissions import PERMISSIONS
from accounts.queries import members
from accounts.scope import covers
from accounts.signin import service as signin
from accounts.validity import stands
from core import clock
from core.errors import Forbidden, Invalid, NotFound, TaxopsError
from core.i18n import gettext as _
from core.outbox import relay
from web import access
from web.api.schemas import to_utc
from web.db import db
from web.forms import Form

blueprint = Blueprint("admin", __name__, template_folder="../templates", url_prefix="/admin")
ZONE = ZoneInfo("Asia/Shanghai")


def _following(endpoint: str, cursor: str | None, **values: Any) -> str | None:
    return url_for(endpoint, cursor=cursor, **values) if cursor else None


def _require(permission: str, unit: Unit) -> None:
    who = viewer()
    if unit.level is UnitLevel.VENDOR and who.unit_level is UnitLevel.PROVINCE and who.can(permission):
        return
    if not covers(db.session(), who, permission, unit_id=unit.id):
        raise Forbidden(_("您不能在这个机构下做此操作。"))


@blueprint.get("/units")
@access.needs("unit.read")
def units() -> ResponseReturnValue:
    """All units one administers, searchable."""
    q, level = request.args.get("q", "").strip(), request.args.get("level", "")
    found = queries.units(
        db.session(),
        viewer(),
        now=clock.now(),
        q=q or None,
        level=UnitLevel(level) if level in set(UnitLevel) else None,
        cursor=request.args.get("cursor"),
    )
    following = _following("admin.units", found.next, q=q or None, level=level or None)
    return render_template(
        "accounts/units.html", rows=found.items, next_url=following, q=q, level=level, levels=LEVEL_LABELS
    )


@blueprint.get("/units/new")
@access.needs("unit.write")
def new_unit() -> ResponseReturnValue:
    """The form for a new unit."""
    form = Form(UnitIn, {"parent": request.args.get("parent", "")})
    return render_template("accounts/unit_form.html", form=form, levels=LEVEL_LABELS)


@blueprint.post("/units/new")
@access.needs("unit.write")
def create_unit() -> ResponseReturnValue:
    """Add a unit."""
    form = Form(UnitIn, request.form)
    given = form.validate()
    if given is not None:
        try:
            parent = service.unit_by_code(db.session(), given.parent) if given.parent else None
            if parent is not None:
                _require("unit.write", parent)
            row = service.create_unit(
                db.session(),
                code=given.code,
                name=given.name,
                level=given.level,
                parent=parent,
                valid_from=given.valid_from,
            )
            db.session().commit()
            flash(_("机构“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.unit", code=row.code), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(_as_invalid(error, {NotFound.slug: "parent", "conflict": "code"}))
    return render_template("accounts/unit_form.html", form=form, levels=LEVEL_LABELS), 422


def _as_invalid(error: TaxopsError, fields: dict[str, str]) -> Invalid:
    return error if isinstance(error, Invalid) else Invalid.of(fields.get(error.slug, ""), error.message)


@blueprint.get("/units/<code>")
@access.needs("unit.read")
def unit(code: str) -> ResponseReturnValue:
    """One unit with what hangs on it."""
    row = queries.unit(db.session(), viewer(), code)
    return render_template(
        "accounts/unit.html",
        unit=row,
        more=queries.unit_overview(db.session(), row, now=clock.now()),
        levels=LEVEL_LABELS,
        stands=stands(row, clock.now()),
    )


@blueprint.post("/units/<code>/retire")
@access.needs("unit.write")
def retire_unit(code: str) -> ResponseReturnValue:
    """End a unit's validity today; refused while something hangs on it (R-03)."""
    row = queries.unit(db.session(), viewer(), code)
    _require("unit.write", row)
    now = clock.now()
    service.retire_unit(db.session(), row, on=clock.local_date(now), now=now)
    db.session().commit()
    flash(_("机构“%(name)s”已停用，历史保留。", name=row.name), "ok")
    return redirect(url_for("admin.unit", code=code), 303)


@blueprint.get("/people")
@access.needs("person.read")
def people() -> ResponseReturnValue:
    """People, searchable by name, login, unit and role."""
    q, role, unit_code = (request.args.get(k, "").strip() for k in ("q", "role", "unit"))
    disabled = bool(request.args.get("disabled"))
    found = queries.people(
        db.session(),
        viewer(),
        now=clock.now(),
        q=q or None,
        role=role or None,
        unit_code=unit_code or None,
        active=None if disabled else True,
        cursor=request.args.get("cursor"),
    )
    known = {r.code: r.name for r in db.session().scalars(sa.select(Role).order_by(Role.code))}
    following = _following("admin.people", found.next, q=q or None, role=role or None, unit=unit_code or None)
    held = queries.roles_of(db.session(), [p.id for p, _unit in found.items], now=clock.now())
    return render_template(
        "accounts/people.html",
        rows=found.items,
        next_url=following,
        q=q,
        role=role,
        unit_code=unit_code,
        roles=known,
        held=held,
        disabled=disabled,
    )


@blueprint.get("/people/new")
@access.needs("person.write")
def new_person() -> ResponseReturnValue:
    """The form for a new person."""
    return render_template("accounts/person_form.html", form=Form(PersonIn, {"unit": request.args.get("unit", "")}))


@blueprint.post("/people/new")
@access.needs("person.write")
def create_person() -> ResponseReturnValue:
    """Add a person; a first password is given separately."""
    form = Form(PersonIn, request.form)
    given = form.validate()
    if given is not None:
        try:
            unit_row = service.unit_by_code(db.session(), given.unit)
            _require("person.write", unit_row)
            row = service.create_person(
                db.session(),
                login=given.login,
                name=given.name,
                unit=unit_row,
                email=given.email,
                phone=given.phone,
                now=clock.now(),
            )
            db.session().commit()
            flash(_("人员“%(name)s”已添加。", name=row.name), "ok")
            return redirect(url_for("admin.person", login=row.login), 303)
        except TaxopsError as error:
            db.session().rollback()
            form.refuse(_as_invalid(error, {NotFound.slug: "unit", "conflict": "login"}))
    return render_template("accounts/person_form.html", form=form), 422


@blueprint.get("/people/<login>")
@access.needs("person.read")
def person(login: str) -> ResponseReturnValue:
    """One person with rights, teams and sessions."""
    return _person_page(login)


def _person_page(login: str, form: Form[GrantIn] | None = None) -> str:
    row = queries.person(db.session(), viewer(), login)
    roles = db.session().scalars(sa.select(Role).where(Role.code != "reporter").order_by(Role.code)).all()
    return render_template(
        "accounts/person.html",
        person=row,
        more=queries.person_overview(db.session(), row, now=clock.now()),
        roles=roles,
        form=form or Form(GrantIn, {"unit": row.unit.code}),
    )


@blueprint.post("/people/<login>/active")
@access.needs("person.write")
def set_active(login: str) -> ResponseReturnValue:
    """Disable somebody, or let them in again."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    _require("person.write", row.unit)
    service.set_active(db.session(), row, active=not row.active, now=clock.now())
    db.session().commit()
    flash(_("已启用。") if row.active else _("已停用，其登录已全部退出。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/password")
@access.needs("person.write")
def reset_password(login: str) -> ResponseReturnValue:
    """Give a new password; all sessions of that person end."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    _require("person.write", row.unit)
    signin.set_password(row, request.form.get("password", "")[:200])
    signin.sign_out_everywhere(db.session(), row.id, now=clock.now())
    db.session().commit()
    flash(_("口令已重置，请当面告知本人并请其修改。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/sessions/end")
@access.needs("session.end")
def end_sessions(login: str) -> ResponseReturnValue:
    """Sign somebody out everywhere."""
    row = queries.person(db.session(), viewer(), login)
    ended = signin.sign_out_everywhere(db.session(), row.id, now=clock.now())
    db.session().commit()
    flash(_("已结束 %(n)d 个登录。", n=ended), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/grants")
@access.needs("grant.write")
def add_grant(login: str) -> ResponseReturnValue:
    """Give a role at a unit's subtree or for a team."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    form = Form(GrantIn, request.form)
    given = form.validate()
    if given is None:
        return _person_page(login, form), 422
    try:
        unit_row = service.unit_by_code(db.session(), given.unit) if given.unit and not given.team else None
        team_row = queries.team(db.session(), viewer(), given.team) if given.team else None
        place = unit_row or (team_row.unit if team_row else None)
        if place is not None:
            _require("grant.write", place)
        service.grant(
            db.session(),
            person=row,
            role_code=given.role,
            unit=unit_row,
            team=team_row,
            now=clock.now(),
            by=viewer().person_id,
        )
    except Forbidden:
        raise
    except TaxopsError as error:
        db.session().rollback()
        form.refuse(_as_invalid(error, {}))
        return _person_page(login, form), 422
    db.session().commit()
    flash(_("授权已生效。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/people/<login>/grants/<int:grant_id>/revoke")
@access.needs("grant.write")
def revoke_grant(login: str, grant_id: int) -> ResponseReturnValue:
    """Take a role back, now."""
    row = queries.person(db.session(), viewer(), login)
    held = db.session().get(Grant, grant_id)
    if held is None or held.person_id != row.id:
        raise NotFound(_("没有这项授权。"))
    service.revoke(db.session(), grant_id, now=clock.now())
    db.session().commit()
    flash(_("授权已收回。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.get("/teams")
@access.needs("unit.read")
def teams() -> ResponseReturnValue:
    """Teams, searchable."""
    q = request.args.get("q", "").strip()
    found = queries.teams(db.session(), viewer(), q=q or None, cursor=request.args.get("cursor"))
    following = _following("admin.teams", found.next, q=q or None)
    return render_template("accounts/teams.html", rows=found.items, next_url=following, q=q, form=Form(TeamIn))


@blueprint.get("/teams/<code>")
@access.needs("unit.read")
def team(code: str) -> ResponseReturnValue:
    """One team with its members."""
    row = queries.team(db.session(), viewer(), code)
    return render_template("accounts/team.html", team=row, members=members(db.session(), row.id))


@blueprint.post("/teams/<code>/members")
@access.needs("unit.write")
def change_member(code: str) -> ResponseReturnValue:
    """Add or remove a member, or make one the head (`what`: add, remove, head)."""
    row = queries.team(db.session(), viewer(), code)
    _require("unit.write", row.unit)
    login = request.form.get("login", "").strip()
    found = db.session().scalar(sa.select(Person).where(Person.login == login, Person.active))
    if found is None:
        raise Invalid.of("login", _("没有登录名为“%(login)s”的在用人员。", login=login))
    _change_member(row, found, request.form.get("what", "add"))
    db.session().commit()
    return redirect(url_for("admin.team", code=code), 303)


def _change_member(row: Team, found: Person, what: str) -> None:
    if what == "remove":
        service.leave_team(db.session(), row, found)
    else:
        service.join_team(db.session(), row, found)
    if what == "head":
        row.head_id = found.id


@blueprint.get("/roles")
@access.needs("grant.write")
def roles() -> ResponseReturnValue:
    """Roles and what each may."""
    rows = db.session().scalars(sa.select(Role).order_by(Role.administrator.is_not(None), Role.code)).all()
    return render_template("accounts/roles.html", rows=rows, permissions=PERMISSIONS)


@blueprint.get("/audit")
@access.needs("audit.read")
def audit() -> ResponseReturnValue:
    """The audit trail in words."""
    values = {k: request.args.get(k, "").strip() for k in ("actor", "object", "verb", "day")}
    since = _day(values["day"])
    found = queries.audit(
        db.session(),
        actor=values["actor"] or None,
        object_name=values["object"] or None,
        verb=values["verb"] or None,
        since=since,
        until=since + dt.timedelta(days=1) if since else None,
        cursor=request.args.get("cursor"),
    )
    following = _following("admin.audit", found.next, **{k: v or None for k, v in values.items()})
    return render_template("accounts/audit.html", rows=found.items, next_url=following, values=values)


def _day(text: str) -> dt.datetime | None:
    try:
        return to_utc(dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), ZONE)) if text else None
    except ValueError as error:
        raise Invalid.of("day", _("日期格式不正确，例如 2026-11-23。")) from error


@blueprint.get("/outbox")
@access.needs("outbox.read")
def outbox() -> ResponseReturnValue:
    """Background work that failed, and what waits."""
    dead, trying, waiting = queries.failed_rows(db.session())
    return render_template("accounts/outbox.html", dead=dead, trying=trying, waiting=waiting)


@blueprint.post("/outbox/<int:row_id>/retry")
@access.needs("settings.write")
def retry_outbox(row_id: int) -> ResponseReturnValue:
    """Give a failed piece of work a new life."""
    if not relay.retry_dead(db.session(), row_id, now=clock.now()):
        raise NotFound(_("没有这项失败任务。"))
    db.session().commit()
    flash(_("已重新排队。"), "ok")
    return redirect(url_for("admin.outbox"), 303)
