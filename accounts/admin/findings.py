"""What is misconfigured: what this room sees of rights and tokens, and the shape that the whole house reports in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.admin import queries
from accounts.models import ApiToken, Grant, Person, Role, SignInFailure, Team, Unit, UnitLevel
from accounts.scope import Viewer
from accounts.validity import ending_by, in_force, standing
from core.i18n import gettext as _

SOON = dt.timedelta(days=14)
KINDS = ("system", "security", "audit")
#: app's wiring sets this: what is wrong with the installation itself is known to the room that knows all others
EXTENSION = "taxops.findings"
Installation = Callable[[Session], "list[Finding]"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state` ok|warning|critical; `mend` says what to do where it is not ok; `page`: where."""

    part: str
    state: str
    text: str
    mend: str = ""
    page: str = ""


def of_people(session: Session, *, now: dt.datetime, viewer: Viewer | None = None) -> Iterator[Finding]:
    """Administrators that are missing, and places without a team; of the viewer's units (none: of the installation)."""
    everywhere = viewer is None or viewer.at_province("grant.write")
    for kind in KINDS if everywhere else ():
        held = session.scalar(
            sa.select(sa.func.count(sa.distinct(Person.id)))
            .select_from(Grant)
            .join(Role, Role.code == Grant.role_code)
            .join(Person, Person.id == Grant.person_id)
            .where(Role.administrator == kind, Person.active, Person.password_hash.is_not(None), in_force(now))
        )
        if not held:
            name = session.scalar(sa.select(Role.name).where(Role.administrator == kind)) or kind
            mend = _("运行：taxops admin create 登录名 --kind %(kind)s", kind=kind)
            yield Finding(_("管理员"), "warning", _("没有%(name)s。", name=name), mend, "admin.people")
    without = [standing(now), Unit.id.not_in(sa.select(Team.unit_id).where(Team.active))]
    if viewer is not None:
        without.append(queries.unit_scope(viewer))
    bare = session.scalars(sa.select(Unit.name).where(Unit.level == UnitLevel.PROVINCE, *without)).all()
    if bare:
        text = _("%(names)s没有班组：那里及下级的告警可能找不到人处理。", names="、".join(bare))
        yield Finding(_("班组"), "warning", text, _("在“管理 → 班组”中添加。"), "admin.teams")
    lower = Unit.level.in_([UnitLevel.CITY, UnitLevel.COUNTY])
    empty = session.scalar(sa.select(sa.func.count()).select_from(Unit).where(lower, *without))
    if empty:
        text = _("%(n)d 个市、县局没有班组，它们的事项会到上级机构。", n=empty)
        yield Finding(_("班组"), "warning", text, _("在“管理 → 班组”中添加。"), "admin.teams")


def of_rights(session: Session, viewer: Viewer, *, now: dt.datetime) -> Iterator[Finding]:
    """Rights, tokens and sign-ins that deserve a look, of people in the viewer's scope (T-05 counts, too)."""
    held = sa.select(Grant.id).join(Person, Person.id == Grant.person_id)
    held = held.where(queries.person_scope(viewer, "grant.write"))
    ending = _count(session, held.where(ending_by(now, now + SOON)))
    if ending:
        text = _("%(n)d 项授权将在 14 天内到期。", n=ending)
        yield Finding(_("授权"), "warning", text, _("需要延长的，请在人员页面重新授予。"), "admin.people")
    disabled = _count(session, held.where(~Person.active, in_force(now)))
    if disabled:
        text = _("%(n)d 项授权仍挂在已停用的人员名下。", n=disabled)
        yield Finding(_("授权"), "warning", text, _("不再需要的请收回，以免启用后权限随之恢复。"), "admin.people")
    living = sa.select(ApiToken.id).join(Person, Person.id == ApiToken.person_id)
    living = living.where(ApiToken.revoked_at.is_(None), queries.person_scope(viewer, "token.write"))
    endless = _count(session, living.where(ApiToken.expires_at.is_(None)))
    if endless:
        text = _("%(n)d 个令牌永不过期。", n=endless)
        yield Finding(_("API 令牌"), "warning", text, _("请改用有期限的令牌，并吊销旧的。"), "admin.tokens")
    expiring = _count(session, living.where(ApiToken.expires_at > now, ApiToken.expires_at <= now + SOON))
    if expiring:
        text = _("%(n)d 个令牌将在 14 天内到期，使用它的程序会失去访问。", n=expiring)
        yield Finding(_("API 令牌"), "warning", text, _("请通知其所有人更换。"), "admin.tokens")
    failing = sa.select(SignInFailure.login).where(SignInFailure.locked_until > now)
    if not viewer.at_province("person.write"):  # logins that nobody has are nobody's: the province sees them
        known = sa.select(Person.login).where(queries.person_scope(viewer, "person.write"))
        failing = failing.where(SignInFailure.login.in_(known))
    locked = _count(session, failing)
    if locked:
        text = _("%(n)d 个登录名因连续输错口令被暂时锁定。", n=locked)
        yield Finding(_("登录"), "warning", text, _("若不是本人输错，可能有人在猜口令。"))


def _count(session: Session, statement: sa.Select[int] | sa.Select[str]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(statement.subquery())) or 0
