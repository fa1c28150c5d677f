"""Talking to an LDAP directory: TLS verified, filters escaped, an empty password never sent.

Source: RFC 4513 section 5.1.2: a bind with a name and an empty password succeeds as anonymous, so it proves nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPInvalidCredentialsResult
from ldap3.utils.conv import escape_filter_chars

from core.errors import Unavailable
from core.i18n import gettext as _

WAIT_S = 5
PAGE = 500


@dataclass(frozen=True)
class Directory:
    """Where it is and how its people look. `url` ldaps://… or ldap://… (then StartTLS); `ca_file`: whom to trust."""

    url: str
    base: str
    bind_dn: str
    bind_password: str
    ca_file: str | None = None
    login: str = "uid"
    name: str = "cn"
    email: str = "mail"
    phone: str = "telephoneNumber"
    unit: str = "departmentNumber"
    people: str = "(objectClass=inetOrgPerson)"


@contextmanager
def _open(directory: Directory, dn: str, password: str) -> Iterator[ldap3.Connection]:
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=directory.ca_file)
    server = ldap3.Server(directory.url, tls=tls, connect_timeout=WAIT_S)
    connection = ldap3.Connection(server, dn, password, raise_exceptions=True, receive_timeout=WAIT_S)
    try:
        if directory.url.startswith("ldap://"):
            connection.start_tls()
        connection.bind()
        yield connection
    finally:
        connection.unbind()


def right_password(directory: Directory, login: str, password: str) -> bool:
    """Whether this is the password of exactly one entry. Raises Unavailable where the directory can't be asked."""
    if not password or "\0" in password:
        return False
    try:
        dn = _dn_of(directory, login)
        if dn is None:
            return False
        with _open(directory, dn, password):
            return True
    except LDAPInvalidCredentialsResult:
        return False
    except LDAPException as error:
        raise Unavailable(_("目录服务暂时不可用，请稍后再试。")) from error


def _dn_of(directory: Directory, login: str) -> str | None:
    with _open(directory, directory.bind_dn, directory.bind_password) as connection:
        wanted = f"(&{directory.people}({directory.login}={escape_filter_chars(login)}))"
        connection.search(directory.base, wanted, attributes=[], size_limit=2)
        found = [entry["dn"] for entry in connection.response or [] if entry["type"] == "searchResEntry"]
        return str(found[0]) if len(found) == 1 else None


def entries(directory: Directory) -> Iterator[dict[str, str]]:
    """Everybody, as login, name, email, phone and unit. Raises Unavailable: half a list must never look like a whole one."""
    names = {key: getattr(directory, key) for key in ("login", "name", "email", "phone", "unit")}
    try:
        with _open(directory, directory.bind_dn, directory.bind_password) as connection:
            pages = connection.extend.standard.paged_search(
                directory.base, directory.people, attributes=list(names.values()), paged_size=PAGE, generator=True
            )
            for entry in pages:
                if entry["type"] == "searchResEntry":
                    yield {key: _first(entry["attributes"].get(name)) for key, name in names.items()}
    except LDAPException as error:
        raise Unavailable(_("目录服务暂时不可用，请稍后再试。")) from error


def _first(value: Any) -> str:
    found = value[0] if isinstance(value, list) and value else value
    return str(found).strip() if found not in (None, []) else ""
