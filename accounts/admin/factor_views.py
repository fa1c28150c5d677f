"""Second factors, as the security administrator sees them: a role's switch, and resetting a lost authenticator."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from accounts import roles
from accounts.admin import queries
from accounts.admin.authority import require_everywhere, require_over
from accounts.admin.pages import blueprint
from accounts.admin.role_views import role_form
from accounts.admin.schemas import RoleSignIn
from accounts.current import viewer
from accounts.factor import service as factors
from accounts.models import Role
from accounts.signin import service as signin
from core import clock
from core.errors import Conflict, NotFound
from core.i18n import gettext as _
from web import access
from web.db import db
from web.forms import Form


@blueprint.post("/people/<login>/factor/reset")
@access.needs("person.write")
def reset_factor(login: str) -> ResponseReturnValue:
    """Take a lost authenticator away: that person's sign-ins end, and they are told."""
    row = queries.person(db.session(), viewer(), login, lock=True)
    require_over("person.write", row)
    if row.id == viewer().person_id:
        raise Conflict(_("自己的二次验证请在“我的资料”中更换。"))
    now = clock.now()
    factors.reset(db.session(), row, by=viewer().person_id, now=now)
    signin.end_sessions(db.session(), row.id, now=now)
    db.session().commit()
    flash(_("二次验证已重置，已通知本人；其登录已全部退出。"), "ok")
    return redirect(url_for("admin.person", login=login), 303)


@blueprint.post("/roles/<code>/sign-in")
@access.needs("grant.write")
def change_role_sign_in(code: str) -> ResponseReturnValue:
    """What a role asks of its holders at sign-in; from their next one on."""
    require_everywhere("grant.write")
    role = db.session().get(Role, code, with_for_update=True)
    if role is None:
        raise NotFound(_("没有名为“%(role)s”的角色。", role=code))
    form = Form(RoleSignIn, request.form)
    if (given := form.validate()) is None:
        db.session().rollback()
        return role_form(db.session().get_one(Role, code), signing=form), 422
    roles.ask_at_sign_in(role, second_factor=given.second_factor, password_days=given.password_days)
    db.session().commit()
    flash(_("角色“%(name)s”的登录要求已保存，下次登录起生效。", name=role.name), "ok")
    return redirect(url_for("admin.edit_role", code=code), 303)
