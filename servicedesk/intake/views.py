"""我要报障: one big box, what is known already, a few plain questions, and a summary (T-08, T-09)."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import Invalid, NotFound
from core.i18n import gettext as _
from servicedesk import catalogue
from servicedesk.attachments import service as attachments
from servicedesk.blueprint import REPORT, blueprint
from servicedesk.intake import attached, guides
from servicedesk.tickets import access, cards, categories, facts, family, naming, rules, side_api
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.opening import Report, open_ticket
from servicedesk.tickets.states import Kind
from web import access as door
from web import once
from web.api import ApiModel
from web.db import db
from web.forms import Form

_KEYS = frozenset(categories.BY_KEY)
MOST_FILES = 10


def _known_category(value: str) -> str:
    if value not in _KEYS:
        raise ValueError(_("请选择是哪一类问题。"))
    return value


class ReportIn(ApiModel):
    """What the form asks besides the guide's questions (fields `q-…`)."""

    text: Annotated[str, pydantic.Field(min_length=2, max_length=10_000)]
    category: Annotated[str, pydantic.AfterValidator(_known_category)]
    service: int | None = None
    item: int | None = None


@blueprint.get("/report")
@door.needs(*REPORT)
def report() -> ResponseReturnValue:
    """The form; values of the address fill it (a link from an item, a pressed category)."""
    return _page(Form(ReportIn, request.args))


def _page(form: Form[ReportIn], status: int = 200) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    category = str(form.value("category") or "")
    chosen = _number(form.value("service")), _number(form.value("item"))
    return render_template(
        "servicedesk/report.html",
        form=form,
        categories=categories.INCIDENT_CATEGORIES,
        category=category,
        guide=guides.guide_for(category) if category else None,
        answers=request.values,
        services=catalogue.offered(session),
        items=catalogue.items_of_unit(session, who.unit_id),
        known=attached.known(session, who, service_id=chosen[0], item_id=chosen[1], now=clock.now()),
        taken_off=set(request.values.getlist("without")),
        key=once.new_key(),
    ), status


def _number(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isdigit() and len(text) < 16 else None  # noqa: PLR2004  fits an id


@blueprint.get("/report/guide")
@door.needs(*REPORT)
def guide() -> ResponseReturnValue:
    """The questions of a category, as a part of the form."""
    category = request.args.get("category", "")
    return render_template(
        "servicedesk/_guide.html", guide=guides.guide_for(category) if category else None, answers=request.args
    )


@blueprint.get("/report/known")
@door.needs(*REPORT)
def known() -> ResponseReturnValue:
    """What the platform would attach, as a part of the form."""
    found = attached.known(
        db.session(),
        viewer(),
        service_id=_number(request.args.get("service")),
        item_id=_number(request.args.get("item")),
        now=clock.now(),
    )
    return render_template("servicedesk/_known.html", known=found, taken_off=set(request.args.getlist("without")))


@blueprint.post("/report")
@door.needs(*REPORT)
def submit() -> ResponseReturnValue:
    """Open the ticket; without JavaScript the button “显示问题” comes here too and only shows the questions."""
    form = Form(ReportIn, request.form)
    if request.form.get("step") == "questions":
        return _page(form)
    session = db.session()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    values = form.validate()
    if values is None:
        return _page(form, 422)
    try:
        ticket = _open(values)
        _attach_files(ticket)
    except Invalid as error:
        session.rollback()
        form.refuse(error)
        return _page(form, 422)
    url = f"/desk/tickets/{ticket.number}"
    once.finish(first, url)
    session.commit()
    flash(_("已提交，单号 %(n)s。处理进展会在这里和通知里告诉您。", n=ticket.number), "success")
    return redirect(url, 303)


def _open(values: ReportIn) -> Ticket:
    session, who, now = db.session(), viewer(), clock.now()
    answers = {k.removeprefix("q-"): v for k, v in request.form.items() if k.startswith("q-") and v}
    said = guides.conclude(values.category, answers)
    service_id, item_id = naming.service(session, values.service), naming.item(session, values.item)
    found = attached.known(session, who, service_id=service_id, item_id=item_id, now=now)
    ticket = open_ticket(
        session,
        Report(
            title=rules.short_title(values.text),
            description=values.text,
            category=values.category,
            unit_id=who.unit_id,
            reporter_id=who.person_id,
            service_id=service_id,
            item_id=item_id,
            urgency=said.urgency,
            people_hit=said.people,
            answers=answers or None,
            error_code=rules.error_code(f"{values.text}\n{answers.get('error', '')}"),
        ),
        by=who.person_id,
        now=now,
    )
    if extra := attached.as_text(found, set(request.form.getlist("without"))):
        facts.append(
            session, ticket, What.COMMENTED, now=now, text=_("平台附上：\n%(what)s", what=extra), internal=True
        )
    return ticket


def _attach_files(ticket: Ticket) -> None:
    session, who, now = db.session(), viewer(), clock.now()
    files = [f for f in request.files.getlist("files") if f.filename]
    if len(files) > MOST_FILES:
        raise Invalid.of("files", _("一次最多 %(n)s 个附件。", n=MOST_FILES))
    for file in files:
        try:
            attachments.attach(
                session,
                who,
                ticket,
                side_api.store(),
                name=file.filename,
                content=side_api.read(file),
                internal=False,
                now=now,
            )
        except Invalid as error:
            raise Invalid.of("files", error.errors[0].message if error.errors else error.message) from error


@blueprint.get("/tickets/<number>/me-too")
@door.needs(*REPORT)
def me_too_form(number: str) -> ResponseReturnValue:
    """“我也遇到”: the public card, and one box."""
    return render_template("servicedesk/me_too.html", card=_card(number), key=once.new_key())


def _card(number: str) -> cards.Card:
    ticket = cards.by_number(db.session(), viewer(), number)
    if ticket.kind is not Kind.INCIDENT:
        raise NotFound(_("没有这个事项，或您无权查看。"))
    return cards.card_of(db.session(), ticket)


@blueprint.post("/tickets/<number>/me-too")
@door.needs(*REPORT)
def me_too(number: str) -> ResponseReturnValue:
    """The viewer's own child of that matter."""
    session = db.session()
    _card(number)
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    parent = cards.by_number(session, viewer(), number)
    child = family.affects_me_too(session, viewer(), parent, text=request.form.get("text", "").strip(), now=clock.now())
    url = f"/desk/tickets/{child.number}"
    once.finish(first, url)
    session.commit()
    flash(_("已记录您也遇到，单号 %(n)s；故障解决时会通知您。", n=child.number), "success")
    return redirect(url, 303)


@blueprint.get("/tickets/<number>/card")
@door.needs(*REPORT)
def card(number: str) -> ResponseReturnValue:
    """The public card as a page, for whoever may not see the ticket itself."""
    session = db.session()
    shown = _card(number)
    try:
        access.get(session, viewer(), number)
    except NotFound:
        return render_template("servicedesk/me_too.html", card=shown, key=once.new_key())
    return redirect(f"/desk/tickets/{number}", 303)
