"""The vendors' own door, and the page that sets the doors."""

from __future__ import annotations

import pydantic
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from accounts.admin.authority import require_everywhere
from accounts.admin.pages import as_invalid
from accounts.admin.pages import blueprint as admin
from accounts.realms import service
from accounts.realms.models import Realm
from accounts.signin.views import answer_sign_in, blueprint, show_sign_in
from core.errors import NotFound, TaxopsError
from core.i18n import gettext as _
from web import access
from web.api import ApiModel
from web.db import db
from web.forms import Form


class RealmIn(ApiModel):
    """One door, from the page."""

    apart: bool = False
    networks: str = pydantic.Field(default="", max_length=4000)


@blueprint.get("/vendor/login")
@access.public
def vendor_sign_in() -> ResponseReturnValue:
    """The vendors' form; also open while they may use the staff's."""
    return show_sign_in(Realm.VENDOR)


@blueprint.post("/vendor/login")
@access.public
def do_vendor_sign_in() -> ResponseReturnValue:
    """As at the other door, for vendors."""
    return answer_sign_in(Realm.VENDOR)


@admin.get("/doors")
@access.needs("grant.write")
def doors() -> ResponseReturnValue:
    """Who signs in where, and from which networks."""
    require_everywhere("grant.write")
    return _page()


def _page(refused: tuple[Realm, Form[RealmIn]] | None = None) -> str:
    forms = {}
    for realm in Realm:
        row = service.of(db.session(), realm)
        forms[realm] = Form(RealmIn, {"apart": row.apart, "networks": "\n".join(row.networks)})
    if refused:
        forms[refused[0]] = refused[1]
    labels = {Realm.STAFF: _("工作人员入口"), Realm.VENDOR: _("供应商入口")}
    return render_template("accounts/doors.html", forms=forms, labels=labels, vendor=Realm.VENDOR)


@admin.post("/doors/<realm>")
@access.needs("grant.write")
def change_door(realm: str) -> ResponseReturnValue:
    """Set one; from the next sign-in on."""
    require_everywhere("grant.write")
    if realm not in set(Realm):
        raise NotFound(_("没有这个页面，或您无权查看。"))
    which, form = Realm(realm), Form(RealmIn, request.form)
    if (given := form.validate()) is None:
        return _page((which, form)), 422
    own = (request.remote_addr or "") if which is Realm.STAFF else None
    try:
        apart = given.apart and which is Realm.VENDOR
        service.change(db.session(), which, apart=apart, networks=given.networks, address=own)
    except TaxopsError as error:
        db.session().rollback()
        form.refuse(as_invalid(error, {"conflict": "networks"}))
        return _page((which, form)), 422
    db.session().commit()
    flash(_("登录入口已保存，下次登录起生效。"), "ok")
    return redirect(url_for("admin.doors"), 303)
