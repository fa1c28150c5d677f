"""Verbs of passwords: looking one up, judging and hashing a new one, storing it. Judging is slow and holds no transaction."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import argon2
import sqlalchemy as sa
from sqlalchemy.orm import Session

from accounts.models import Grant, Person, Role
from accounts.signin import failures, password_rules
from accounts.signin.models import FormerPassword
from accounts.signin.password_rules import KEPT, Whose
from accounts.validity import in_force
from core.errors import Conflict, Invalid
from core.i18n import gettext as _

REPORTER = "reporter"
_hasher = argon2.PasswordHasher()  # argon2id with the library's recommended cost
_nobody_hash: list[str] = []


@dataclass(frozen=True)
class Former:
    """What is known of somebody before a new password is judged. `hashes`: the present one first, then the last few."""

    whose: Whose
    hashes: tuple[str, ...] = ()

    @property
    def present(self) -> str | None:
        """The hash now stored; None where there is none."""
        return self.hashes[0] if self.hashes else None


def hash_password(password: str) -> str:
    """An argon2id hash. Slow on purpose: never while a writing transaction is open (SQLite has one writer)."""
    return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether this is the password; takes equally long where there is none. Slow, see hash_password."""
    if stored is None:
        if not _nobody_hash:
            _nobody_hash.append(hash_password("nobody has this password"))
        stored_or_dummy = _nobody_hash[0]
    else:
        stored_or_dummy = stored
    try:
        return _hasher.verify(stored_or_dummy, password) and stored is not None
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Whether this hash was made at a cost that is no longer the library's."""
    return _hasher.check_needs_rehash(stored)


def refuse_directory(directory: bool) -> None:
    """Raise Conflict for people of the directory: a second password here would outlive the one that was taken away there."""
    if directory:
        raise Conflict(_("此人由目录服务登录，本平台没有也不能设置口令；请在目录中修改。"))


def former(session: Session, person: Person) -> Former:
    """What a new password of this person is judged against."""
    kept = session.scalars(
        sa.select(FormerPassword.password_hash)
        .where(FormerPassword.person_id == person.id)
        .order_by(FormerPassword.id.desc())
        .limit(KEPT - 1)
    )
    present = (person.password_hash,) if person.password_hash else ()
    return Former(Whose(person.login, person.name, person.directory), (*present, *kept))


def accept(known: Former, password: str, *, field: str = "password") -> str:
    """The hash of a new password. Raises Invalid where it is too weak or one of the last few, Conflict where the directory
    has the person's password. Slow, see hash_password."""
    refuse_directory(known.whose.directory)
    if problem := password_rules.problem(password, known.whose):
        raise Invalid.of(field, str(problem))
    if any(verify(old, password) for old in known.hashes):
        raise Invalid.of(field, _("不能与最近 %(n)d 次用过的口令相同。", n=KEPT))
    return hash_password(password)


def store(session: Session, person: Person, hashed: str, *, now: dt.datetime, by_administrator: bool = False) -> None:
    """Give a stored person a new password, from `accept`. One an administrator gave is changed at the first sign-in."""
    refuse_directory(person.directory)
    if person.password_hash is not None:
        session.add(FormerPassword(person_id=person.id, password_hash=person.password_hash, replaced_at=now))
        session.flush()
    kept = sa.select(FormerPassword.id).where(FormerPassword.person_id == person.id)
    old = list(session.scalars(kept.order_by(FormerPassword.id.desc()).offset(KEPT - 1)))
    if old:
        session.execute(sa.delete(FormerPassword).where(FormerPassword.id.in_(old)))
    person.password_hash, person.password_set_at, person.password_due = hashed, now, by_administrator
    person.access_version += 1
    failures.forget(session, person.login)


def due(session: Session, person: Person, *, now: dt.datetime) -> bool:
    """Whether the next sign-in asks for a new password: this one was an administrator's, or is too old for a role."""
    if person.password_hash is None:
        return False
    if person.password_due:
        return True
    held = sa.select(Grant.role_code).where(Grant.person_id == person.id, in_force(now))
    asked = sa.select(sa.func.min(Role.password_days)).where(sa.or_(Role.code.in_(held), Role.code == REPORTER))
    return password_rules.too_old(person.password_set_at or person.created_at, session.scalar(asked), now)
