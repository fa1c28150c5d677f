"""The ticket page, its actions, and the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Response, flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload

from accounts.current import viewer
from accounts.models import Team, Unit
from core import clock
from core.errors import Conflict, Forbidden, Invalid
from core.i18n import gettext as _
from servicedesk import catalogue
from servicedesk.attachments import service as attachments
from servicedesk.attachments.download import download
from servicedesk.blueprint import EVERYBODY, blueprint
from servicedesk.custody import service as custody
from servicedesk.custody.models import CustodySpan
from servicedesk.intake import guides, standards
from servicedesk.tickets import (
    access,
    action_forms,
    categories,
    conversation,
    drafts,
    family,
    mentions,
    presenting,
    side_api,
    telling,
    views_of,
)
from servicedesk.tickets.facts import What
from servicedesk.tickets.models import StepDone, Ticket, TicketEpisode, TicketFact
from servicedesk.tickets.states import ACTION_LABELS, Action, has_process
from web import access as door
from web import once, storable
from web.db import db

ALERTS_SHOWN = 5


def load(number: str, *, lock: bool = False) -> Ticket:
    """The ticket, or 404."""
    return access.get(db.session(), viewer(), number, lock=lock)


def page(
    ticket: Ticket,
    *,
    doing: Action | None = None,
    form: Any = None,
    status: int = 200,
    refused: str = "",
    unseeing: Sequence[str] = (),
) -> ResponseReturnValue:
    """The whole page; `doing` opens the panel of an action, with what was typed; `refused`: why it was not done.

    `unseeing`: names in the comment that was typed, of people who may not see it.
    """
    session, who, now = db.session(), viewer(), clock.now()
    stands = access.standing(session, who, ticket)
    ledger = custody.ledger(session, ticket.id)
    whole = ledger
    if stands.vendor:
        ledger = [row for row in ledger if row.team.unit_id == who.vendor_unit_id] or ledger[-1:]
    found = presenting.clocks_of(session, ticket, now=now)
    overall: dict[str, Any] | None
    steps, overall = presenting.stepper(session, ticket, ledger, found, now=now)
    if stands.vendor:  # its own clocks, by its own contract
        found = [clock for clock in found if clock.name.startswith("line-vendor")]
        overall = None
    actions = access.actions_for(ticket, stands)
    facts = views_of.timeline(session, who, ticket)
    readable = catalogue.readable(session, who, [ticket.item_id, ticket.service_id])
    if doing is not None and doing not in actions:
        doing = None
    return render_template(
        "servicedesk/ticket.html",
        ticket=ticket,
        stands=stands,
        steps=steps,
        overall=overall,
        offers=actions,
        doing=doing,
        form=form,
        watchers=mentions.watchers(session, ticket) if stands.reads else [],
        **_unsent(ticket, refused, _typed(form) if refused and doing is None else [], unseeing),
        entries=telling.entries(facts, _files(ticket, {f.id for f in facts})),
        choices=action_forms.choices(session, ticket, doing),
        clocks=found,
        clock_label=presenting.clock_label,
        **_words(ticket),
        service=catalogue.brief(session, ticket.service_id),
        item=catalogue.brief(session, ticket.item_id),
        alerts=_alerts(ticket) if stands.reads else [],
        readable=readable,
        changes=catalogue.changes(session, readable, until=now),
        children=presenting.rows(session, family.children(session, ticket)) if stands.reads else [],
        watching=stands.follower and not stands.reporter,
        key=once.new_key(),
        handoff_matters=_handoff_matters(ticket, facts),
        receives=_receives(ticket, whole),
        still=action_forms.still_failing(session, ticket, doing),
    ), status


def _words(ticket: Ticket) -> dict[str, Any]:
    """The ticket's own marks in words, its standard, and what actions are called."""
    return {
        "state_label": presenting.state_label(ticket),
        "category": categories.label(ticket.category),
        "kind_label": presenting.kind_label(ticket),
        "source_label": presenting.source_label(ticket),
        "only_recorded": not ticket.ended and not has_process(ticket.kind),
        "said": guides.conclude(ticket.category, ticket.answers or {}).words,
        "standard": standards.standard_for(ticket.category),
        "done_steps": _done_steps(ticket),
        "labels": ACTION_LABELS,
        "one_click": action_forms.ONE_CLICK,
        "Action": Action,
    }


