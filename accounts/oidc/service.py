"""From what a provider says to a session here: only people who exist come in, through the same doors as ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.audit import listener as audit
from accounts.models import Person
from accounts.realms import service as realms
from accounts.realms.models import Realm
from accounts.signin import service as signin
from accounts.signin.failures import SignInFailed
from core.i18n import gettext as _

LONGEST = 160


def sign_in(
    session: Session, claims: Mapping[str, Any], *, claim: str, address: str, user_agent: str, now: dt.datetime
) -> signin.Begun | SignInFailed:
    """Begin a session for the one person whom the claim names, or say what to tell. The caller commits either way."""
    said = claims.get(claim)
    value = said.strip().lower()[:LONGEST] if isinstance(said, str) else ""
    person = _named(session, claims, claim, value)
    if person is None:
        audit.record(session, verb="sign-in-failed", object_name="person:?", after={"by": "oidc"}, now=now)
        return SignInFailed(
            _("统一身份认证认得您（%(who)s），但本平台没有对应的在用人员。请联系安全管理员添加。", who=value or "?")
        )
    if refused := realms.refusal(session, person, door=Realm.STAFF, address=address, now=now):
        after = {"reason": refused, "by": "oidc"}
        audit.record(session, verb="sign-in-refused", object_name=f"person:{person.login}", after=after, now=now)
        return SignInFailed(refused)
    return signin.begin(session, person, address=address, user_agent=user_agent, now=now, provider=True)


def _named(session: Session, claims: Mapping[str, Any], claim: str, value: str) -> Person | None:
    """The one active person; by an e-mail address only where the provider made sure that it is theirs."""
    if not value or "\0" in value or (claim == "email" and claims.get("email_verified") is not True):
        return None
    same = sa.func.lower(Person.email) == value if claim == "email" else Person.login == value
    wanted = sa.select(Person).where(same, Person.active, ~Person.is_service).order_by(Person.id).limit(2)
    found = session.scalars(wanted.with_for_update()).all()
    return found[0] if len(found) == 1 else None
