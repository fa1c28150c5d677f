"""Pages on which heads set up rosters and escalation policies: new, change, retire."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import TaxopsError
from core.i18n import gettext as _
from escalation.oncall import forms, queries, setup
from escalation.oncall.forms import Place, PolicyForm, RosterForm
from escalation.oncall.models import Policy
from escalation.oncall.rules import ZONE
from escalation.oncall.schemas import PolicyIn, PolicyPatch, ScheduleIn, SchedulePatch
from web import access
from web.db import db

blueprint = Blueprint("oncall_setup", __name__, template_folder="../templates", url_prefix="/oncall")


def _home(message: str) -> ResponseReturnValue:
    db.session().commit()
    flash(message, "ok")
    return redirect(url_for("oncall.index"), 303)


def _choose(what: str, *, units: bool) -> str | Place:
    """The place named in the address, or the page to choose it."""
    found = forms.places(db.session(), viewer(), units=units)
    key = request.values.get("place", "")
    if key:
        return forms.place(db.session(), viewer(), key, units=units)
    if len(found) == 1:
        return found[0]
    return render_template("escalation/oncall_place.html", options=forms.place_options(found), what=what)


def _revision() -> int:
    """The revision the form was filled from; 0 (nobody's) when it was tampered with."""
    given = request.form.get("revision", "")
    return int(given) if given.isdecimal() else 0


# --- rosters ---------------------------------------------------------------------------------------------------------


def _roster_page(filled: RosterForm, where: Place) -> str:
    session, row = db.session(), filled.row
    people = forms.members(session, where, row.people if row else ())
    options = forms.people_options(people)
    known = {login for login, _name in options}
    typed = [(login, login) for login in filled.form.values("people") if login not in known]
    disabled = queries.duty(session, viewer(), row, clock.now()).disabled if row is not None else []
    return render_template(
        "escalation/roster_form.html",
        filled=filled,
        form=filled.form,
        row=row,
        place=where,
        options=[*options, *typed],
        disabled=disabled,
    )


@blueprint.get("/schedules/new")
@access.needs("oncall.write")
def new_roster() -> ResponseReturnValue:
    """The form for a new roster, after its team is chosen."""
    where = _choose("roster", units=False)
    if isinstance(where, str):
        return where
    start = {"starts_on": clock.now().astimezone(ZONE).date().isoformat(), "shift_days": 7, "handover": "09:00"}
    return _roster_page(RosterForm(None, None, start), where)


@blueprint.post("/schedules/new")
@access.needs("oncall.write")
def create_roster() -> ResponseReturnValue:
    """Add a roster."""
    session = db.session()
    where = forms.place(session, viewer(), request.form.get("place", ""), units=False)
    named = {"unit": where.unit.code, "team": where.team.code if where.team else None}
    filled = RosterForm(request.form, None, named)
    given = filled.form.validate()
    if given is not None:
        try:
            row = setup.create_schedule(session, viewer(), given)
            return _home(_("值班表“%(name)s”已建立。", name=row.name))
        except TaxopsError as error:
            session.rollback()
            filled.form.refuse(forms.as_field_error(error))
    return _roster_page(filled, forms.place(session, viewer(), where_key(request.form), units=False)), 422


def where_key(form: Any) -> str:
    """The place a form carries, read again after a rollback."""
    return str(form.get("place", ""))


@blueprint.get("/schedules/<int:schedule_id>/edit")
@access.needs("oncall.write")
def edit_roster(schedule_id: int) -> ResponseReturnValue:
    """The form to change a roster."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    filled = RosterForm(None, row, forms.roster_values(db.session(), row))
    return _roster_page(filled, Place(row.unit, row.team))


@blueprint.post("/schedules/<int:schedule_id>/edit")
@access.needs("oncall.write")
def change_roster(schedule_id: int) -> ResponseReturnValue:
    """Change a roster; refused where somebody else changed it since the form was opened."""
    session = db.session()
    row = queries.schedule(session, viewer(), schedule_id, "oncall.write")
    filled = RosterForm(request.form, row, forms.roster_values(session, row))
    given: ScheduleIn | None = filled.form.validate()
    if given is not None:
        try:
            patch = SchedulePatch(**{k: getattr(given, k) for k in SchedulePatch.model_fields})
            setup.change_schedule(session, row, patch, revision=_revision())
            return _home(_("值班表“%(name)s”已修改。", name=row.name))
        except TaxopsError as error:
            session.rollback()
            filled.form.refuse(forms.as_field_error(error))
    return _roster_page(filled, Place(row.unit, row.team)), 422


@blueprint.post("/schedules/<int:schedule_id>/retire")
@access.needs("oncall.write")
def retire_roster(schedule_id: int) -> ResponseReturnValue:
    """Take a roster out of use."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    setup.retire_schedule(db.session(), viewer(), row, revision=None)
    return _home(_("值班表“%(name)s”已停用，历史保留。", name=row.name))


# --- policies --------------------------------------------------------------------------------------------------------


def _policy_page(filled: PolicyForm, where: Place, row: Policy | None) -> str:
    return render_template(
        "escalation/policy_form.html",
        filled=filled,
        form=filled.form,
        row=row,
        place=where,
        options=forms.targets_of(db.session(), viewer(), where, row),
    )


@blueprint.get("/policies/new")
@access.needs("oncall.write")
def new_policy() -> ResponseReturnValue:
    """The form for a new policy, after its place is chosen."""
    where = _choose("policy", units=True)
    return where if isinstance(where, str) else _policy_page(PolicyForm(None, {"loops": 2}), where, None)


@blueprint.post("/policies/new")
@access.needs("oncall.write")
def create_policy() -> ResponseReturnValue:
    """Add a policy."""
    session = db.session()
    where = forms.place(session, viewer(), where_key(request.form), units=True)
    named = {"unit": where.unit.code, "team": where.team.code if where.team else None}
    filled = PolicyForm(request.form, named)
    given = filled.validate()
    if given is not None:
        try:
            row = setup.create_policy(session, viewer(), given)
            return _home(_("呼叫策略“%(name)s”已建立。", name=row.name))
        except TaxopsError as error:
            session.rollback()
            filled.form.refuse(forms.as_field_error(error))
    return _policy_page(filled, forms.place(session, viewer(), where_key(request.form), units=True), None), 422


@blueprint.get("/policies/<int:policy_id>/edit")
@access.needs("oncall.write")
def edit_policy(policy_id: int) -> ResponseReturnValue:
    """The form to change a policy."""
    row = queries.policy(db.session(), viewer(), policy_id, "oncall.write")
    return _policy_page(PolicyForm(None, forms.policy_values(db.session(), row)), Place(row.unit, row.team), row)


@blueprint.post("/policies/<int:policy_id>/edit")
@access.needs("oncall.write")
def change_policy(policy_id: int) -> ResponseReturnValue:
    """Change a policy; chains that run go on by what they began with."""
    session = db.session()
    row = queries.policy(session, viewer(), policy_id, "oncall.write")
    filled = PolicyForm(request.form, forms.policy_values(session, row))
    given: PolicyIn | None = filled.validate()
    if given is not None:
        try:
            patch = PolicyPatch(**{k: getattr(given, k) for k in PolicyPatch.model_fields})
            setup.change_policy(session, row, patch, revision=_revision())
            return _home(_("呼叫策略“%(name)s”已修改。", name=row.name))
        except TaxopsError as error:
            session.rollback()
            filled.form.refuse(forms.as_field_error(error))
    return _policy_page(filled, Place(row.unit, row.team), row), 422


@blueprint.post("/policies/<int:policy_id>/retire")
@access.needs("oncall.write")
def retire_policy(policy_id: int) -> ResponseReturnValue:
    """Take a policy out of use; chains that run go on."""
    row = queries.policy(db.session(), viewer(), policy_id, "oncall.write")
    setup.retire_policy(db.session(), row, revision=None)
    return _home(_("呼叫策略“%(name)s”已停用，正在进行的呼叫不受影响。", name=row.name))
