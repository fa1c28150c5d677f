"""The list of all matters with filters in the address, my matters, and correcting a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.models import Team, Unit
from accounts.scope import PrincipalKind
from core import clock
from core.errors import Conflict, Invalid
from core.i18n import gettext as _
from core.i18n import lazy
from kb.search.current import engine
from servicedesk import catalogue, queries
from servicedesk.blueprint import REPORT, blueprint
from servicedesk.bulk import actions as bulk
from servicedesk.bulk.service import MOST as BULK_MOST
from servicedesk.custody.rules import LINE_LABELS
from servicedesk.saved import views as filter_views
from servicedesk.tickets import access, categories, conversation, merging, presenting, rules
from servicedesk.tickets.asking import filter_of, query_of
from servicedesk.tickets.merging import Difference
from servicedesk.tickets.models import Ticket, TicketPrincipal
from servicedesk.tickets.schemas import TicketPatch, TicketQuery
from servicedesk.tickets.states import FINISHED, KIND_LABELS, STATE_LABELS, STATES_OF, Kind, State
from web import access as door
from web.db import db
from web.filters import local
from web.forms import Form

PAGE, OK = 50, 200
#: What the form of corrections has, in its order.
EDITABLE = {
    "title": lazy("标题"), "category": lazy("类别"), "service": lazy("所属系统"), "item": lazy("设备"),
    "urgency": lazy("紧急程度"), "impact": lazy("影响范围"), "major": lazy("重大事件"),
}  # fmt: skip
SHOWN_GOING_ON, SHOWN_FINISHED = 150, 20
FOLLOWED = 5_000  # the newest of what somebody follows, which hardly anybody's whole life of reports exceeds
#: What the form of the list has fields for; the rest of the address rides along unseen.
IN_THE_FORM = {"q", "state", "priority", "category", "line", "kind", "open", "overdue"}


def query_of_address() -> TicketQuery:
    """The filters of the address."""
    return query_of(request.args.to_dict(flat=False))


@blueprint.get("/tickets")
@door.needs("ticket.read", "ticket.work")
def tickets() -> ResponseReturnValue:
    """Everything the viewer may see, narrowed by the address."""
    session, now = db.session(), clock.now()
    if not request.args and (address := filter_views.default_address()):
        return redirect(address, 303)
    query = query_of_address()
    found = queries.find(
        session, viewer(), filter_of(query, viewer()), cursor=query.cursor, limit=PAGE, now=now, engine=engine()
    )
    rows = presenting.rows(session, found.items)
    next_url = _next_url(found.next)
    offered = [(str(a), str(bulk.LABELS[a]), bulk.ICONS[a]) for a in bulk.offered_to(viewer())]
    if request.headers.get("HX-Request") and query.cursor:
        return render_template("servicedesk/_list_rows.html", rows=rows, next_url=next_url, bulk_actions=offered)
    chosen = [
        (k, v)
        for k, v in request.args.items(multi=True)
        if v and k in TicketQuery.model_fields and k not in {"cursor", "limit"}
    ]
    return render_template(
        "servicedesk/list.html",
        rows=rows,
        next_url=next_url,
        indexed=found.indexed,
        query=query,
        chosen=chosen,
        carried=[(k, v) for k, v in chosen if k not in IN_THE_FORM],
        told=list(_told(query)),
        kinds=[(str(k), str(KIND_LABELS[k])) for k in Kind],
        states=[(str(s), str(STATE_LABELS[s])) for s in STATES_OF[Kind.INCIDENT]],
        categories=[(c.key, str(c.label)) for c in categories.CATEGORIES],
        lines=[(str(x), str(label)) for x, label in LINE_LABELS.items()],
        priorities=[(str(p), str(label)) for p, label in rules.PRIORITY_LABELS.items()],
        unit_name=_unit_name(query.unit),
        service_name=_service_name(query.service),
        bulk_actions=offered,
        bulk_most=BULK_MOST,
        **filter_views.for_list(query),
    )


def _told(query: TicketQuery) -> Iterator[str]:
    """In words what narrows the list and has no field of its own in the form."""
    words = {
        "accepted": (_("已受理"), _("无人受理")),
        "returned": (_("被退回过"), _("未被退回")),
        "urged": (_("被催办过"), _("未被催办")),
        "reopened": (_("重新打开过"), _("未重新打开")),
        "rated": (_("已评分"), _("未评分")),
    }
    for name, (yes, no) in words.items():
        if (value := getattr(query, name)) is not None:
            yield yes if value else no
    if query.mine:
        yield _("我手上的")
    if query.my_teams:
        yield _("本班组的")
    if query.due_within:
        yield _("%(n)s 小时内到期", n=query.due_within)
    spans = {
        "due": _("%(a)s 至 %(b)s 到期"), "opened": _("%(a)s 至 %(b)s 新报"),
        "resolved": _("%(a)s 至 %(b)s 解决"), "closed": _("%(a)s 至 %(b)s 关闭"),
    }  # fmt: skip
    for name, text in spans.items():
        first, last = getattr(query, f"{name}_from"), getattr(query, f"{name}_until")
        if first or last:
            yield text % {"a": local(first, "minute") if first else "…", "b": local(last, "minute") if last else "…"}


def _next_url(cursor: str | None) -> str:
    if cursor is None:
        return ""
    kept = [(k, v) for k in request.args for v in request.args.getlist(k) if k != "cursor"]
    return "/desk/tickets?" + urlencode([*kept, ("cursor", cursor)])


def _unit_name(code: str | None) -> str:
    unit = db.session().scalar(sa.select(Unit).where(Unit.code == code)) if code else None
    return unit.name if unit else ""


def _service_name(service_id: int | None) -> str:
    found = catalogue.brief(db.session(), service_id)
    return found.name if found else ""


@blueprint.get("/mine")
@door.needs(*REPORT)
def mine() -> ResponseReturnValue:
    """Where are my matters, with whom, until when?"""
    session, who = db.session(), viewer()
    followed = sa.select(TicketPrincipal.ticket_id).where(
        TicketPrincipal.kind == PrincipalKind.PERSON,
        TicketPrincipal.principal_id == who.person_id,
        TicketPrincipal.until_at.is_(None),
    )
    with_unit = sa.orm.joinedload(Ticket.team).joinedload(Team.unit)
    # Read first: behind so many joins PostgreSQL would begin with all tickets there are to find somebody's ten.
    ids = session.scalars(followed.order_by(TicketPrincipal.ticket_id.desc()).limit(FOLLOWED)).all()
    own = sa.select(Ticket).options(*queries.WITH, with_unit).where(Ticket.id.in_(ids))
    order = (Ticket.opened_at.desc(), Ticket.id.desc())
    finished = Ticket.state.in_(sorted(FINISHED - {State.RESOLVED}))
    going_on = session.scalars(own.where(~finished).order_by(*order).limit(SHOWN_GOING_ON)).all()
    open_ones = [ticket for ticket in going_on if ticket.state is not State.RESOLVED]
    to_confirm = [ticket for ticket in going_on if ticket.state is State.RESOLVED]
    done = session.scalars(own.where(finished).order_by(*order).limit(SHOWN_FINISHED)).all()
    left = request.args.get("unwatched", "")
    undo = left and conversation.unwatched(session, who, left, now=clock.now())  # an address is anybody's to write
    return render_template(
        "servicedesk/mine.html",
        unwatched=left if undo else "",
        open_rows=[{"row": row, "unit": row.ticket.team.unit.name} for row in presenting.rows(session, open_ones)],
        confirm_rows=presenting.rows(session, [t for t in to_confirm if t.reporter_id == who.person_id]),
        resolved_rows=presenting.rows(session, [t for t in to_confirm if t.reporter_id != who.person_id]),
        done_rows=presenting.rows(session, done),
    )


@blueprint.get("/tickets/<number>/edit")
@door.needs("ticket.work", "ticket.close")
def edit_form(number: str) -> ResponseReturnValue:
    """Correct priority and classification."""
    ticket = access.get(db.session(), viewer(), number)
    return _edit_page(ticket, Form(TicketPatch, _values(ticket)))


def _values(ticket: Ticket) -> dict[str, Any]:
    return {
        "title": ticket.title,
        "category": ticket.category,
        "service": ticket.service_id,
        "item": ticket.item_id,
        "urgency": ticket.urgency,
        "impact": ticket.impact,
        "major": ticket.major,
    }


def _edit_page(
    ticket: Ticket, form: Form[TicketPatch], status: int = 200, *, found: Sequence[Difference] = (), since: int = 0
) -> ResponseReturnValue:
    """The form; `found`: what others changed since it was opened, at the `since`th thing that happened to the ticket."""
    session = db.session()
    levels = (rules.URGENCY_LABELS, rules.IMPACT_LABELS)
    return render_template(
        "servicedesk/edit.html",
        ticket=ticket,
        form=form,
        seen=merging.seen(_values(ticket), ticket) if found or status == OK else request.form.get("seen", ""),
        differences=[(each, _field_words(ticket, each)) for each in found],
        corrections=merging.corrections_since(session, ticket, since) if found else [],
        urgencies=[(str(n), str(label)) for n, label in levels[0].items()],
        impacts=[(str(n), str(label)) for n, label in levels[1].items()],
        categories=[(c.key, str(c.label)) for c in categories.CATEGORIES if c.kind is ticket.kind],
        services=[(str(i), name) for i, name, _group in catalogue.offered(session)],
        items=[(str(i), name) for i, name in catalogue.items_of_unit(session, ticket.unit_id)],
    ), status


def _field_words(ticket: Ticket, each: Difference) -> dict[str, str]:
    """The field, and its three values in words."""
    session = db.session()
    words: dict[str, Mapping[Any, Any]] = {
        "urgency": rules.URGENCY_LABELS,
        "impact": rules.IMPACT_LABELS,
        "category": {c.key: c.label for c in categories.CATEGORIES},
        "service": {i: name for i, name, _group in catalogue.offered(session)},
        "item": dict(catalogue.items_of_unit(session, ticket.unit_id)),
        "major": {True: _("是"), False: _("否")},
    }
    known = words.get(each.field, {})
    values = {"before": each.before, "theirs": each.theirs, "mine": each.mine}
    return {
        "label": str(EDITABLE[each.field]),
        **{k: str(known.get(v, v if v is not None else "—")) for k, v in values.items()},
    }


@blueprint.post("/tickets/<number>/edit")
@door.needs("ticket.work", "ticket.close")
def edit(number: str) -> ResponseReturnValue:
    """Store the corrections."""
    session, who, now = db.session(), viewer(), clock.now()
    ticket = access.get(session, who, number, lock=True)
    form = Form(TicketPatch, request.form)
    values = form.validate()
    if values is None:
        return _edit_page(ticket, form, 422)
    before = merging.read(request.form.get("seen"))
    mine, theirs = {name: getattr(values, name) for name in EDITABLE}, _values(ticket)
    mine["major"] = bool(values.major)
    if before is not None and (found := merging.differences(before, theirs, mine)):
        session.rollback()
        going_on = merging.merged(theirs, mine, found) | {"reason": values.reason or ""}
        ticket = access.get(session, who, number)
        return _edit_page(ticket, Form(TicketPatch, going_on), 409, found=found, since=before["facts"])
    try:
        if (values.urgency, values.impact) != (ticket.urgency, ticket.impact):
            conversation.change_priority(
                session, who, ticket, urgency=values.urgency, impact=values.impact, reason=values.reason or "", now=now
            )
        conversation.edit(
            session,
            who,
            ticket,
            {
                "title": values.title or ticket.title,
                "category": values.category or ticket.category,
                "service_id": values.service,
                "item_id": values.item,
                "major": bool(values.major),
            },
            now=now,
        )
    except (Invalid, Conflict) as error:
        session.rollback()
        form.refuse(error if isinstance(error, Invalid) else Invalid(error.message))
        return _edit_page(access.get(session, who, number), form, error.status)
    session.commit()
    return redirect(f"/desk/tickets/{number}", 303)
