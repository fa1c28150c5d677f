"""Judging who comes to which door, after the password was right: a refusal tells nothing to who does not know it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from accounts.models import Person, Unit, UnitLevel
from accounts.realms import rules
from accounts.realms.models import Realm, SignInRealm
from accounts.validity import stands
from core.errors import Conflict, Invalid
from core.i18n import gettext as _


def of(session: Session, realm: Realm) -> SignInRealm:
    """What is set for a door; as shipped where nothing is. The row may be new: not yet in the session."""
    return session.get(SignInRealm, realm) or SignInRealm(realm=realm, apart=False, networks=[])


def realm_of(session: Session, person: Person) -> Realm:
    """Whose door is this person's."""
    vendor = session.get_one(Unit, person.unit_id).level is UnitLevel.VENDOR
    return Realm.VENDOR if vendor else Realm.STAFF


def vendors_apart(session: Session) -> bool:
    """Whether vendors have a door of their own."""
    return of(session, Realm.VENDOR).apart


def refusal(session: Session, person: Person, *, door: Realm, address: str, now: dt.datetime) -> str | None:
    """Why somebody who knows the password does not come in at this door, in words; None: they do."""
    realm = realm_of(session, person)
    if realm is Realm.VENDOR and (ended := _vendor_ended(session, person, now)):
        return ended
    if door is not realm and vendors_apart(session):
        return (
            _("供应商人员请从供应商入口登录。")
            if realm is Realm.VENDOR
            else _("这里是供应商入口，税务人员请从工作人员入口登录。")
        )
    networks = of(session, realm).networks
    if networks and not rules.within(address, networks):
        return _(
            "不允许从您现在的网络（%(address)s）登录，请在规定的网络内登录或联系安全管理员。", address=address or "?"
        )
    return None


def _vendor_ended(session: Session, person: Person, now: dt.datetime) -> str | None:
    unit = session.get_one(Unit, person.unit_id)
    if not stands(unit, now):
        return _("%(name)s 的合同已于 %(day)s 到期，不能登录。请联系省局。", name=unit.name, day=unit.valid_until)
    return None if person.active else _("您的联系人账号已停用，不能登录。请联系省局。")


def change(session: Session, realm: Realm, *, apart: bool, networks: str, address: str | None) -> None:
    """Set a door. Raises Invalid for what is no network, Conflict where `address`, the administrator's own, is left out."""
    try:
        found = [str(network) for network in rules.parsed(networks)]
    except ValueError as error:
        raise Invalid.of("networks", _("“%(text)s”不是网络地址，应如 10.61.0.0/16。", text=str(error)[:60])) from error
    if len(found) > rules.MOST:
        raise Invalid.of("networks", _("最多 %(n)d 个网络。", n=rules.MOST))
    if address is not None and found and not rules.within(address, found):
        raise Conflict(_("您现在的地址 %(address)s 不在其中，保存后您自己也登录不了。", address=address))
    row = of(session, realm)
    row.apart, row.networks = apart, found
    session.add(row)
    session.flush()
