"""On-call pages, and the link in a page that acknowledges without signing in (E-10)."""

from __future__ import annotations

import pydantic
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from core import clock
from core.errors import Forbidden, Invalid
from core.i18n import gettext as _
from escalation.notify import postponed, timekeeping
from escalation.oncall import queries, roster, service, setup
from escalation.oncall.schemas import OverrideForm
from servicedesk.tickets import access as ticket_access
from servicedesk.tickets import service as tickets
from servicedesk.tickets.models import Ticket
from web import access, ratelimit
from web.db import db
from web.messages import as_invalid

blueprint = Blueprint("oncall", __name__, template_folder="../templates")


@blueprint.get("/oncall")
@access.needs("oncall.read")
def index() -> ResponseReturnValue:
    """Who is on duty now, the coming fortnight, and what is being paged."""
    return _page(None)


def _page(error: Invalid | None) -> str:
    session, who, now = db.session(), viewer(), clock.now()
    duties = [queries.duty(session, who, row, now) for row in queries.schedules(session, who)]
    return render_template(
        "escalation/oncall.html",
        duties=duties,
        chains=queries.running_chains(session, who),
        untold=postponed.untold(session, who),
        clock_name=timekeeping.clock_name,
        policies=[
            (p, [(s, queries.step_words(session, s)) for s in p.steps], queries.may_change(session, who, p))
            for p in queries.policies(session, who)
        ],
        candidates={
            d.schedule.id: [(p.login, p.name) for p in queries.candidates(session, d.schedule)]
            for d in duties
            if d.may_change
        },
        error=error,
        form=request.form,
    )


@blueprint.get("/oncall/wall")
@access.needs("wall.read", "oncall.read")
def wall() -> ResponseReturnValue:
    """Whether somebody is on duty, roster by roster; no names, since a wall is read by everybody who passes."""
    session, who, now = db.session(), viewer(), clock.now()
    permission = "oncall.read" if who.can("oncall.read") else "wall.read"
    rows = queries.schedules(session, who, permission)
    return render_template(
        "escalation/_wall.html", rows=[(row, roster.person_on_call(session, row, now) is not None) for row in rows]
    )


@blueprint.post("/oncall/<int:schedule_id>/overrides")
@access.needs("oncall.write")
def add_override(schedule_id: int) -> ResponseReturnValue:
    """Let somebody stand in, from the page's form (local times)."""
    session, now = db.session(), clock.now()
    row = queries.schedule(session, viewer(), schedule_id, "oncall.write")
    try:
        given = OverrideForm.model_validate({k: request.form.get(k, "") for k in OverrideForm.model_fields})
        setup.override(
            session,
            row,
            login=given.person,
            from_at=given.from_at,
            until_at=given.until_at,
            reason=given.reason,
            by_id=viewer().person_id,
            now=now,
        )
    except (pydantic.ValidationError, Invalid) as error:
        session.rollback()
        return _page(error if isinstance(error, Invalid) else as_invalid(error)), 422
    session.commit()
    flash(_("替班已登记。"))
    return redirect(url_for("oncall.index"), 303)


@blueprint.post("/oncall/<int:schedule_id>/overrides/<int:override_id>/cancel")
@access.needs("oncall.write")
def cancel_override(schedule_id: int, override_id: int) -> ResponseReturnValue:
    """Take an override back."""
    row = queries.schedule(db.session(), viewer(), schedule_id, "oncall.write")
    setup.cancel_override(db.session(), row, override_id, now=clock.now())
    db.session().commit()
    flash(_("替班已取消。"))
    return redirect(url_for("oncall.index"), 303)


def _secret() -> str:
    return str(current_app.config["TAXOPS"].secret_key)


@blueprint.get("/ack/<token>")
@access.public
def ack_page(token: str) -> ResponseReturnValue:
    """What the link in a page shows: the incident in three lines and one big button. Looking changes nothing, so a mail
    scanner that follows links acknowledges nothing."""
    ratelimit.hit("60/minute", "ack", request.remote_addr or "")
    _row, chain, person = service.link(db.session(), _secret(), token, now=clock.now())
    ticket = db.session().get_one(Ticket, chain.ticket_id)
    return render_template("escalation/ack.html", ticket=ticket, chain=chain, person=person, token=token, done=False)


@blueprint.post("/ack/<token>")
@access.public
def ack(token: str) -> ResponseReturnValue:
    """Acknowledge with the link's person as the actor; the link is used up."""
    ratelimit.hit("60/minute", "ack", request.remote_addr or "")
    now = clock.now()
    session = db.session()
    row, chain, person = service.link(session, _secret(), token, now=now, lock=True)
    session.info["actor"] = person.login
    row.used_at = now
    ticket = session.get_one(Ticket, chain.ticket_id)
    tickets.acknowledged_by(session, ticket, person.id, now=now)
    service.acknowledged(session, ticket.id, by_id=person.id, now=now)
    session.commit()
    return render_template("escalation/ack.html", ticket=ticket, chain=chain, person=person, token=token, done=True)


@blueprint.get("/oncall/tickets/<number>/chain")
@access.needs("ticket.read", "ticket.work")
def chain_fragment(number: str) -> ResponseReturnValue:
    """The paging of a ticket, for the ticket page."""
    session = db.session()
    ticket = ticket_access.get(session, viewer(), number)
    return render_template(
        "escalation/_chain.html",
        found=queries.chain_of(session, ticket.id),
        ticket=ticket,
        postponed=postponed.of_ticket(session, ticket.id),
        clock_name=timekeeping.clock_name,
        may_escalate=_may_escalate(ticket_access.standing(session, viewer(), ticket)),
    )


def _may_escalate(who: ticket_access.Standing) -> bool:
    """Whoever works the matter, answers for it while a vendor has it, or heads those who do."""
    return who.worker or who.superior or who.head


@blueprint.post("/oncall/tickets/<number>/escalate")
@access.needs("ticket.work")
def escalate(number: str) -> ResponseReturnValue:
    """Page the next step at once; two who press it together page two steps, not the same one twice."""
    ticket = ticket_access.get(db.session(), viewer(), number, lock=True)
    if not _may_escalate(ticket_access.standing(db.session(), viewer(), ticket)):
        raise Forbidden(_("您可以查看此事项，但不能为它呼叫下一位。"))
    service.escalate_now(db.session(), ticket, by_id=viewer().person_id, now=clock.now())
    db.session().commit()
    flash(_("已呼叫下一位。"))
    return redirect(f"/desk/tickets/{ticket.number}", 303)
