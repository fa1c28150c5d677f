"""Inhibition rules, which an administrator edits: while a greater fault fires, its consequences call nobody (A-04)."""

from __future__ import annotations

from typing import Any

import pydantic
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from core import clock
from core.errors import Conflict, FieldError, Invalid
from core.i18n import gettext as _
from monitor.am import matchers as writing
from monitor.am.matchers import Matcher
from monitor.pages.blueprint import blueprint
from monitor.quiet import queries, rules, service
from monitor.quiet.models import InhibitionRule
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form


class RuleForm(ApiModel):
    """A rule as it is typed: conditions one a line, labels separated by commas or blanks."""

    name: str = pydantic.Field(min_length=1, max_length=90)
    source: str = pydantic.Field(min_length=1, max_length=20_000)
    target: str = pydantic.Field(min_length=1, max_length=20_000)
    equal: str = pydantic.Field(default="", max_length=2000)
    across_units: bool = False
    active: bool = False


@blueprint.get("/admin/inhibition-rules")
@access.needs("settings.read")
def inhibitions() -> ResponseReturnValue:
    """All rules, with how many alerts each keeps quiet now."""
    session = db.session()
    found = queries.rules_in_use(session)
    return render_template(
        "monitor/inhibitions.html",
        rows=[{"rule": r, "source": rules.text(r.source), "target": rules.text(r.target)} for r in found],
    )


@blueprint.get("/admin/inhibition-rules/new")
@access.needs("settings.write")
def new_inhibition() -> ResponseReturnValue:
    """An empty form with an example to start from."""
    return _form(Form(RuleForm, {"active": True, "equal": "unit"}), None)


@blueprint.post("/admin/inhibition-rules/new")
@access.needs("settings.write")
def create_inhibition() -> ResponseReturnValue:
    """Make it."""
    return _save(None)


@blueprint.get("/admin/inhibition-rules/<int:rule_id>")
@access.needs("settings.write")
def edit_inhibition(rule_id: int) -> ResponseReturnValue:
    """The form with what it is."""
    found = queries.rule(db.session(), rule_id)
    given = {
        "name": found.name,
        "source": _lines(found.source),
        "target": _lines(found.target),
        "equal": ", ".join(found.equal),
        "across_units": found.across_units,
        "active": found.active,
    }
    return _form(Form(RuleForm, given), found)


@blueprint.post("/admin/inhibition-rules/<int:rule_id>")
@access.needs("settings.write")
def save_inhibition(rule_id: int) -> ResponseReturnValue:
    """Change it."""
    return _save(queries.rule(db.session(), rule_id))


@blueprint.post("/admin/inhibition-rules/<int:rule_id>/retire")
@access.needs("settings.write")
def retire_inhibition(rule_id: int) -> ResponseReturnValue:
    """It holds no more."""
    session = db.session()
    service.retire_rule(session, queries.rule(session, rule_id), now=clock.now())
    session.commit()
    flash(_("规则已停用；被它压住、仍在发生的告警恢复通知。"), "ok")
    return redirect(url_for("monitor.inhibitions"), 303)


def _lines(matchers: list[dict[str, str]]) -> str:
    return "\n".join(rules.text([m]) for m in matchers)


def _form(form: Form[RuleForm], rule: InhibitionRule | None) -> str:
    return render_template("monitor/inhibition_form.html", form=form, rule=rule)


def _save(rule: InhibitionRule | None) -> ResponseReturnValue:
    session = db.session()
    form = Form(RuleForm, request.form)
    body = form.validate()
    wanted = _wanted(form, body) if body is not None else None
    if wanted is not None:
        try:
            service.put_rule(session, wanted, rule=rule, now=clock.now())
        except Invalid as error:
            form.refuse(error)
        except Conflict as error:
            form.errors.append(FieldError("name", error.message))
        else:
            session.commit()
            flash(_("规则已保存，对正在发生的告警立即有效。"), "ok")
            return redirect(url_for("monitor.inhibitions"), 303)
    number = rule.id if rule is not None else None
    session.rollback()
    return _form(form, queries.rule(session, number) if number is not None else None), 422


def _wanted(form: Form[Any], body: RuleForm) -> service.WantedRule | None:
    source, target = _read(form, "source", body.source), _read(form, "target", body.target)
    if form.errors:
        return None
    equal = [name for name in body.equal.replace(",", " ").replace("，", " ").split() if name]
    return service.WantedRule(body.name, source, target, equal, body.across_units, body.active)


def _read(form: Form[Any], field: str, text: str) -> tuple[Matcher, ...]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(writing.parse(line))
            except Invalid as error:
                said = _("第 %(n)d 行：%(why)s", n=number, why=error.message)
                form.errors.append(FieldError(field, said))
    return tuple(found)
