"""Talking to an LDAP directory: TLS verified, filters escaped, an empty password never sent, nobody waits for long.

Source: RFC 4513 section 5.1.2: a bind with a name and an empty password succeeds as anonymous, so it proves nothing;
RFC 4515: what is escaped in a filter.
"""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import ldap3
import structlog
from ldap3.core import exceptions as errors
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

from config import Settings
from core.errors import Unavailable
from core.i18n import gettext as _

log = structlog.get_logger()

WAIT_S = 5
AWAY_S = 10.0
"""Who asks so soon after nobody answered hears at once that the directory is away."""
AT_ONCE = 8
PAGE = 500
_PAGED = "1.2.840.113556.1.4.319"  # RFC 2696
_SIZE_LIMIT = 4
NAMES = ("login", "name", "email", "phone", "unit")

# What a bind answers where the password does not let somebody in: wrong, none there, locked, or not allowed in.
_NOT_IN = (
    errors.LDAPInvalidCredentialsResult,
    errors.LDAPInappropriateAuthenticationResult,
    errors.LDAPConstraintViolationResult,
    errors.LDAPUnwillingToPerformResult,
    errors.LDAPInsufficientAccessRightsResult,
    errors.LDAPInvalidDNSyntaxResult,
    errors.LDAPPasswordIsMandatoryError,
    errors.LDAPInvalidValueError,  # a password that SASLprep does not let through
)


@dataclass(frozen=True)
class Directory:
    """Where it is and how its people look. `url` ldaps://… or ldap://… (then StartTLS); `ca_file`: whom to trust, empty
    means the machine's own authorities. `attributes`: what each of NAMES is called there."""

    url: str
    base: str
    bind_dn: str
    bind_password: str = field(repr=False)
    ca_file: str = ""
    people: str = "(objectClass=inetOrgPerson)"
    attributes: tuple[tuple[str, str], ...] = (
        ("login", "uid"), ("name", "cn"), ("email", "mail"), ("phone", "telephoneNumber"), ("unit", "departmentNumber"),
    )  # fmt: skip

    def named(self, name: str) -> str:
        """The directory's attribute for one of NAMES; empty where it is not taken over."""
        return dict(self.attributes).get(name, "")


def of_settings(settings: Settings) -> Directory | None:
    """The directory that is set, or None."""
    if not settings.ldap_url:
        return None
    return Directory(
        url=settings.ldap_url,
        base=settings.ldap_base,
        bind_dn=settings.ldap_bind_dn,
        bind_password=settings.ldap_bind_password,
        ca_file=settings.ldap_ca_file,
        people=settings.ldap_people,
        attributes=tuple(settings.ldap_names.items()),
    )


class _Tls(ldap3.Tls):  # type: ignore[misc]  # the library has no types
    """TLS as Python itself makes it: the chain and the host's name are verified before anything is said."""

    def __init__(self, ca_file: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = ssl.create_default_context(cafile=ca_file or None)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002  the library's signature
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)


