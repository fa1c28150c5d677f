"""The page of receivers: what each is told of, how it is grouped, what was sent."""

from __future__ import annotations

import datetime as dt

import pydantic
import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.models import Unit, UnitLevel
from core import clock
from core.errors import Conflict, FieldError, Invalid
from core.i18n import gettext as _
from core.i18n import lazy
from escalation.notify.channels import SENDERS, Outgoing, SendFailed
from escalation.notify.models import Channel, ChannelKind
from escalation.notify.part import context_of
from escalation.outside import queries, rules, service
from escalation.outside.models import Receiver
from monitor.am import matchers as writing
from monitor.quiet import rules as quiet
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form

blueprint = Blueprint("receivers", __name__, template_folder="../templates")
WHY = {
    rules.Why.FIRST: lazy("第一次"),
    rules.Why.NEW: lazy("有新告警"),
    rules.Why.ALL_OVER: lazy("全部恢复"),
    rules.Why.SOME_OVER: lazy("有告警恢复"),
    rules.Why.AGAIN: lazy("仍未恢复，重发"),
}


class ReceiverForm(ApiModel):
    """A receiver as it is typed: conditions one a line, labels separated by commas or blanks, waits in seconds."""

    name: str = pydantic.Field(min_length=1, max_length=90)
    url: str | None = pydantic.Field(default=None, max_length=600)
    unit: str | None = pydantic.Field(default=None, max_length=40)
    matchers: str = pydantic.Field(default="", max_length=20_000)
    group_by: str = pydantic.Field(default="", max_length=2000)
    group_wait_s: int = pydantic.Field(default=30, ge=0, le=30 * 86_400)
    group_interval_s: int = pydantic.Field(default=300, ge=1, le=30 * 86_400)
    repeat_interval_s: int = pydantic.Field(default=14_400, ge=1, le=30 * 86_400)
    send_resolved: bool = False
    active: bool = False


@blueprint.get("/admin/receivers", endpoint="index")
@access.needs("settings.read")
def receivers() -> ResponseReturnValue:
    """All receivers."""
    session = db.session()
    found = queries.listing(session, q=None, cursor=request.args.get("cursor"), limit=50)
    return render_template(
        "escalation/receivers.html",
        rows=[{"receiver": r, "text": quiet.text(r.matchers)} for r in found.items],
        groups=queries.open_groups(session, found.items),
        next_url=url_for("receivers.index", cursor=found.next) if found.next else None,
    )


@blueprint.get("/admin/receivers/new")
@access.needs("channel.write")
def new() -> ResponseReturnValue:
    """An empty form with the usual waits."""
    given = {"group_by": "alertname", "send_resolved": True, "active": True}
    return _form(Form(ReceiverForm, given), None)


@blueprint.post("/admin/receivers/new")
@access.needs("channel.write")
def create() -> ResponseReturnValue:
    """Make it."""
    return _save(None)


@blueprint.get("/admin/receivers/<int:receiver_id>")
@access.needs("settings.read")
def show(receiver_id: int) -> ResponseReturnValue:
    """What it was told, the newest first. Groups are named by their labels, no alert is shown."""
    session = db.session()
    found = queries.one(session, receiver_id)
    lines = queries.log(session, found, cursor=request.args.get("cursor"))
    return render_template(
        "escalation/receiver.html",
        receiver=found,
        text=quiet.text(found.matchers),
        unit=session.get(Unit, found.unit_id) if found.unit_id is not None else None,
        lines=lines.items,
        why={w.value: word for w, word in WHY.items()},
        next_url=url_for("receivers.show", receiver_id=receiver_id, cursor=lines.next) if lines.next else None,
    )


@blueprint.get("/admin/receivers/<int:receiver_id>/edit")
@access.needs("channel.write")
def edit(receiver_id: int) -> ResponseReturnValue:
    """The form with what it is, but for its address."""
    found = queries.one(db.session(), receiver_id)
    unit = db.session().get(Unit, found.unit_id) if found.unit_id is not None else None
    given = {
        "name": found.name,
        "unit": unit.code if unit is not None else "",
        "matchers": "\n".join(quiet.text([m]) for m in found.matchers),
        "group_by": ", ".join(found.group_by),
        "group_wait_s": found.group_wait_s,
        "group_interval_s": found.group_interval_s,
        "repeat_interval_s": found.repeat_interval_s,
        "send_resolved": found.send_resolved,
        "active": found.active,
    }
    return _form(Form(ReceiverForm, given), found)


