"""The inbox, personal preferences, channels and deliveries."""

from __future__ import annotations

from typing import Literal

import pydantic
import sqlalchemy as sa
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.current import viewer
from accounts.models import Person
from core import clock
from core.errors import Conflict, Invalid, NotFound
from core.i18n import gettext as _
from escalation.notify import queries, rules, service
from escalation.notify.channels import SENDERS, Outgoing, SendFailed
from escalation.notify.models import Channel, ChannelKind, DeliveryState
from escalation.notify.part import context_of
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form

inbox = Blueprint("inbox", __name__, template_folder="../templates")
channels = Blueprint("channels", __name__, template_folder="../templates")
deliveries = Blueprint("deliveries", __name__, template_folder="../templates")


class ChannelIn(ApiModel):
    """A channel as an administrator enters it."""

    code: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")
    name: str = pydantic.Field(min_length=1, max_length=80)
    kind: Literal[ChannelKind.APPRISE, ChannelKind.EMAIL]
    url: str | None = pydantic.Field(default=None, max_length=600)


@inbox.get("/inbox")
@access.signed_in
def index() -> ResponseReturnValue:
    """What was told to me."""
    found = queries.inbox(db.session(), viewer(), cursor=request.args.get("cursor"))
    following = url_for("inbox.index", cursor=found.next) if found.next else None
    return render_template("escalation/inbox.html", rows=found.items, next_url=following, topics=rules.TOPICS)


@inbox.post("/inbox/read")
@access.signed_in
def read() -> ResponseReturnValue:
    """Mark everything as read."""
    service.mark_read(db.session(), viewer().person_id, now=clock.now())
    db.session().commit()
    return redirect(url_for("inbox.index"), 303)


@inbox.get("/inbox/count")
@access.signed_in
def count() -> ResponseReturnValue:
    """How many are unread, as a fragment."""
    return render_template("escalation/_unread.html", n=queries.unread(db.session(), viewer()))


@inbox.get("/profile/notifications")
@access.signed_in
def preferences() -> ResponseReturnValue:
    """What I want to hear by which channel."""
    rows, wanted, addresses = queries.choices(db.session(), viewer().person_id)
    me = db.session().get_one(Person, viewer().person_id)
    return render_template(
        "escalation/preferences.html",
        channels=rows,
        wanted=wanted,
        addresses=addresses,
        topics=rules.TOPICS,
        always=rules.ALWAYS,
        me=me,
    )


@inbox.post("/profile/notifications")
@access.signed_in
def save_preferences() -> ResponseReturnValue:
    """Store the whole choice."""
    rows, _wanted, _addresses = queries.choices(db.session(), viewer().person_id)
    on = {(topic, c.id) for c in rows for topic in rules.TOPICS if request.form.get(f"{topic}:{c.id}")}
    service.prefer(db.session(), viewer().person_id, on, [c.id for c in rows])
    for channel in rows:
        if channel.kind is not ChannelKind.LIVE:
            service.set_address(
                db.session(), viewer().person_id, channel.id, request.form.get(f"address:{channel.id}", "")
            )
    db.session().commit()
    flash(_("通知偏好已保存。"))
    return redirect(url_for("inbox.preferences"), 303)


def _channels(form: Form[ChannelIn] | None = None) -> str:
    shown = sa.select(Channel).where(Channel.kind != ChannelKind.WEBHOOK)  # those have a page of their own: receivers
    rows = db.session().scalars(shown.order_by(Channel.id)).all()
    settings = current_app.config["TAXOPS"]
    kinds = [
        (ChannelKind.APPRISE, _("企业微信、钉钉、飞书、短信等（Apprise 地址）")),
        (ChannelKind.EMAIL, _("另一台邮件服务器")),
    ]
    return render_template(
        "escalation/channels.html", rows=rows, form=form or Form(ChannelIn), smtp=bool(settings.smtp_url), kinds=kinds
    )


@channels.get("/admin/channels", endpoint="index")
@access.needs("channel.write")
def channel_list() -> ResponseReturnValue:
    """All channels."""
    return _channels()


