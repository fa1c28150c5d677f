"""One frozen settings object: defaults.toml < TAXOPS_HOME/taxops.toml < environment.

A wrong value stops the start with the setting's name, what was given and what is allowed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PREFIX = "TAXOPS_"
DATABASE_KEEPS_DAYS = 400  # migrations/append_only.py; the law asks for 180 at least
MOST_DAYS = 36500
FILE_NAME = "taxops.toml"
SECRET_SETTINGS = frozenset(
    {
        "secret_key",
        "database_url",
        "broker_url",
        "elasticsearch_url",
        "elasticsearch_api_key",
        "smtp_url",
        "heartbeat_url",
        "ldap_bind_password",
        "oidc_client_secret",
    }
)


class SettingError(Exception):
    """A setting has a value that is not allowed; the message names it, the value and what is allowed."""

    def __init__(self, name: str, given: str, allowed: str) -> None:
        shown = "(hidden)" if name in SECRET_SETTINGS else repr(given)
        super().__init__(f"{PREFIX}{name.upper()}: {shown} is not allowed; allowed: {allowed}")
        self.name = name


@dataclass(frozen=True)
class Settings:
    """All settings of one running program. `home` holds all state."""

    home: Path
    bind: str
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    elasticsearch_url: str = field(repr=False)
    elasticsearch_api_key: str = field(repr=False)
    elasticsearch_ca_file: str
    elasticsearch_index: str
    remote_write_url: str
    promql_url: str
    secret_key: str = field(repr=False)
    locale: str
    timezone: str
    public_url: str
    secure_cookies: str
    smtp_url: str = field(repr=False)
    mail_from: str
    heartbeat_url: str = field(repr=False)
    trusted_proxies: str
    check_networks: str
    send_networks: str
    leave_s: str
    audit_keep_days: str
    syslog_url: str
    syslog_ca_file: str
    ldap_url: str
    ldap_base: str
    ldap_bind_dn: str
    ldap_bind_password: str = field(repr=False)
    ldap_ca_file: str
    ldap_people: str
    ldap_attributes: str
    ldap_most_disabled: str
    ldap_sync_hours: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    oidc_claim: str
    oidc_scope: str
    oidc_ca_file: str
    oidc_label: str
    log_level: str

    @property
    def host(self) -> str:
        """The address part of `bind`."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port part of `bind`."""
        return int(self.bind.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """What links in mails begin with, without a slash at the end."""
        return (self.public_url or f"http://{self.bind}").rstrip("/")

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Networks of the reverse proxies whose word on the client's address is taken."""
        return self.networks("trusted_proxies")

    def networks(self, name: str) -> tuple[Network, ...]:
        """The networks that the setting `name` lists."""
        return tuple(ipaddress.ip_network(part.strip()) for part in getattr(self, name).split(",") if part.strip())

    @property
    def leave_seconds(self) -> float:
        """How long a process that was told to stop is not ready, but still serves."""
        return float(self.leave_s)

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded default, one process on SQLite."""
        return self.database_url.startswith("sqlite")

    @property
    def audit_days(self) -> int:
        """How many days the audit trail is kept."""
        return int(self.audit_keep_days)

    @property
    def ldap_names(self) -> dict[str, str]:
        """What the directory calls a person's login, name, email, phone and unit."""
        return dict(pair.split("=") for pair in "".join(self.ldap_attributes.split()).split(",") if pair)

    def path(self, *parts: str) -> Path:
        """A path below `home`."""
        return self.home.joinpath(*parts)


def _bind(value: str) -> bool:
    host, _, port = value.rpartition(":")
    return bool(host) and port.isdigit() and 0 <= int(port) <= 65535  # noqa: PLR2004  the port range


def _url(*schemes: str) -> Callable[[str], bool]:
    def ok(value: str) -> bool:
        try:
            parts = urlsplit(value)
        except ValueError:  # a bracket without its twin
            return False
        return not value or (parts.scheme in schemes and bool(parts.netloc or parts.path))

    return ok


def _port(value: str) -> bool:
    try:
        return urlsplit(value).port != 0
    except ValueError:
        return False


def _urls(*schemes: str) -> Callable[[str], bool]:
    one = _url(*schemes)
    return lambda value: all(part.strip() and one(part.strip()) for part in value.split(",")) if value else True


def _on_this_machine(value: str) -> bool:
    return _url("http")(value) and urlsplit(value).hostname in {"127.0.0.1", "localhost"}


def _beaten(value: str) -> bool:
    """An address that the auditor's HTTP client will take, so that it is not found wanting a minute after the start."""
    if not value:
        return True
    import httpx  # only where a heartbeat is set: the commands start faster without it

    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, ValueError):
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _networks(value: str) -> bool:
    try:
        return all(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        return False


def _attributes(value: str) -> bool:
    """Pairs such as login=uid; the login there must be."""
    pairs = [pair for pair in "".join(value.split()).split(",") if pair]
    names = [pair.partition("=")[0] for pair in pairs]
    fine = all(re.fullmatch(r"(login|name|email|phone|unit)=[A-Za-z][A-Za-z0-9.;-]*", pair) for pair in pairs)
    return fine and len(set(names)) == len(names) and {"login", "name", "unit"} <= set(names)


def _days_kept(value: str) -> bool:
    return value.isascii() and value.isdecimal() and DATABASE_KEEPS_DAYS <= int(value) <= MOST_DAYS


def _zone(value: str) -> bool:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True


_CA_FILE = (lambda v: not v or Path(v).is_file(), "a file with the certificates of the authority, in PEM")
_RULES: Mapping[str, tuple[Callable[[str], bool], str]] = {
    "bind": (_bind, "ADDRESS:PORT, such as 127.0.0.1:8000"),
    "database_url": (
        _url("sqlite", "postgresql", "postgresql+psycopg"),
        "sqlite:////absolute/file.db or postgresql://user:password@host/database",
    ),
    "broker_url": (_url("amqp", "amqps", "redis", "rediss"), "amqp://… or redis://…"),
    "elasticsearch_url": (_urls("http", "https"), "https://user:password@host:9200, several divided by commas"),
    "elasticsearch_ca_file": _CA_FILE,
    "elasticsearch_index": (
        lambda v: re.fullmatch(r"[a-z][a-z0-9_-]{0,60}", v) is not None,
        "lower-case letters, digits, - and _, a letter first",
    ),
    "remote_write_url": (_url("http", "https"), "http://host:8428/api/v1/write"),
    "promql_url": (_url("http", "https"), "http://host:8428"),
    "secret_key": (lambda v: len(v) >= 32, "at least 32 characters"),  # noqa: PLR2004  256 bits of hex are 64, 32 the least
    "locale": (lambda v: v in {"zh_CN", "en"}, "zh_CN or en"),
    "timezone": (_zone, "a name of the time zone database, such as Asia/Shanghai"),
    "public_url": (_url("http", "https"), "https://host"),
    "secure_cookies": (lambda v: v in {"auto", "always", "never"}, "auto, always or never"),
    "smtp_url": (_url("smtp", "smtps"), "smtp://user:password@host:25 or smtps://…"),
    "mail_from": (lambda v: "@" in v, "an e-mail address"),
    "heartbeat_url": (_beaten, "https://…, an address that expects a beat every minute"),
    "trusted_proxies": (_networks, "addresses or networks divided by commas, such as 127.0.0.1, 10.61.0.0/24"),
    "check_networks": (_networks, "networks that checks may reach, such as 10.61.0.0/16, 127.0.0.0/8"),
    "send_networks": (_networks, "networks that web hooks and sign-in may reach, such as 10.61.0.0/16"),
    "leave_s": (lambda v: v.isdigit() and int(v) <= 60, "whole seconds from 0 to 60"),  # noqa: PLR2004  a minute is enough
    "audit_keep_days": (_days_kept, f"a number of days from {DATABASE_KEEPS_DAYS} to {MOST_DAYS}"),
    "syslog_url": (
        lambda v: not v or (_url("udp", "tcp", "tls")(v) and bool(urlsplit(v).hostname) and _port(v)),
        "udp://host:514, tcp://host:601 or tls://host:6514",
    ),
    "syslog_ca_file": _CA_FILE,
    "ldap_url": (
        lambda v: not v or (_url("ldap", "ldaps")(v) and bool(urlsplit(v).hostname)),
        "ldaps://host:636, or ldap://host:389 (StartTLS is used)",
    ),
    "ldap_ca_file": _CA_FILE,
    "ldap_people": (
        lambda v: v.startswith("(") and v.endswith(")") and v.count("(") == v.count(")"),
        "an LDAP filter in brackets, such as (objectClass=inetOrgPerson)",
    ),
    "ldap_attributes": (_attributes, "login=uid, name=cn, unit=departmentNumber; also email= and phone="),
    "ldap_most_disabled": (lambda v: v.isdecimal() and int(v) <= 100, "per cent from 0 to 100"),  # noqa: PLR2004
    "ldap_sync_hours": (lambda v: v.isdecimal() and int(v) <= 168, "hours from 0 (never by itself) to 168"),  # noqa: PLR2004
    "oidc_issuer": (
        lambda v: not v or (_url("https")(v) and not urlsplit(v).query) or _on_this_machine(v),
        "https://host/path, exactly as the provider names itself",
    ),
    "oidc_claim": (
        lambda v: re.fullmatch(r"[A-Za-z0-9_.:/-]{1,80}", v) is not None,
        "a claim such as preferred_username",
    ),
    "oidc_scope": (lambda v: "openid" in v.split(), "names divided by spaces, openid among them"),
    "oidc_ca_file": _CA_FILE,
    "oidc_label": (lambda v: len(v) <= 40, "at most 40 characters"),  # noqa: PLR2004  what fits on a button
    "log_level": (lambda v: v in {"debug", "info", "warning", "error"}, "debug, info, warning or error"),
}


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; creates TAXOPS_HOME and its secret key where they are missing.

    Raises SettingError for a value that is not allowed, an unknown setting in the file, or a file that is not TOML.
    """
    env = os.environ if environment is None else environment
    home = Path(env.get(f"{PREFIX}HOME") or "./var").expanduser().resolve()
    values: dict[str, Any] = tomllib.loads((Path(__file__).parent / "defaults.toml").read_text(encoding="utf-8"))
    values |= _from_file(home / FILE_NAME, known=set(values))
    for name in values:
        if (given := env.get(f"{PREFIX}{name.upper()}")) is not None:
            values[name] = given
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    values["database_url"] = str(values["database_url"]) or f"sqlite:///{home / 'taxops.db'}"
    values["secret_key"] = str(values["secret_key"]) or _own_secret(home / "secret.key")
    for name, (ok, allowed) in _RULES.items():
        if not ok(str(values[name])):
            raise SettingError(name, str(values[name]), allowed)
    _together(values)
    known = {f.name for f in fields(Settings)}
    return Settings(home=home, **{k: str(v) for k, v in values.items() if k in known})


_NEEDS = {
    "ldap_url": ("ldap_base", "ldap_bind_dn", "ldap_bind_password"),
    "oidc_issuer": ("oidc_client_id", "oidc_client_secret", "public_url"),
}
"""What must be set where another is."""


def _together(values: Mapping[str, Any]) -> None:
    for name, needed in _NEEDS.items():
        for other in needed if values[name] else ():
            if not values[other]:
                raise SettingError(other, "", f"not empty, since {PREFIX}{name.upper()} is set")


def _from_file(path: Path, *, known: set[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError("home", str(path), f"a TOML file ({error})") from error
    for name in values:
        if name not in known:
            raise SettingError(name, str(values[name]), "one of " + ", ".join(sorted(known)))
    return values


def _own_secret(path: Path) -> str:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_text(encoding="ascii").strip()