def _unsent(ticket: Ticket, refused: str, kept: list[str], unseeing: Sequence[str]) -> dict[str, Any]:
    """What was typed and is not stored: for an action that was refused, in a comment that was held back, as a draft."""
    draft = drafts.of(db.session(), viewer(), ticket)
    typed = request.form if unseeing else {}
    chosen = bool(unseeing) and any(
        file.filename for file in request.files.getlist("files")
    )  # a browser lets go of them
    held = {"unseeing": unseeing, "typed": typed, "files_again": chosen}
    return {"refused": refused, "kept": kept, "draft": draft, **held}


def _typed(form: Any) -> list[str]:
    """What was typed into the panel of an action that can't be done any more: shown, so that nothing is lost."""
    values = [str(form.value(name)) for name in form.schema.model_fields] if form is not None else []
    return [value for value in values if value.strip()]


def _receives(ticket: Ticket, ledger: list[CustodySpan]) -> bool:
    """The matter waits for one of the viewer's teams to take it over."""
    if not ticket.handoff_pending or not ledger or ledger[-1].waiting_team_id is None:
        return False
    who, team = viewer(), db.session().get_one(Team, ledger[-1].waiting_team_id)
    return team.id in who.member_of or (team.unit_id == who.unit_id and who.can("ticket.work", "vendor.work"))


def _handoff_matters(ticket: Ticket, facts: list[TicketFact]) -> bool:
    """A hand-off is under way, or the last one came back: what it says is the next thing to read."""
    if ticket.handoff_pending:
        return True
    last = next((f.kind for f in reversed(facts) if f.kind in {What.SENT, What.RETURNED, What.ACCEPTED}), None)
    return last == What.RETURNED and not ticket.ended


def _files(ticket: Ticket, shown: set[int]) -> list[Any]:
    from servicedesk.attachments.models import Attachment

    rows = db.session().scalars(
        sa.select(Attachment)
        .options(joinedload(Attachment.said))
        .where(Attachment.ticket_id == ticket.id)
        .order_by(Attachment.id)
    )
    return [row for row in rows if row.fact_id in shown]


def _alerts(ticket: Ticket) -> list[TicketEpisode]:
    query = sa.select(TicketEpisode).where(TicketEpisode.ticket_id == ticket.id)
    return list(db.session().scalars(query.order_by(TicketEpisode.started_at.desc()).limit(ALERTS_SHOWN)))


def _done_steps(ticket: Ticket) -> dict[str, StepDone]:
    rows = db.session().scalars(sa.select(StepDone).where(StepDone.ticket_id == ticket.id))
    return {row.step: row for row in rows}


@blueprint.get("/tickets/<number>")
@door.needs(*EVERYBODY)
def ticket(number: str) -> ResponseReturnValue:
    """The ticket page; `?do=resolve` opens that action's panel."""
    wanted = request.args.get("do") or ("resolve" if request.args.get("article") else "")
    doing = Action(wanted) if wanted in set(Action) else None
    return page(load(number), doing=doing)


@blueprint.post("/tickets/<number>/actions/<action>")
@door.needs(*EVERYBODY)
def act(number: str, action: str) -> ResponseReturnValue:
    """Do an action; what is wrong is shown in its panel with nothing lost."""
    session = db.session()
    subject = load(number, lock=True)
    if action not in set(Action):
        flash(_("没有这个操作。"), "error")
        return redirect(f"/desk/tickets/{number}", 303)
    doing = Action(action)
    form = action_forms.form_for(doing, request.form)
    try:
        values = form.validate() if form is not None else None
        if form is not None and values is None:
            return page(subject, doing=doing, form=form, status=422)
        action_forms.perform(session, viewer(), subject, doing, values, now=clock.now())
    except Invalid as error:
        session.rollback()
        if form is None:
            flash(error.message, "error")
            return redirect(f"/desk/tickets/{number}", 303)
        form.refuse(error)
        return page(load(number), doing=doing, form=form, status=422)
    except (Conflict, Forbidden) as error:
        session.rollback()
        if form is not None:  # somebody was faster: what was typed is shown with what became of it
            return page(load(number), doing=doing, form=form, status=error.status, refused=error.message)
        flash(error.message, "error")
        return redirect(f"/desk/tickets/{number}", 303)
    session.commit()
    flash(_("已%(what)s。", what=str(ACTION_LABELS[doing])), "success")
    return redirect(f"/desk/tickets/{number}", 303)


