"""The notice board: reading, confirming, and the strip on everybody's home."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from accounts.current import viewer
from core import clock
from core.i18n import gettext as _
from kb import references, services
from kb.blueprint import blueprint, is_fragment
from kb.markdown import to_html
from kb.notices import queries, rights, rules, service
from kb.notices.models import Notice
from kb.notices.rules import PHASE_LABELS, Phase
from kb.notices.states import ACTION_LABELS, Action
from kb.search.snippets import plain
from kb.tickets import desk
from web import access
from web.db import db

READ = ("notice.read", "notice.write", "notice.publish")
WRITE = ("notice.write", "notice.publish")
A_PAGE = 20
IN_BANNER = 3
PHASE_TONES = {Phase.DRAFT: "muted", Phase.AHEAD: "accent", Phase.ACTIVE: "ok", Phase.ENDED: "muted"}


def texts(now: dt.datetime) -> dict[str, Any]:
    """Words and helpers every template of notices uses."""

    def phase_of(notice: Notice) -> Phase:
        return rules.phase(notice.state, starts_at=notice.starts_at, ends_at=notice.ends_at, now=now)

    return {
        "phase_of": phase_of, "phase_labels": PHASE_LABELS, "phase_tones": PHASE_TONES, "action_labels": ACTION_LABELS,
        "plain": lambda body: plain(body)[:160],
    }  # fmt: skip


@blueprint.get("/notices")
@access.needs(*READ)
def notices() -> ResponseReturnValue:
    """What is in force; what is over; and, for writers, what they look after."""
    session, who, now = db.session(), viewer(), clock.now()
    shelf = request.args.get("shelf", "")
    wanted = {
        "over": queries.Filter(active=False), "mine": queries.Filter(mine=True),
    }.get(shelf, queries.Filter(active=True))  # fmt: skip
    page = queries.find(session, who, wanted, now=now, cursor=request.args.get("cursor"), limit=A_PAGE)
    found = page.items
    if shelf == "over":
        found = [
            n for n in found if rules.phase(n.state, starts_at=n.starts_at, ends_at=n.ends_at, now=now) is Phase.ENDED
        ]
    return render_template(
        "kb/notices.html", found=found, shelf=shelf, confirmed=queries.confirmed(session, who, found), may_write=who.can(*WRITE),
        next_url=url_for("kb.notices", shelf=shelf or None, cursor=page.next) if page.next else None, **texts(now),
    )  # fmt: skip


@blueprint.get("/notices/<number>")
@access.needs(*READ)
def notice(number: str) -> ResponseReturnValue:
    """One notice."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, now=now)
    may_follow = rights.may_follow(session, who, found)
    return render_template(
        "kb/notice.html", notice=found, html=Markup(to_html(found.body)), services=services.names(session, found.services),  # noqa: S704  sanitised
        confirmed=bool(queries.confirmed(session, who, [found])), actions=rights.actions(session, who, found),
        may_edit=rights.may_edit(session, who, found), may_follow=may_follow, concerns_me=_concerns(found),
        ticket=desk().facts(session, found.ticket, who) if found.ticket else None,
        progress=queries.counts(session, found) if may_follow and found.must_read else None, **texts(now),
    )  # fmt: skip


def _concerns(found: Notice) -> bool:
    """Whether the viewer is one of those it is for (its writer in another unit is not)."""
    who = viewer()
    if who.is_service or not who.can("notice.read"):
        return False
    return found.id in {n.id for n in queries.in_force(db.session(), who, now=clock.now(), limit=200)}


@blueprint.post("/notices/<number>/confirm")
@access.needs("notice.read")
def confirm_notice(number: str) -> ResponseReturnValue:
    """The viewer has read it."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, now=now)
    service.confirm(session, who, found, now=now)
    session.commit()
    if is_fragment():
        return _banner(now)
    flash(_("已确认。"), "ok")
    return redirect(
        (request.form.get("back") == "board" and url_for("kb.notices")) or url_for("kb.notice", number=found.number),
        303,
    )


@blueprint.post("/notices/<number>/actions/<action>")
@access.needs(*WRITE)
def act_on_notice(number: str, action: str) -> ResponseReturnValue:
    """A button of the state table."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, now=now, lock=True)
    service.act(session, who, found, references.one_of(Action, action), now=now)
    session.commit()
    flash(
        {Action.PUBLISH: _("公告已发布。"), Action.RESUME: _("公告重新生效。")}.get(
            references.one_of(Action, action), _("公告已结束。")
        ),
        "ok",
    )
    return redirect(url_for("kb.notice", number=found.number), 303)


@blueprint.get("/notices/<number>/receipts")
@access.needs(*READ)
def notice_receipts(number: str) -> ResponseReturnValue:
    """Who has read it, who has not, by unit."""
    session, who, now = db.session(), viewer(), clock.now()
    found = queries.get(session, who, number, now=now)
    rights.require(rights.may_follow(session, who, found))
    shelf, unit = request.args.get("shelf", "unread"), request.args.get("unit")
    unit_id = references.units(session, [unit])[0] if unit else None
    read = {"read": True, "unread": False}.get(shelf)
    page = queries.receipts(session, found, read=read, unit_id=unit_id, cursor=request.args.get("cursor"), limit=50)
    following = (
        url_for("kb.notice_receipts", number=number, shelf=shelf, unit=unit, cursor=page.next) if page.next else None
    )
    return render_template(
        "kb/receipts.html", notice=found, rows=page.items, shelf=shelf, unit=unit, progress=queries.counts(session, found),
        by_unit=queries.by_unit(session, found), next_url=following, **texts(now),
    )  # fmt: skip


@blueprint.get("/notices/banner")
@access.needs(*READ)
def notice_banner() -> ResponseReturnValue:
    """The strip that home pages load: what must be read first, then what happens now; nothing if there is nothing."""
    return _banner(clock.now())


def _banner(now: dt.datetime) -> str:
    session, who = db.session(), viewer()
    active = queries.in_force(session, who, now=now)
    confirmed = queries.confirmed(session, who, active)
    shown = [n for n in active if not (n.must_read and n.id in confirmed)]
    return render_template(
        "kb/_banner.html",
        shown=shown[:IN_BANNER],
        more=max(0, len(shown) - IN_BANNER),
        confirmed=confirmed,
        **texts(now),
    )
