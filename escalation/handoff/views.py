"""The hand-up page with the sheet and the recorded search; the panel of hand-offs; accept, return, arbitrate; urge."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.models import Team
from core import clock
from core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from core.i18n import gettext as _
from escalation.handoff import arbitration, known, queries, receiving, rules, service, sheets
from escalation.handoff.api import receiver
from escalation.handoff.models import Handoff
from escalation.urging import service as urging
from servicedesk.custody import routing
from servicedesk.custody import service as custody
from servicedesk.custody.rules import LINE_LABELS
from servicedesk.tickets import access, naming
from servicedesk.tickets.models import Ticket
from servicedesk.tickets.states import Action
from web import access as door
from web import once
from web.db import db

blueprint = Blueprint("handoff", __name__, template_folder="templates", url_prefix="/desk/tickets/<number>")
EVERYBODY = ("ticket.report", "ticket.read", "ticket.work", "vendor.work")


def _ticket(number: str, *, lock: bool = False) -> Ticket:
    return access.get(db.session(), viewer(), number, lock=lock)


def _url(number: str) -> str:
    return f"/desk/tickets/{number}"


# --- sending --------------------------------------------------------------------------------------------------------


@blueprint.get("/hand-up")
@door.needs("ticket.hand-up")
def hand_up_form(number: str) -> ResponseReturnValue:
    """The sheet, filled as far as the platform can."""
    ticket = _ticket(number)
    if Action.HAND_UP not in access.actions_for(ticket, access.standing(db.session(), viewer(), ticket)):
        flash(_("受理之后才能上报；已经上报的要先等对方受理或撤回。"), "warning")
        return redirect(_url(number), 303)
    return _page(ticket, known.prefilled(db.session(), ticket), {}, None)


def _page(
    ticket: Ticket, sheet: dict[str, str], typed: dict[str, str], error: Invalid | None, status: int = 200
) -> ResponseReturnValue:
    session = db.session()
    up = routing.team_one_line_up(session, ticket.team, service_id=ticket.service_id)
    return render_template(
        "handoff/hand_up.html",
        ticket=ticket,
        lines=sheets.lines_for(ticket.category),
        sheet=sheet,
        typed=typed,
        errors={e.field: e.message for e in error.errors} if error else {},
        message=error.message if error else "",
        up=up,
        teams=[_named(team) for team in receiving.receivers(session, ticket, now=clock.now())],
        filled=known.prefilled(session, ticket),
        key=once.new_key(),
        query=typed.get("query") or " ".join(part for part in (ticket.title, ticket.error_code) if part),
    ), status


def _named(team: Team) -> tuple[str, str]:
    return team.code, f"{LINE_LABELS[custody.line_of(team)]} · {team.unit.name} · {team.name}"


@blueprint.post("/hand-up")
@door.needs("ticket.hand-up")
def hand_up(number: str) -> ResponseReturnValue:
    """Send it; what is missing is named beside each line, with nothing lost."""
    session = db.session()
    answer, first = once.begin(request.form.get("key"))
    if answer:
        return redirect(answer, 303)
    ticket = _ticket(number, lock=True)
    typed = {k: v for k, v in request.form.items() if k in {"to", "reason", "article", "none_fits_because"}}
    typed["query"] = request.form.get("text", "")
    sheet = {line.key: request.form.get(f"sheet-{line.key}", "") for line in sheets.lines_for(ticket.category)}
    try:
        search = {
            k: typed.get(k, "").strip() for k in ("query", "article", "none_fits_because") if typed.get(k, "").strip()
        }
        made = service.send(
            session,
            viewer(),
            ticket,
            to=receiver(ticket, typed.get("to") or None),
            reason=typed.get("reason", ""),
            sheet=dict(sheet),
            search=search,
            route="page",
            now=clock.now(),
        )
    except Invalid as error:
        session.rollback()
        return _page(_ticket(number), sheet, typed, error, 422)
    except (Conflict, Forbidden) as error:
        session.rollback()
        flash(error.message, "error")
        return redirect(_url(number), 303)
    once.finish(first, _url(number))
    session.commit()
    flash(_("已上报给%(to)s。对方受理之前，仍由您负责。", to=made.to_team.name), "success")
    return redirect(_url(number), 303)


# --- the panel, and answering ---------------------------------------------------------------------------------------


@blueprint.get("/handoffs")
@door.needs(*EVERYBODY)
def handoffs(number: str) -> ResponseReturnValue:
    """The hand-offs of a ticket: a part of its page, or a page of its own."""
    return _panel(_ticket(number))


def _panel(ticket: Ticket, *, errors: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    session, who = db.session(), viewer()
    stands = access.standing(session, who, ticket)
    rows = queries.of_ticket(session, who, ticket)
    last = rows[-1] if rows else None
    wanted = arbitration.arbiter_wanted(session, ticket)
    fragment = bool(request.headers.get("HX-Request"))
    shown = list(reversed(rows))[: 1 if fragment else None]
    return render_template(
        "handoff/_panel.html" if fragment else "handoff/page.html",
        ticket=ticket,
        shown=shown,
        more=len(rows) - len(shown),
        stands=stands,
        last=last,
        receives=last is not None and service.may_receive(session, who, last),
        labels=rules.STATE_LABELS,
        clarity=[(str(n), str(label)) for n, label in sorted(rules.CLARITY_LABELS.items(), reverse=True)],
        lines={line.key: line.label for line in sheets.lines_for(ticket.category)},
        wanted=wanted,
        arbitrates=wanted is not None and _may_arbitrate(wanted),
        errors=errors or {},
        typed=request.form,
        sees_sheet=stands.reads or stands.vendor,
        may_withdraw=stands.worker and not stands.vendor,
    ), status


def _may_arbitrate(wanted: Handoff) -> bool:
    who = viewer()
    from accounts.scope import covers

    return who.person_id == wanted.arbiter_id or covers(
        db.session(), who, "ticket.arbitrate", unit_id=wanted.arbiter_unit_id
    )


def _do(number: str, verb: Callable[[Ticket], str]) -> ResponseReturnValue:
    """Run a verb of the panel; what is wrong is shown there."""
    session = db.session()
    try:
        message = verb(_ticket(number, lock=True))
    except Invalid as error:
        session.rollback()
        found = {e.field: e.message for e in error.errors} or {"": error.message}
        return _panel(_ticket(number), errors=found, status=422)
    except TooMany as error:
        session.rollback()
        flash(error.message, "warning")
        return redirect(_url(number), 303)
    except (Conflict, Forbidden) as error:
        session.rollback()
        flash(error.message, "error")
        return redirect(_url(number), 303)
    session.flush()
    url = _next(number)
    session.commit()
    flash(message, "success")
    return redirect(url, 303)


def _next(number: str) -> str:
    """The ticket; whoever gave back what they were only offered sees it no more, and goes on with their other work."""
    try:
        _ticket(number)
    except NotFound:
        return "/vendor" if viewer().vendor_unit_id is not None else "/desk/work"
    return _url(number)


def _handoff(ticket: Ticket, handoff_id: int) -> Handoff:
    return queries.get(db.session(), viewer(), ticket, handoff_id, lock=True)


@blueprint.post("/handoffs/<int:handoff_id>/accept")
@door.needs(*EVERYBODY)
def accept(number: str, handoff_id: int) -> ResponseReturnValue:
    """Take it over."""
    score = request.form.get("clarity", "")

    def verb(ticket: Ticket) -> str:
        service.accept(
            db.session(),
            viewer(),
            _handoff(ticket, handoff_id),
            now=clock.now(),
            clarity=int(score) if score.isdigit() else None,
            comment=request.form.get("comment") or None,
        )
        return _("已接收，现在由您负责。")

    return _do(number, verb)


@blueprint.post("/handoffs/<int:handoff_id>/return")
@door.needs(*EVERYBODY)
def give_back(number: str, handoff_id: int) -> ResponseReturnValue:
    """Return it with a reason and what is missing."""

    def verb(ticket: Ticket) -> str:
        made = service.give_back(
            db.session(),
            viewer(),
            _handoff(ticket, handoff_id),
            reason=request.form.get("reason"),
            missing=request.form.get("missing"),
            now=clock.now(),
        )
        if made.arbiter is not None:
            return _("已退回。这是第 %(n)s 次，已提交%(who)s裁决。", n=ticket.bounces, who=made.arbiter.name)
        return _("已退回给%(team)s。", team=made.from_team.name)

    return _do(number, verb)


@blueprint.post("/handoffs/<int:handoff_id>/withdraw")
@door.needs("ticket.work", "ticket.hand-up")
def withdraw(number: str, handoff_id: int) -> ResponseReturnValue:
    """Take it back before anybody accepted."""

    def verb(ticket: Ticket) -> str:
        service.withdraw(db.session(), viewer(), _handoff(ticket, handoff_id), now=clock.now())
        return _("已撤回上报。")

    return _do(number, verb)


@blueprint.post("/arbitrate")
@door.needs("ticket.arbitrate", "ticket.work")
def arbitrate(number: str) -> ResponseReturnValue:
    """Decide who has it; it binds."""

    def verb(ticket: Ticket) -> str:
        team = naming.team(db.session(), request.form.get("team") or None)
        if team is None:
            raise Invalid.of("team", _("请选择由谁负责。"))
        arbitration.arbitrate(
            db.session(), viewer(), ticket, team=team, reason=request.form.get("reason", ""), now=clock.now()
        )
        return _("已裁决，由%(team)s负责到底。", team=team.name)

    return _do(number, verb)


@blueprint.post("/urge")
@door.needs("ticket.report", "ticket.urge-down")
def urge(number: str) -> ResponseReturnValue:
    """Urge; inside the cool-down the page says from when it is possible again."""

    def verb(ticket: Ticket) -> str:
        row = urging.urge(db.session(), viewer(), ticket, text=request.form.get("text", ""), now=clock.now())
        if row.told_head_id:
            return _("已催办（第 %(n)s 次），处理人和负责人都会收到。", n=row.count)
        return _("已催办，处理人会收到。")

    return _do(number, verb)