@blueprint.post("/tickets/<number>/comments")
@door.needs(*EVERYBODY)
def comment(number: str) -> ResponseReturnValue:
    """A comment, with files."""
    session, now = db.session(), clock.now()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    subject = load(number, lock=True)
    internal = request.form.get("internal") == "true"
    files = [f for f in request.files.getlist("files") if f.filename]
    url = f"/desk/tickets/{number}"
    if not request.form.get("anyway") and (unseeing := _unseeing(subject, internal)):
        session.rollback()
        return page(load(number), status=422, unseeing=unseeing)
    try:
        text = storable.text("text", request.form.get("text", "")).strip() or (_("见附件。") if files else "")
        fact = conversation.comment(session, viewer(), subject, text=text, internal=internal, now=now)
        for file in files:
            attachments.attach(
                session,
                viewer(),
                subject,
                side_api.store(),
                name=file.filename,
                content=side_api.read(file),
                internal=internal,
                now=now,
                fact=fact,
            )
    except Invalid as error:
        session.rollback()
        flash(error.errors[0].message if error.errors else error.message, "error")
        return redirect(url, 303)
    drafts.drop(session, viewer(), subject)
    once.finish(first, url)
    session.commit()
    return redirect(url, 303)


def _unseeing(ticket: Ticket, internal: bool) -> list[str]:
    """Those the comment mentions who may not see it: said before it is sent."""
    text = request.form.get("text", "")
    return mentions.unseeing(db.session(), ticket, text, internal=internal, by=viewer(), now=clock.now())


@blueprint.post("/tickets/<number>/watch")
@door.needs(*EVERYBODY)
def watch(number: str) -> ResponseReturnValue:
    """Follow, or stop following; the page that comes next offers to undo the latter."""
    session, on = db.session(), request.form.get("on") == "true"
    conversation.watch(session, viewer(), load(number, lock=True), now=clock.now(), on=on)
    session.commit()
    if not on:
        seen = session.scalar(sa.select(Ticket.id).where(Ticket.number == number, access.visible(viewer())))
        where = f"/desk/tickets/{number}" if seen else "/desk/mine"
        return redirect(f"{where}?unwatched={number}", 303)
    return (
        redirect(request.form.get("back") or f"/desk/tickets/{number}", 303)
        if _is_local(request.form.get("back"))
        else redirect(f"/desk/tickets/{number}", 303)
    )


@blueprint.post("/tickets/<number>/watch/undo")
@door.needs(*EVERYBODY)
def watch_again(number: str) -> ResponseReturnValue:
    """Undo having stopped to follow."""
    session = db.session()
    conversation.watch_again(session, viewer(), number, now=clock.now())
    session.commit()
    return redirect(f"/desk/tickets/{number}", 303)


@blueprint.get("/tickets/<number>/people")
@door.needs(*EVERYBODY)
def mentionable(number: str) -> ResponseReturnValue:
    """Whom “@” offers: people who may see the ticket."""
    session = db.session()
    start = storable.text("q", request.args.get("q", "")[:40])
    found = mentions.offered(session, viewer(), load(number), start, now=clock.now())
    rows = session.execute(sa.select(Unit.id, Unit.name).where(Unit.id.in_([p.unit_id for p in found])))
    units = {row.id: row.name for row in rows}
    return jsonify([{"login": p.login, "name": p.name, "unit": units.get(p.unit_id, "")} for p in found])


def _is_local(url: str | None) -> bool:
    return url is None or (url.startswith("/desk/") and "//" not in url)


@blueprint.post("/tickets/<number>/steps")
@door.needs(*EVERYBODY)
def steps(number: str) -> ResponseReturnValue:
    """Tick or untick steps of the standard."""
    session = db.session()
    subject = load(number, lock=True)
    wanted = set(request.form.getlist("step"))
    done = set(_done_steps(subject))
    for step in standards.standard_for(subject.category).steps:
        if (step.key in wanted) != (step.key in done):
            conversation.do_step(session, viewer(), subject, step.key, done=step.key in wanted, now=clock.now())
    session.commit()
    return redirect(f"/desk/tickets/{number}#standard", 303)


@blueprint.get("/attachments/<int:attachment_id>")
@door.needs(*EVERYBODY)
def attachment(attachment_id: int) -> Response:
    """A file, as a download."""
    row = attachments.get(db.session(), viewer(), attachment_id)
    return download(side_api.store(), row.sha256, row.name, row.media_type)