@blueprint.post("/admin/receivers/<int:receiver_id>/edit")
@access.needs("channel.write")
def save(receiver_id: int) -> ResponseReturnValue:
    """Change it."""
    return _save(queries.one(db.session(), receiver_id))


@blueprint.post("/admin/receivers/<int:receiver_id>/test")
@access.needs("channel.write")
def test(receiver_id: int) -> ResponseReturnValue:
    """Send an empty group now, and say what came of it."""
    session = db.session()
    found = queries.one(session, receiver_id)
    name, url = found.name, session.get_one(Channel, found.channel_id).url or ""
    session.rollback()  # nothing is held open while we talk to the outside
    body = rules.message(name, '{}:{test="true"}', {"test": "true"}, [_example(clock.now())], send_resolved=True)
    outgoing = Outgoing(
        key=f"test:receiver:{receiver_id}:{int(clock.now().timestamp())}",
        address="",
        subject=_("测试通知"),
        body=rules.dumped(body),
        url="/",
        person_id=None,
        ref="test",
    )
    try:
        SENDERS[ChannelKind.WEBHOOK](outgoing, url, context_of(current_app.config["TAXOPS"]))
        flash(_("已发出，对方已接收。"), "ok")
    except SendFailed as error:
        flash(_("没有发出：%(error)s", error=error), "critical")
    return redirect(url_for("receivers.show", receiver_id=receiver_id), 303)


@blueprint.post("/admin/receivers/<int:receiver_id>/retire")
@access.needs("channel.write")
def retire(receiver_id: int) -> ResponseReturnValue:
    """It is told of nothing any more."""
    session = db.session()
    service.retire(session, queries.one(session, receiver_id), now=clock.now())
    session.commit()
    flash(_("接收方已停用，不再推送。"), "ok")
    return redirect(url_for("receivers.index"), 303)


def _example(now: dt.datetime) -> rules.Told:
    labels = {"alertname": "TaxopsTest", "severity": "info", "test": "true"}
    return rules.Told("0" * 16, labels, {"summary": _("这是一条测试通知，请忽略。")}, now, now, "")


def _form(form: Form[ReceiverForm], receiver: Receiver | None) -> str:
    wide = (UnitLevel.PROVINCE, UnitLevel.CITY, UnitLevel.COUNTY)
    units = db.session().execute(sa.select(Unit.code, Unit.name).where(Unit.level.in_(wide)).order_by(Unit.code)).all()
    return render_template(
        "escalation/receiver_form.html", form=form, receiver=receiver, units=[(code, name) for code, name in units]
    )


def _save(receiver: Receiver | None) -> ResponseReturnValue:
    session = db.session()
    form = Form(ReceiverForm, request.form)
    body = form.validate()
    wanted = _wanted(form, body) if body is not None else None
    if wanted is not None:
        try:
            saved = service.put(session, wanted, receiver=receiver, now=clock.now())
        except Invalid as error:
            form.refuse(error)
        except Conflict as error:
            form.errors.append(FieldError("name", error.message))
        else:
            session.commit()
            flash(_("接收方已保存，可以发一条测试通知。"), "ok")
            return redirect(url_for("receivers.show", receiver_id=saved.id), 303)
    number = receiver.id if receiver is not None else None
    session.rollback()
    return _form(form, queries.one(session, number) if number is not None else None), 422


def _wanted(form: Form[ReceiverForm], body: ReceiverForm) -> service.Wanted | None:
    found = []
    for number, line in enumerate(body.matchers.splitlines(), 1):
        if line.strip():
            try:
                found.append(writing.parse(line))
            except Invalid as error:
                said = _("第 %(n)d 行：%(why)s", n=number, why=error.message)
                form.errors.append(FieldError("matchers", said))
    if form.errors:
        return None
    return service.Wanted(
        name=body.name,
        url=body.url or None,
        unit=body.unit or None,
        matchers=tuple(found),
        group_by=body.group_by.replace(",", " ").replace("，", " ").split(),
        group_wait_s=body.group_wait_s,
        group_interval_s=body.group_interval_s,
        repeat_interval_s=body.repeat_interval_s,
        send_resolved=body.send_resolved,
        active=body.active,
    )