@channels.post("/admin/channels")
@access.needs("channel.write")
def add_channel() -> ResponseReturnValue:
    """Add one."""
    form = Form(ChannelIn, request.form)
    given = form.validate()
    if given is None:
        return _channels(form), 422
    if db.session().scalar(sa.select(Channel.id).where(Channel.code == given.code)) is not None:
        raise Conflict(_("编码“%(code)s”已被使用。", code=given.code))
    db.session().add(
        Channel(code=given.code, name=given.name, kind=given.kind, url=given.url, active=True, per_minute=60)
    )
    db.session().commit()
    flash(_("渠道已添加，请发一条测试通知。"))
    return redirect(url_for("channels.index"), 303)


def _channel(channel_id: int) -> Channel:
    row = db.session().get(Channel, channel_id)
    if row is None or row.kind is ChannelKind.WEBHOOK:
        raise NotFound(_("没有这个渠道。"))
    return row


@channels.post("/admin/channels/<int:channel_id>/toggle")
@access.needs("channel.write")
def toggle_channel(channel_id: int) -> ResponseReturnValue:
    """Switch it on or off."""
    row = _channel(channel_id)
    if row.kind is ChannelKind.LIVE:
        raise Conflict(_("站内通知不能停用。"))
    row.active = not row.active
    db.session().commit()
    flash(_("渠道已启用。") if row.active else _("渠道已停用。"))
    return redirect(url_for("channels.index"), 303)


@channels.post("/admin/channels/<int:channel_id>/test")
@access.needs("channel.write")
def test_channel(channel_id: int) -> ResponseReturnValue:
    """Send one line to an address, now, and say what came of it."""
    row = _channel(channel_id)
    url, kind = row.url or "", row.kind
    address = request.form.get("address", "").strip()[:200]
    if not address and kind is ChannelKind.EMAIL:
        raise Invalid.of("address", _("请填写收件地址。"))
    db.session().rollback()  # nothing is held open while we talk to the outside
    outgoing = Outgoing(
        key=f"test:{channel_id}:{int(clock.now().timestamp())}",
        address=address,
        subject=_("测试通知"),
        body=_("收到这条说明渠道可用。"),
        url="/",
        person_id=viewer().person_id,
        ref="test",
    )
    try:
        SENDERS[kind](outgoing, url, context_of(current_app.config["TAXOPS"]))
        flash(_("已发出，请到对方处查看。"), "ok")
    except SendFailed as error:
        flash(_("没有发出：%(error)s", error=error), "critical")
    return redirect(url_for("channels.index"), 303)


@deliveries.get("/admin/deliveries", endpoint="index")
@access.needs("delivery.read")
def delivery_list() -> ResponseReturnValue:
    """Each notification and what became of it."""
    chosen = request.args.get("state", "")
    state = DeliveryState(chosen) if chosen in set(DeliveryState) else None
    q = request.args.get("q", "").strip()[:200]
    found = queries.deliveries(
        db.session(), state=state, ref=request.args.get("ref"), q=q, cursor=request.args.get("cursor"), limit=50
    )
    following = None
    if found.next:
        following = url_for("deliveries.index", state=chosen or None, q=q or None, cursor=found.next)
    return render_template(
        "escalation/deliveries.html",
        rows=found.items,
        next_url=following,
        state=chosen,
        q=q,
        subject_of=queries.shown_subject,
        counts=queries.counts(db.session()),
    )


@deliveries.get("/admin/deliveries/<int:delivery_id>")
@access.needs("delivery.read")
def delivery(delivery_id: int) -> ResponseReturnValue:
    """One notification with each attempt and its error."""
    row, tries = queries.attempts(db.session(), delivery_id)
    person = db.session().get(Person, row.person_id) if row.person_id is not None else None
    return render_template(
        "escalation/delivery.html", row=row, tries=tries, person=person, topic=queries.shown_subject(row)
    )


@deliveries.post("/admin/deliveries/<int:delivery_id>/retry")
@access.needs("channel.write")
def retry(delivery_id: int) -> ResponseReturnValue:
    """Send a dead one again."""
    service.retry(db.session(), delivery_id, now=clock.now())
    db.session().commit()
    flash(_("已重新排队发送。"))
    return redirect(url_for("deliveries.delivery", delivery_id=delivery_id), 303)