class _Patience:
    """Keeps those who sign in from all waiting for a directory that is away: local people need the threads, too."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._away: dict[str, float] = {}

    @contextmanager
    def asking(self, url: str) -> Iterator[None]:
        """Raises Unavailable where somebody just found it away, or too many ask at this moment."""
        if time.monotonic() < self._away.get(url, 0.0) or not self._places.acquire(timeout=WAIT_S):
            raise Unavailable(_away())
        try:
            yield
        except Unavailable:
            self._away[url] = time.monotonic() + AWAY_S
            raise
        finally:
            self._places.release()

    def forget(self) -> None:
        """Ask again at once."""
        self._away.clear()


patience = _Patience()


def _away() -> str:
    return _("目录服务暂时不可用，请稍后再试。本地账号（如管理员）不受影响，仍可登录。")


@contextmanager
def _open(directory: Directory, dn: str, password: str) -> Iterator[ldap3.Connection]:
    """A connection bound as `dn`. Referrals are not followed: they would take the password elsewhere."""
    try:
        tls = _Tls(directory.ca_file)
    except OSError as error:  # the file of authorities is none
        raise errors.LDAPSSLConfigurationError(str(error)) from error
    server = ldap3.Server(directory.url, tls=tls, connect_timeout=WAIT_S, get_info=ldap3.NONE)
    connection = ldap3.Connection(
        server, dn, password, raise_exceptions=True, receive_timeout=WAIT_S, auto_referrals=False, read_only=True
    )
    try:
        connection.open(read_server_info=False)
        if not server.ssl and not connection.start_tls(read_server_info=False):
            raise errors.LDAPStartTLSError(_said(connection))
        # the library raises for most answers that are no success, but not for a referral, a limit or half a SASL bind
        if not connection.bind(read_server_info=False):
            raise errors.LDAPBindError(_said(connection))
        yield connection
    finally:
        left = connection.socket
        with suppress(errors.LDAPException):  # saying goodbye must not hide what went wrong
            connection.unbind()
        if left is not None:
            left.close()


def _said(connection: ldap3.Connection) -> str:
    return str((connection.result or {}).get("description", "no success"))


@contextmanager
def _asked(directory: Directory, what: str) -> Iterator[None]:
    """Turn what the library says into Unavailable, and tell the administrators why in the log."""
    try:
        yield
    except errors.LDAPException as error:
        log.warning("directory.away", asked=what, error=type(error).__name__, said=str(error)[:300], url=directory.url)
        raise Unavailable(_away()) from error


def right_password(directory: Directory, login: str | None, password: str) -> bool:
    """Whether this is the password of exactly one entry. Raises Unavailable where the directory can't be asked.

    With None for a login that nobody has it asks as long for what can't be there, so that the delay does not tell.
    """
    if not password or "\0" in password:
        return False
    with patience.asking(directory.url), _asked(directory, "password"):
        found = _dn_of(directory, login or secrets.token_hex(8))
        if (
            found is None or login is None
        ):  # what was typed is not shown to anybody then: it may be a password elsewhere
            password = secrets.token_hex(8)
        nobody = f"{directory.named('login')}={escape_rdn(secrets.token_hex(8))},{directory.base}"
        try:
            with _open(directory, found or nobody, password):
                return found is not None and login is not None
        except _NOT_IN:
            return False
        except errors.LDAPNoSuchObjectResult:  # the entry that was made up; or one that went meanwhile
            return False


def _dn_of(directory: Directory, login: str) -> str | None:
    wanted = f"(&{directory.people}({directory.named('login')}={escape_filter_chars(login)}))"
    with _open(directory, directory.bind_dn, directory.bind_password) as connection:
        answer = _search(connection, directory.base, wanted, [ldap3.NO_ATTRIBUTES], size_limit=2)
        return str(answer[0]["dn"]) if len(answer) == 1 else None


def entries(directory: Directory) -> list[dict[str, str]]:
    """Everybody, each with NAMES. Raises Unavailable: half a list must never look like a whole one."""
    wanted = {name: attribute for name, attribute in directory.attributes if attribute}
    found: list[dict[str, str]] = []
    cookie: bytes | None = None
    with _asked(directory, "people"), _open(directory, directory.bind_dn, directory.bind_password) as connection:
        while cookie is None or cookie:
            page = _search(
                connection,
                directory.base,
                directory.people,
                list(wanted.values()),
                paged_size=PAGE,
                paged_cookie=cookie,
            )
            found += [_read(entry, wanted) for entry in page]
            cookie = connection.result["controls"].get(_PAGED, {}).get("value", {}).get("cookie") or b""
    return found


def _search(connection: ldap3.Connection, base: str, wanted: str, attributes: list[str], **more: Any) -> list[Any]:
    """The entries found. Raises LDAPException also where the library does not: a limit that was met, a base that is none."""
    connection.search(base, wanted, attributes=attributes, **more)
    code = connection.result["result"]
    if code and not (code == _SIZE_LIMIT and more.get("size_limit")):
        raise errors.LDAPOperationResult(code, connection.result["description"], base)
    return [entry for entry in connection.response or [] if entry["type"] == "searchResEntry"]


def _read(entry: dict[str, Any], wanted: dict[str, str]) -> dict[str, str]:
    """The first value of each attribute as text; the directory may spell an attribute's name in other letters."""
    there = {str(name).lower(): values for name, values in entry["raw_attributes"].items()}
    found = dict.fromkeys(NAMES, "")
    for name, attribute in wanted.items():
        values = there.get(attribute.lower()) or [b""]
        found[name] = " ".join(values[0].decode("utf-8", "replace").replace("\0", "").split())
    found["login"] = found["login"].lower()
    return found
